"""Figures of views are drawn in the project's own style, as their cards have them drawn."""

import pytest

from viz.plot.style import own_style


@pytest.fixture(autouse=True)
def in_own_style():
    with own_style():
        yield
