"""After which block the answer to a photograph stands."""

from sklearn.datasets import load_sample_image

import viz

net = viz.load("imagenette-p7")
found = viz.decision_by_depth(net, load_sample_image("china.jpg"))
found.plot(width="page").savefig("decision-by-depth.png", dpi=150)
