"""Every patch-embedding filter, nearly grey ones first, then by hue."""

import viz

net = viz.load("imagenette-p7")
viz.patch_filters(net).plot(width="page").savefig("patch-filters.png", dpi=150)
