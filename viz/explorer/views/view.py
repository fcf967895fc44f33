"""Any view that needs no page of its own, by the address."""

from __future__ import annotations

from viz.explorer import state
from viz.explorer.app import shown_view
from viz.explorer.found import show_view

show_view(shown_view(state.page()))
