"""Depthwise kernels by depth: sixty-four of each block."""

import viz

net = viz.load("imagenette-p7")
viz.kernels(net).plot(width="page").savefig("kernels.png", dpi=150)
