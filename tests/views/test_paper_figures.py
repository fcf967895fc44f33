"""Of every view: figures go into a paper, findings can be said, the network stays as it was."""

import numpy as np
import pytest
import torch
from explained_networks import same_state, state
from quick import CHEAP, small_nulls
from readable import unfit, unfit_of
from spoken import WITHOUT_NULL, judged

from viz.network.checkpoint import load
from viz.plot.style import MM, new_figure
from viz.views import COMPARISONS, VIEWS, Given
from viz.views._template.card import VIEW as TEMPLATE

IN_EVALUATION = ("feature-maps", "top-patches", "preferred-inputs", "selectivity")
"""Views that ask for a network in evaluation mode."""


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


@pytest.mark.parametrize("row", [*VIEWS, *COMPARISONS, TEMPLATE], ids=lambda row: row.name)
def test_figures_go_into_a_paper_findings_can_be_said_and_the_network_stays(row, pair):
    networks = pair if row in COMPARISONS else pair[:1]
    for each in networks:
        each.model.train(row.name not in IN_EVALUATION).requires_grad_(True)
    before, random = [state(each.model) for each in networks], torch.get_rng_state()
    with small_nulls():
        result = row.measure(*networks, Given(), **CHEAP.get(row.name, {}))
    after = [state(each.model) for each in networks]
    assert all(same_state(one, other) for one, other in zip(before, after, strict=True))
    assert torch.equal(torch.get_rng_state(), random)
    files = (".safetensors", "small") if row not in COMPARISONS else (".safetensors",)
    assert unfit_of(row.figures, result, files) == []
    if row.sentence:
        judged(row.sentence(result), null=row.name not in WITHOUT_NULL)


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
