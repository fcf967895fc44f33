"""Feature maps of a photograph beside the kernels that made them."""

from sklearn.datasets import load_sample_image

import viz

net = viz.load("imagenette-p7")
found = viz.feature_maps(net, load_sample_image("china.jpg"))
found.plot(width="page").savefig("feature-maps.png", dpi=150)
