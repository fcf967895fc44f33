"""How much of a photograph a unit sees, and how much of it it uses, by depth."""

from sklearn.datasets import load_sample_image

import viz

net = viz.load("imagenette-p7")
found = viz.receptive_field(net, load_sample_image("china.jpg"))
found.plot(width="page").savefig("receptive-field.png", dpi=150)
