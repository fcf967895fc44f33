"""What each patch of a photograph gives to the answer."""

from sklearn.datasets import load_sample_image

import viz

net = viz.load("imagenette-p7")
found = viz.evidence(net, load_sample_image("china.jpg"))
found.plot(width="page").savefig("evidence.png", dpi=150)
