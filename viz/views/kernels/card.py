"""Depthwise kernels described: names, shapes, descriptors, by depth."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from viz.views.base import FigureRow, View
from viz.views.described import depthwise_description

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["VIEW"]


def _kernels(result: Any, *, narrow: bool = False) -> Figure:
    from viz.plot.style import ONE_COLUMN, TWO_COLUMNS
    from viz.views.kernels.draw import kernels_mosaic
    from viz.views.weights.draw import drawn_mosaic

    width = ONE_COLUMN if narrow else TWO_COLUMNS
    return drawn_mosaic(kernels_mosaic(result, width), width=width)


def _sentence(result: Any) -> str:
    numbers = result.summary()
    network, null = numbers["network"], numbers["null"]
    shares = {name: share for name, share in network["shares"].items() if name != "unnamed"}
    named = sorted((n for n in shares if shares[n] > 0), key=lambda n: -shares[n])[:3]
    commonest = ", ".join(f"{100 * shares[name]:.0f} % {name}" for name in named) or "none"
    fits = network["r2"]["by_shapes"]
    chance = null["shuffled_r2_by_shapes"]
    return (
        f"{100 * (network['coverage'] or 0):.0f} % of {numbers['n']} depthwise kernels look "
        f"clearly like something: {commonest}. Of {null['init_n']} randomly initialised kernels "
        f"{100 * (null['init_coverage'] or 0):.1f} % do. One shape explains "
        f"{100 * (fits[0] or 0):.0f} % of the median kernel's energy, {len(fits)} shapes "
        f"{100 * (fits[-1] or 0):.0f} %"
        + (f"; of shuffled taps {100 * chance[0]:.0f} and {100 * chance[-1]:.0f} %." if chance
           else ".")
    )  # fmt: skip


def _figures() -> tuple[FigureRow, ...]:
    from viz.plot.figures import both, drawn
    from viz.plot.style import MM, ONE_COLUMN
    from viz.views.kernels import draw, draw_by_block

    return (
        FigureRow(
            "depthwise",
            "Depthwise kernels by depth, from the first block to the last, as they stand in the "
            "network.",
            _kernels,
            partial(_kernels, narrow=True),
        ),
        FigureRow(
            "depthwise-names",
            "The same kernels ordered by name.",
            *both(draw.draw_named, draw.named_figure),
        ),
        FigureRow(
            "depthwise-dictionary",
            "What each name means here: its clearest and its least clear kernels.",
            *both(draw.draw_dictionary, draw.dictionary_figure),
        ),
        FigureRow(
            "depthwise-composition",
            "Shares of the names by block, and of a randomly initialised network.",
            drawn(draw_by_block.draw_composition, (ONE_COLUMN, 62 * MM)),
        ),
        FigureRow(
            "depthwise-fits",
            "Kernel, description and residual of the best, the median and the worst fits.",
            *both(draw.draw_fits, draw.fits_figure),
        ),
    )


VIEW = View(
    "depthwise",
    "Depthwise kernels by depth",
    depthwise_description,
    "viz.views.kernels.result:DepthwiseDescription",
    _figures,
    "A name says what the whole kernel looks like, where that is clear; of kernels that "
    "readers named blind, five in six named ones were called the same by one of two readers. "
    "Each block has its own colour scale, so colours of two blocks cannot be compared. A batch "
    "norm follows every kernel: a pale kernel may matter as much as a strong one.",
    summary=lambda result: result.summary(),
    sentence=_sentence,
)
