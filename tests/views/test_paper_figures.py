"""Every figure of every view goes into a paper as it is."""

import numpy as np
import pytest
import torch
from readable import unfit

from viz.network.checkpoint import load
from viz.plot.style import MM, new_figure
from viz.views import COMPARISONS, VIEWS, Given
from viz.views._template.card import VIEW as TEMPLATE


@pytest.fixture(scope="module")
def pair(small_file):
    """A network with some kernels that have names, and the same after a little more training."""
    y, x = np.mgrid[-2:3, -2:3]
    shapes = (x == 0) & (y == 0), np.sign(x), 1.0 * (y == 0), np.exp(-(x**2 + y**2) / 3)
    first, second = load(small_file), load(small_file)
    torch.manual_seed(1)
    with torch.no_grad():
        for block in range(first.config.depth):
            kernels = first.model.depthwise_kernels(block)
            for channel in range(12):
                shape = torch.tensor(shapes[channel % 4], dtype=torch.float32)
                kernels[channel] = shape + 0.05 * torch.randn(5, 5)
        for before, after in zip(first.model.parameters(), second.model.parameters(), strict=True):
            after.copy_(before + 0.05 * torch.randn_like(before) * before.abs().mean())
    return first, second


def made(row, result):
    """All figures of a row, by the names of their files."""
    for each in row.figures:
        yield each.name, each.make(result)
        if each.narrow:
            yield f"{each.name}, one column", each.narrow(result)


@pytest.mark.parametrize("row", [*VIEWS, *COMPARISONS, TEMPLATE], ids=lambda row: row.name)
def test_every_figure_goes_into_a_paper_as_it_is(row, pair):
    networks = pair if row in COMPARISONS else pair[:1]
    result = row.measure(*networks, Given())
    found = []
    for name, figure in made(row, result):
        found += [f"{name}: {fault}" for fault in unfit(figure, ("small", ".safetensors"))]
    assert found == []


def test_the_check_finds_what_a_paper_does_not_take():
    figure = new_figure(100 * MM, 230 * MM, dpi=100)
    figure.set_label("How to read it.")
    figure.text(0.1, 0.9, "small.safetensors · a title")
    figure.text(0.1, 0.5, "How to read it.")
    found = " ".join(unfit(figure, ("small",)))
    for words in ("100 mm wide", "230 mm high", "names a file", "holds its own caption"):
        assert words in found
    figure.set_label("")
    assert "no caption" in " ".join(unfit(figure, ()))
