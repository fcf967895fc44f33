"""Flow between labels from block to block, and the strongest partners of single channels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from viz.draw.frame import MARGIN, foot, heading, inches, nothing, panel
from viz.draw.labels import LABEL_STYLES
from viz.draw.mixing import scale_bar
from viz.draw.mosaic import Layout, enlarge, limits, signed_tiles
from viz.draw.style import MM, SIGNED, SMALL, TEXT, TWO_COLUMNS, new_figure
from viz.results.mixing import Mixing

__all__ = ["chosen_channels", "draw_flow", "draw_partners", "flow_figure", "partners_figure"]

Floats = NDArray[np.float64]
_TITLE = "flow between labels, from block to block"
_ROWS = 5
"""Blocks drawn in the figure of partners, at most."""
_TILE = 15 * MM
_HEAD, _NAMES, _ABOVE = 0.2, 0.8, 0.2
"""Inches above the large matrices, below them for names, and above a small one."""
_PALE = 0.35
"""Opacity of what chance may have made."""


def _large(result: Mixing) -> float:
    """Side of the large matrices, in inches."""
    return min(2.34, 0.24 * len(result.label_names) + 0.3)


def _small(result: Mixing) -> tuple[int, float]:
    """Columns and side of the small matrices."""
    columns = min(max(result.depth - 1, 1), 7)
    return columns, min((TWO_COLUMNS - 2 * MARGIN - 0.4) / columns - 0.12, 0.95)


def flow_figure(result: Mixing) -> Figure:
    """Make a Figure that fits the flows.

    Parameters
    ----------
    result : Mixing
        What `draw_flow` will draw.

    Returns
    -------
    matplotlib.figure.Figure
        Empty, two columns wide.
    """
    columns, side = _small(result)
    rows = math.ceil((result.depth - 1) / columns) if result.depth > 2 else 0
    height = 0.27 + _HEAD + _large(result) + _NAMES + rows * (side + _ABOVE)
    return new_figure(TWO_COLUMNS, height + foot(_FLOW_NOTE, TWO_COLUMNS))


_FLOW_NOTE = (
    "Across: label of the kernels that feed the pointwise convolution; down: label of the kernels "
    "in the next block that its outputs feed. Enrichment: share of the links' strength that goes "
    "this way, over what it would be if labels did not matter (chance). Framed, or with a dot "
    "in the small ones: outside the middle 95 % of 400 shuffles of the outputs' labels, where 1 in "
    "20 lies by chance; the others are pale. Net sign: 100 if all links raise the output, −100 if "
    "all lower it. Each output counts alike. Small: enrichment for each pair of blocks, in the "
    "same order and scale; grey: no such kernels."
)


def draw_flow(result: Mixing, target: Figure | SubFigure) -> list[Axes]:
    """Draw enrichment and net sign of the links between labels.

    Parameters
    ----------
    result : Mixing
        Of `viz.measure.mixing`.
    target : Figure or SubFigure
        Best made by `flow_figure`.

    Returns
    -------
    list of matplotlib.axes.Axes
        Enrichment and net sign over all blocks, then enrichment of each pair of blocks.

    Notes
    -----
    Rare labels have wide nulls: a ratio of 2 between labels of two kernels each means little. Only
    the branches are counted; the residual path carries more in many networks (see the spectra).
    """
    if result.depth < 2:
        return [nothing(target, result.source.name, _TITLE, "A network of one block has none.")]
    _, height = inches(target)
    note = _FLOW_NOTE.replace("400", str(result.source.settings.get("n_shuffles", 400)))
    top, _ = heading(target, result.source.name, _TITLE, note)
    side = _large(result)
    limit = _log_limit(result)
    low = height - top - _HEAD - side
    ratio = result.pooled_enrichment
    apart = _apart(ratio, result.pooled_low, result.pooled_high)
    left = MARGIN + 0.82
    first = _heat(target, (left, low, side, side), np.log2(_positive(ratio)), limit, apart)
    _numbers(first, ratio - 1, apart & (np.abs(np.log2(_positive(ratio))) > 0.6 * limit), apart)
    first.set_title("enrichment, all blocks (% off chance)", fontsize=TEXT, pad=2)
    right = left + side + 1.08
    second = _heat(target, (right, low, side, side), result.pooled_net, 1.0)
    _numbers(second, result.pooled_net, np.abs(result.pooled_net) > 0.6)
    second.set_title("net sign, all blocks (%)", fontsize=TEXT, pad=2)
    for axes in (first, second):
        _name(axes, result.label_names)
    first.set_ylabel("to kernels of the next block", fontsize=SMALL, labelpad=1)
    bar = scale_bar(target, (left + side + 0.06, low, 0.07, side), limit, "")
    most = 2**limit
    bar.set_yticks([-limit, 0, limit], [f"{1 / most:.2g}", "1", f"{most:.2g}"], fontsize=SMALL)
    scale_bar(target, (right + side + 0.06, low, 0.07, side), 1.0, "")
    return [first, second, *_draw_pairs(result, target, low - _NAMES, limit)]


def _draw_pairs(result: Mixing, target: Figure | SubFigure, top: float, limit: float) -> list[Axes]:
    """Draw the enrichment of each pair of blocks below a height in inches."""
    columns, side = _small(result)
    made = []
    for b in range(result.depth - 1 if result.depth > 2 else 0):
        row, column = divmod(b, columns)
        box = (MARGIN + 0.1 + column * (side + 0.12), top - (row + 1) * (side + _ABOVE), side, side)
        ratio = result.enrichment[b]
        apart = _apart(ratio, result.enrichment_low[b], result.enrichment_high[b])
        axes = _heat(target, box, np.log2(_positive(ratio)), limit, apart)
        axes.set_title(f"block {b} → {b + 1}", fontsize=SMALL, pad=1.5)
        y, x = np.nonzero(apart)
        axes.plot(x, y, linestyle="", marker="o", markersize=1.6, color="black")
        made.append(axes)
    return made


def _positive(ratio: Floats) -> Floats:
    return np.where(ratio > 0, ratio, np.nan)


def _apart(ratio: Floats, low: Floats, high: Floats) -> NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        return np.asarray((ratio < low) | (ratio > high))


def _log_limit(result: Mixing) -> float:
    """Symmetric limit of log2 of the enrichment: the largest pooled one, 1/2 to 2 octaves."""
    sizes = np.abs(np.log2(_positive(result.pooled_enrichment)))
    return float(np.clip(np.nanmax(sizes), 0.5, 2)) if np.isfinite(sizes).any() else 1.0


def _heat(
    target: Figure | SubFigure,
    box: tuple[float, float, float, float],
    values: Floats,
    limit: float,
    apart: NDArray[np.bool_] | None = None,
) -> Axes:
    """Draw a matrix of signed values; those that are not apart from chance are pale."""
    axes = panel(target, box)
    solid = True if apart is None else apart | ~np.isfinite(values)
    axes.imshow(values, cmap=SIGNED, vmin=-limit, vmax=limit, interpolation="nearest",
                alpha=np.where(solid, 1.0, _PALE) if apart is not None else None)  # fmt: skip
    axes.set_xticks([])
    axes.set_yticks([])
    return axes


def _numbers(
    axes: Axes,
    values: Floats,
    dark: NDArray[np.bool_],
    framed: NDArray[np.bool_] | None = None,
) -> None:
    """Write the values into their cells, in percent, and frame some cells."""
    for (i, j), value in np.ndenumerate(values):
        if not np.isfinite(value):
            continue
        text = f"{round(100 * value):+d}".replace("-", "−").replace("+0", "0")
        axes.text(j, i, text, fontsize=SMALL, ha="center", va="center",
                  color="white" if dark[i, j] else "black")  # fmt: skip
        if framed is not None and framed[i, j]:
            axes.add_patch(Rectangle((j - 0.47, i - 0.47), 0.94, 0.94, fill=False, linewidth=0.8,
                                     edgecolor="black"))  # fmt: skip


def _name(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names, fontsize=SMALL)
    axes.set_xticks(range(len(names)), names, fontsize=SMALL, rotation=90)
    axes.set_xlabel("from kernels of this block", fontsize=SMALL, labelpad=1)
    axes.tick_params(length=0)


def chosen_channels(result: Mixing, *, most: int = _ROWS) -> list[tuple[int, int]]:
    """Choose channels worth looking at: of each block the output that depends most on one input.

    Parameters
    ----------
    result : Mixing
        Of `viz.measure.mixing`.
    most : int
        Blocks, evenly spread; the last block feeds no kernel and comes last.

    Returns
    -------
    list of tuple
        Block and output channel.
    """
    blocks = np.unique(np.linspace(0, result.depth - 1, min(result.depth, most)).round())
    return [(int(b), int(result.input_shares[int(b), :, 0].argmax())) for b in blocks]


@dataclass(frozen=True)
class _Plan:
    """Where the tiles of partners stand, in taps."""

    k: int
    tap: float
    shown: int

    @classmethod
    def of(cls, result: Mixing) -> _Plan:
        k = int(result.kernels.shape[-1])
        return cls(k, _TILE / k, result.inputs.shape[2])

    def taps(self, length: float) -> int:
        return math.ceil(length / self.tap)

    @property
    def start(self) -> int:
        return self.k + self.taps(0.42)

    @property
    def across(self) -> int:
        return self.k + self.taps(0.1)

    @property
    def down(self) -> int:
        return self.k + self.taps(0.05)

    @property
    def head(self) -> int:
        return self.taps(0.26)

    @property
    def step(self) -> int:
        return self.head + 2 * self.down + self.taps(0.16)

    def shape(self, rows: int) -> tuple[int, int]:
        return rows * self.step, self.start + self.shown * self.across


def partners_figure(result: Mixing, channels: Sequence[tuple[int, int]] | None = None) -> Figure:
    """Make a Figure that fits the partners.

    Parameters
    ----------
    result : Mixing
        What `draw_partners` will draw.
    channels : sequence of tuple or None
        Block and output channel; `chosen_channels` by default.

    Returns
    -------
    matplotlib.figure.Figure
        Empty, two columns wide.
    """
    rows = len(channels if channels is not None else chosen_channels(result))
    plan = _Plan.of(result)
    note = foot(_partners_note(result, channels is None), TWO_COLUMNS)
    return new_figure(TWO_COLUMNS, 0.3 + plan.shape(rows)[0] * plan.tap + note)


def _partners_note(result: Mixing, chosen: bool) -> str:
    which = "; of each block the output that depends most on one input is shown" if chosen else ""
    return (
        "Left: an output channel of the pointwise convolution, with the kernel of the next block "
        f"that looks at it{which}. Right of it its strongest inputs: channel, label, and the part "
        "of the output's total |link|, with the link's sign. Above: the channel's kernel, in its "
        "own colour scale. Below: the effective link W, what the channel adds to the output at "
        "first order; one colour scale per row, without the middle tap, which holds the residual "
        "path too and is written below. Red positive, white zero, blue negative. Activations' mean "
        f"slopes from {result.slopes_from}."
    )


def draw_partners(
    result: Mixing,
    target: Figure | SubFigure,
    channels: Sequence[tuple[int, int]] | None = None,
) -> Axes:
    """Draw output channels with the kernels and effective links of their strongest inputs.

    Parameters
    ----------
    result : Mixing
        Of `viz.measure.mixing`.
    target : Figure or SubFigure
        Best made by `partners_figure`.
    channels : sequence of tuple or None
        Block and output channel; by default of each block the one that depends most on one input,
        which is no typical one.

    Returns
    -------
    matplotlib.axes.Axes
        In taps: two rows of tiles for each channel.

    Raises
    ------
    IndexError
        If there is no such block or channel.
    """
    rows = list(chosen_channels(result) if channels is None else channels)
    _, height = inches(target)
    top, _ = heading(target, result.source.name, "strongest partners of single channels",
                     _partners_note(result, channels is None))  # fmt: skip
    plan = _Plan.of(result)
    k, tap, shape = plan.k, plan.tap, plan.shape(len(rows))
    parts = [_row_tiles(result, plan, r, b, i) for r, (b, i) in enumerate(rows)]
    tiles, limit, x, y = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    layout = Layout(x, y, (k, k), shape, ())
    picture = layout.place(signed_tiles(tiles, limit))
    axes = panel(target, (MARGIN + 0.02, height - top - shape[0] * tap - 0.02, shape[1] * tap,
                          shape[0] * tap))  # fmt: skip
    zoom = max(1, round(axes.get_window_extent().width / shape[1]))
    axes.imshow(enlarge(picture, zoom), extent=(0, shape[1], shape[0], 0), aspect="auto",
                interpolation="nearest")  # fmt: skip
    axes.set_axis_off()
    for left, high in zip(layout.x, layout.y, strict=True):
        axes.add_patch(Rectangle((left, high), k, k, fill=False, linewidth=0.3,
                                 edgecolor="#777777", clip_on=False))  # fmt: skip
    for r, (b, i) in enumerate(rows):
        _words(axes, result, plan, r * plan.step + plan.head, b, i)
    return axes


def _row_tiles(
    result: Mixing, plan: _Plan, row: int, block: int, output: int
) -> tuple[Floats, Floats, NDArray[np.int64], NDArray[np.int64]]:
    """Return the tiles of one output channel, their colour limits, and where they stand."""
    links, k = result.links_to(block, output), plan.k
    middle = (k - 1) // 2
    around = np.abs(links)
    around[:, middle, middle] = 0
    kernels = result.kernels[block, result.inputs[block, output]].astype(np.float64)
    at, top = plan.start + plan.across * np.arange(plan.shown), row * plan.step + plan.head
    flat = np.zeros(plan.shown, np.int64)
    tiles = [kernels, links]
    limit = [limits(kernels, "tile", flat), np.full(plan.shown, around.max() or 1.0)]
    x, y = [at, at], [flat + top, flat + top + plan.down]
    if block + 1 < result.depth:
        own = result.kernels[block + 1, output][None].astype(np.float64)
        tiles.append(own)
        limit.append(limits(own, "tile", flat[:1]))
        x.append(flat[:1])
        y.append(flat[:1] + top + plan.down // 2)
    return np.concatenate(tiles), np.concatenate(limit), np.concatenate(x), np.concatenate(y)


def _words(axes: Axes, result: Mixing, plan: _Plan, y: int, b: int, i: int) -> None:
    """Write what a row's tiles are; y is the top of its upper tiles."""
    k, gap = plan.k, 0.03 / plan.tap
    own = y + plan.down // 2
    axes.text(0, own - gap, f"block {b},\noutput {i}", fontsize=SMALL, va="bottom", ha="left")
    if b + 1 < result.depth:
        axes.text(k / 2, own + k + gap, str(result.labels[b + 1, i]), fontsize=SMALL,
                  ha="center", va="top")  # fmt: skip
    else:
        axes.text(0, own + k / 2, "to the head", fontsize=SMALL, ha="left", va="center")
    for row, words in ((0, "kernel"), (1, "link")):
        axes.text(plan.start - gap, y + row * plan.down + k / 2, words, fontsize=SMALL, ha="right",
                  va="center")  # fmt: skip
    links, middle = result.links_to(b, i), (k - 1) // 2
    for t in range(plan.shown):
        j = int(result.inputs[b, i, t])
        sign = "−" if result.input_weights[b, i, t] * result.branch_scale[b, j] < 0 else "+"
        share = 100 * result.input_shares[b, i, t]
        short = LABEL_STYLES[str(result.labels[b, j])].short
        x = plan.start + t * plan.across + k / 2
        axes.text(x, y - gap, f"{j} {short} {sign}{share:.0f} %", fontsize=SMALL, ha="center",
                  va="bottom")  # fmt: skip
        value = f"{links[t, middle, middle]:.2g}".replace("-", "−")
        axes.text(x, y + plan.down + k + gap, value, fontsize=SMALL, ha="center", va="top")
