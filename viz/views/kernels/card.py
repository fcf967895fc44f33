"""Depthwise kernels described: names, shapes, descriptors, by depth."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from viz.views.base import FigureRow, Given, Option, View, numbers
from viz.views.described import depthwise_description
from viz.views.wording import listed, percent, plural

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from viz.core.result import Result
    from viz.network.checkpoint import Checkpoint


def _measure(checkpoint: Checkpoint, given: Given, *, blocks: Any = None) -> Result:
    if blocks is None:
        return depthwise_description(checkpoint, given)
    from viz.views.kernels.measure import describe_checkpoint

    return describe_checkpoint(checkpoint, blocks=blocks, seed=given.seed, progress=given.progress)


def _kernels(
    result: Any, *, order: str = "similarity", scale: Any = "block", per_block: int = 64,
    all: bool = False, narrow: bool = False,
) -> Figure:  # fmt: skip
    from viz.plot.mosaic import blocks_shown
    from viz.plot.style import ONE_COLUMN, TWO_COLUMNS
    from viz.views.kernels.draw import draw_named, named_figure
    from viz.views.weights.draw import drawn_mosaic, kernel_mosaic, shown_text
    from viz.views.weights.measure import named_kernels

    shown, width = None if all else per_block, ONE_COLUMN if narrow else TWO_COLUMNS
    if order == "name":
        figure = named_figure(result, per_block=shown, width=width)
        draw_named(result, figure, per_block=shown, scale=scale)
        return figure
    import numpy as np

    blocks, across = blocks_shown(np.unique(result.block), most=4 if narrow else 8)
    bank = named_kernels(result, blocks=blocks.tolist(), per_block=shown, order=order)
    mosaic = kernel_mosaic(bank, scale=scale, group_columns=across)
    text = f"{shown_text(len(bank.kernels) // len(blocks), result.block)} {mosaic.scale_text}"
    return drawn_mosaic(replace(mosaic, scale_text=text), width=width)


def _sentence(result: Any) -> str:
    numbers = result.summary()
    network, null = numbers["network"], numbers["null"]
    shares = {name: share for name, share in network["shares"].items() if name != "unnamed"}
    named = sorted((n for n in shares if shares[n] > 0), key=lambda n: -shares[n])[:3]
    coverage, chance = network["coverage"] or 0, null["init_coverage"] or 0
    text = (
        f"{percent(coverage).capitalize()} of the {numbers['n']:,} depthwise kernels look clearly "
        f"like one shape, against {percent(chance)} of {null['init_n']:,} randomly initialised "
        "ones (the false-positive rate)."
    )
    if named:
        most, *rest = (f"{percent(shares[n])} {{}}{plural(n)}" for n in named)
        text += f" {listed([most.format('of all are '), *(each.format('') for each in rest)])}."
    by_shapes = network["r2"]["by_shapes"], null["shuffled_r2_by_shapes"]
    fits, shuffled = ([round(100 * (r2 or 0)) for r2 in each] for each in by_shapes)
    text += f" One shape explains {fits[0]} % of the median kernel's energy"
    if len(fits) > 1:
        text += f" and {len(fits)} shapes {fits[-1]} %"
    if shuffled and None not in by_shapes[1]:
        more = fits[0] > shuffled[0] or fits[-1] > shuffled[-1]
        text += f", {'against' if more else 'no more than the'} {shuffled[0]} %"
        text += f" and {shuffled[-1]} %" if len(fits) > 1 else ""
        text += " with its taps in random order"
    return f"{text}."


def _figures() -> tuple[FigureRow, ...]:
    from viz.plot.figures import both, drawn
    from viz.plot.style import MM, ONE_COLUMN
    from viz.views.kernels import draw

    return (
        FigureRow(
            "kernels",
            "Depthwise kernels by depth, from the first block to the last.",
            _kernels,
            partial(_kernels, narrow=True),
        ),
        FigureRow(
            "kernels-by-name",
            "The same kernels ordered by name, each framed in its colour.",
            *both(draw.draw_named, draw.named_figure),
        ),
        FigureRow(
            "kernels-dictionary",
            "What each name means here: its clearest and its least clear kernels.",
            *both(draw.draw_dictionary, draw.dictionary_figure),
        ),
        FigureRow(
            "kernels-composition",
            "Shares of the names by block, and of a randomly initialised network.",
            drawn(draw.draw_composition, (ONE_COLUMN, 62 * MM)),
        ),
        FigureRow(
            "kernels-fits",
            "Kernel, description and residual of the best, the median and the worst fits.",
            *both(draw.draw_fits, draw.fits_figure),
        ),
    )


VIEW = View(
    "kernels",
    "Depthwise kernels by depth",
    _measure,
    "viz.views.kernels.result:DepthwiseDescription",
    _figures,
    "A name says what the whole kernel looks like, where that is clear: in networks that the "
    "names were not fitted to, at least one of two blind readers chose the same name for three in "
    "four of the kernels that it names. "
    "Each block has its own colour scale, so colours of two blocks cannot be compared. A batch "
    "norm follows every kernel: a pale kernel may matter as much as a strong one.",
    sentence=_sentence,
    about="""Draw depthwise kernels by depth; name what each of them is.

    -o FILE draws one mosaic, first block first; -o FOLDER writes every figure and the table; --json
    prints shares by name, fits and descriptors of each block.
    """,
    options=(
        Option("blocks", "Take these blocks, such as 0-2,7.  [default: all]", kind=numbers),
        Option(
            "order",
            "Order the kernels of a block in this way.",
            "similarity",
            ("index", "norm", "similarity", "name"),
            draws=True,
        ),
        Option(
            "scale",
            "Give all kernels one colour scale, those of each block one, or each kernel its own.",
            "block",
            ("figure", "block", "tile"),
            draws=True,
        ),
        Option(
            "per_block",
            "Draw so many kernels of each block, the same channels in every block.",
            64,
            int,
            1,
            draws=True,
        ),
        Option("all", "Draw every kernel instead of a choice.", False, bool, draws=True),
    ),
    group="What was learned",
    icon=":material/apps:",
    question="How does each channel look around itself, and does that change with depth?",
)
