"""What is said of early and late kernels, and how far it holds here."""

import viz

found = viz.early_late(viz.load("imagenette-p7"))
found.plot("statements", width="page").savefig("statements.png", dpi=150)
