"""Names of kernels: a view of the catalogue."""

from __future__ import annotations

from viz.explorer.found import show_view

show_view("depthwise")
