"""Depthwise kernels described: labels, atoms, descriptors, by depth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viz.catalogue.base import FigureRow, View
from viz.catalogue.described import depthwise_description

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["VIEWS"]


def _plain(result: Any) -> Figure:
    from viz.draw.weights import drawn_mosaic, kernel_mosaic

    return drawn_mosaic(kernel_mosaic(result.bank()))


def _view(name: str) -> Any:
    def make(result: Any) -> Figure:
        from viz.draw import depthwise

        figure: Figure = getattr(depthwise, f"{name}_figure")(result)
        getattr(depthwise, f"draw_{name}")(result, figure)
        return figure

    return make


def _composition_narrow(result: Any) -> Figure:
    from viz.draw.depthwise import draw_composition
    from viz.draw.style import MM, ONE_COLUMN, new_figure

    figure = new_figure(ONE_COLUMN, 82 * MM)
    draw_composition(result, figure)
    return figure


def _sentence(result: Any) -> str:
    numbers = result.summary()
    network, null = numbers["network"], numbers["null"]
    shares = {name: share for name, share in network["shares"].items() if name != "unclassified"}
    named = sorted((n for n in shares if shares[n] > 0), key=lambda n: -shares[n])[:3]
    most = ", ".join(f"{100 * shares[name]:.0f} % {name}" for name in named) or "none"
    fits = network["r2"]["by_atoms"]
    chance = null["shuffled_r2_by_atoms"]
    return (
        f"Of {numbers['n']} depthwise kernels {100 * network['coverage']:.0f} % are described "
        f"better than shuffled taps (of {null['init_n']} randomly initialised ones "
        f"{100 * (null['init_coverage'] or 0):.1f} %): {most}. The strongest shape alone explains "
        f"{100 * (fits[0] or 0):.0f} % of the median kernel, {len(fits)} shapes "
        f"{100 * (fits[-1] or 0):.0f} %"
        + (f"; of shuffled taps {100 * chance[0]:.0f} and {100 * chance[-1]:.0f} %." if chance
           else ".")
    )  # fmt: skip


VIEWS: tuple[View, ...] = (
    View(
        "depthwise",
        "Depthwise kernels by depth",
        depthwise_description,
        "viz.results.depthwise:DepthwiseDescription",
        (
            FigureRow(
                "depthwise",
                "Depthwise kernels, the same 64 channels of every block (all, if there are fewer), "
                "ordered by label and framed in its colour. White is zero.",
                _view("labelled"),
            ),
            FigureRow(
                "depthwise-plain",
                "The same kernels as they stand in the network, without names.",
                _plain,
            ),
            FigureRow(
                "depthwise-dictionary",
                "What each label means here: its most typical and its oddest members.",
                _view("dictionary"),
            ),
            FigureRow(
                "depthwise-composition",
                "Shares of the labels by block, and of a randomly initialised network.",
                _view("composition"),
                _composition_narrow,
            ),
            FigureRow(
                "depthwise-descriptors",
                "Numbers that need no label, by block: medians and quartiles; R² by number of "
                "shapes.",
                _view("descriptors"),
            ),
            FigureRow(
                "depthwise-fits",
                "Kernel, description and residual of the best, the median and the worst fits.",
                _view("fits"),
            ),
        ),
        "A label names the strongest of the shapes that a kernel is the sum of; it may hold others "
        "as strong. Each block has its own colour scale, so colours of two blocks cannot be "
        "compared. A batch norm follows every kernel: a pale kernel may matter as much as a strong "
        "one.",
        summary=lambda result: result.summary(),
        sentence=_sentence,
    ),
)
