"""Early beside late kernels at the same size."""

import viz

found = viz.early_late(viz.load("imagenette-p7"))
found.plot(width="page").savefig("early-late.png", dpi=150)
