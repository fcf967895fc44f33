"""The same kernels by the name of what they look like, each in a thin frame of its colour."""

import viz

net = viz.load("imagenette-p7")
viz.kernels(net).plot("by-name", width="page").savefig("kernels-by-name.png", dpi=150)
