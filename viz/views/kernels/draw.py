"""What depthwise kernels are: mosaics by name, a dictionary of names, fits, shares by block."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from viz.plot.fits import Fits, examples
from viz.plot.frame import MARGIN, inches, narrow, panel, show_picture
from viz.plot.mosaic import (
    Layout,
    Scale,
    blocks_shown,
    enlarge,
    framed,
    grid_layout,
    hatch_text,
    limits,
    signed_tiles,
)
from viz.plot.style import SMALL, TEXT, TWO_COLUMNS, new_figure
from viz.views.kernels.colours import NAME_STYLES, area_handles, minus, present
from viz.views.kernels.result import KERNEL_NAMES, DepthwiseDescription
from viz.views.weights.draw import scale_text, shown_text
from viz.views.weights.measure import named_rows

_PER_BLOCK = 64
"""Kernels of a block, as in the ConvMixer paper's figure."""
_ZOOM, _FRAME = 4, 2
"""Pixels of a tap, and of a frame and the white beside it, where kernels are framed."""
_LETTER = 0.56 * TEXT / 72
"""Inches of a letter, on average."""
_NAMED, _KEY_LINE = 0.68, 0.14
"""Inches for the names of a dictionary's rows, and for a line of the names' key."""


def _named_layout(
    result: DepthwiseDescription, width: float, per_block: int | None
) -> tuple[list[NDArray[np.int64]], Layout]:
    """Rows of each block shown, by name, and where they lie."""
    side = result.kernels.shape[1] * _ZOOM + 4 * _FRAME
    blocks, across = blocks_shown(np.unique(result.block), most=4 if narrow(width) else 8)
    groups = named_rows(result, blocks=blocks.tolist(), per_block=per_block, order="name")
    columns = int(np.ceil(np.sqrt(len(groups[0]))))
    layout = grid_layout(
        [len(g) for g in groups], (side, side), gap=_FRAME + 1, head=side, columns=columns,
        group_columns=across,
    )  # fmt: skip
    return groups, layout


def _named_key(result: DepthwiseDescription, width: float) -> tuple[int, float]:
    """Return the columns of the names' key, and its height in inches."""
    columns = 4 if narrow(width) else 7
    return columns, _KEY_LINE * (1 + -(-len(present(result.name)) // columns)) + 0.08


def named_figure(
    result: DepthwiseDescription,
    *,
    per_block: int | None = _PER_BLOCK,
    width: float = TWO_COLUMNS,
) -> Figure:
    """Make a Figure that fits `draw_named`."""
    rows, columns = _named_layout(result, width, per_block)[1].shape
    tall = (width - 2 * MARGIN) * rows / columns
    return new_figure(width, tall + _named_key(result, width)[1] + 2 * MARGIN)


def draw_named(
    result: DepthwiseDescription,
    target: Figure | SubFigure,
    *,
    per_block: int | None = _PER_BLOCK,
    scale: Scale = "block",
) -> Axes:
    """Draw kernels by block, ordered by name and framed in the name's colour."""
    width, height = inches(target)
    groups, layout = _named_layout(result, width, per_block)
    rows = np.concatenate(groups)
    limit = limits(result.kernels[rows], scale, result.block[rows])
    zero = f"red is positive, blue negative, white zero{hatch_text(result.kernels)}"
    target.set_label(
        f"{shown_text(len(groups[0]), result.block)} The frame shows what the kernel looks like, "
        "in the order of the key, then by angle. The percentage above a block is that of all its "
        f"kernels which have a name. {scale_text('kernel', scale, limit, zero)}"
    )
    columns, key = _named_key(result, width)
    box = (MARGIN, MARGIN + key, width - 2 * MARGIN, height - key - 2 * MARGIN)
    tiles = signed_tiles(result.kernels[rows], limit)
    colours = [NAME_STYLES[str(name)].colour for name in result.name[rows]]
    picture = layout.place(framed(tiles, colours, _ZOOM, _FRAME, _FRAME))
    axes = show_picture(target, box, picture, layout.shape)
    for group, (left, up, right, _) in zip(groups, layout.groups, strict=True):
        b = result.block[group[0]]
        here = result.finite & (result.block == b)
        share = 100 * float(result.named[here].sum()) / max(1, int(here.sum()))
        words = f"block {b}: {share:.0f}\u00a0% named"
        # Over a few narrow tiles there is no room for the last word; the caption has it.
        if right - left < len(words) * _LETTER * layout.shape[1] / box[2]:
            words = words.removesuffix(" named")
        axes.text(left, up + 0.85 * layout.tile[0], words, fontsize=TEXT, va="bottom")
    names = present(result.name[rows])
    key_box = target.legend(
        handles=area_handles(names), loc="lower center", ncols=min(columns, len(names)),
        title=shown_text(len(groups[0]), result.block), title_fontsize=SMALL,
        bbox_to_anchor=(0.5, MARGIN / height), handlelength=1.0, handleheight=1.0,
        columnspacing=1.2, handletextpad=0.5, borderaxespad=0, borderpad=0, labelspacing=0.25,
    )  # fmt: skip
    key_box.set_in_layout(False)
    return axes


_CLEAR, _UNCLEAR = 5, 3
"""Kernels of each sort in a row of the dictionary."""
_DICTIONARY = (
    f"Left: the {_CLEAR} clearest kernels of each name, by its likelihood; right: the {_UNCLEAR} "
    "least clear ones. Percentages are of all kernels. Each kernel has its own colour scale, to "
    "its largest |weight|; red is positive, blue negative, white zero."
)


def _dictionary_layout(
    result: DepthwiseDescription, width: float
) -> tuple[list[str], int, int, float]:
    """Return the names, those in a column, a column's taps, and the inches of a tap."""
    names, k = present(result.name), result.kernels.shape[1]
    columns = 1 if narrow(width) else 2
    across = (_CLEAR + _UNCLEAR) * (k + 1) + k // 2
    inch = (width / columns - _NAMED - MARGIN) / across
    return names, -(-len(names) // columns), across, inch


def dictionary_figure(result: DepthwiseDescription, *, width: float = TWO_COLUMNS) -> Figure:
    """Make a Figure that fits `draw_dictionary`."""
    _, rows, _, inch = _dictionary_layout(result, width)
    return new_figure(width, rows * (result.kernels.shape[1] + 2) * inch + 0.2 + MARGIN)


def draw_dictionary(result: DepthwiseDescription, target: Figure | SubFigure) -> list[Axes]:
    """Draw, for each name, the clearest members and the least clear ones."""
    width, height = inches(target)
    names, rows, across, inch = _dictionary_layout(result, width)
    target.set_label(_DICTIONARY)
    k = result.kernels.shape[1]
    apart = _CLEAR * (k + 1) + k // 2
    made = []
    for start in range(0, len(names), rows):
        shown = names[start : start + rows]
        picks, x, y = [], [], []
        for line, name in enumerate(shown):
            members = np.flatnonzero(result.name == name)
            members = members[np.argsort(-result.probability[members], kind="stable")]
            for chosen, left in (
                (members[:_CLEAR], 0),
                (members[_CLEAR:][-_UNCLEAR:], apart),
            ):
                picks.append(chosen)
                x.append(left + np.arange(len(chosen)) * (k + 1))
                y.append(np.full(len(chosen), line * (k + 2)))
        shape = (rows * (k + 2), across)
        layout = Layout(np.concatenate(x), np.concatenate(y), (k, k), shape, ())
        kernels = result.kernels[np.concatenate(picks)]
        own = limits(kernels, "tile", np.zeros(len(kernels), np.int64))
        picture = enlarge(layout.place(signed_tiles(kernels, own)), 6)
        left = start // rows * width / 2 + _NAMED
        box = (left, MARGIN, across * inch, height - 0.2 - MARGIN)
        axes = show_picture(target, box, picture, shape)
        for line, name in enumerate(shown):
            share = 100 * (result.name == name).mean()
            axes.text(-1, line * (k + 2) + k / 2, f"{minus(name)}\n{share:.1f}\u00a0%",
                      fontsize=SMALL, ha="right", va="center")  # fmt: skip
        for text, at in (("clearest", 0), ("least clear", apart)):
            axes.text(at, -1, text, fontsize=SMALL, va="bottom")
        made.append(axes)
    return made


def _fits(result: DepthwiseDescription, width: float) -> Fits:
    """Kernel, description and residual of named kernels, or of all where none is named."""
    rows = np.flatnonzero(result.named) if result.named.any() else np.arange(len(result.name))
    picks = examples(result.r2, rows, 8 if narrow(width) else 6).ravel()
    kernels, fitted = result.kernels[picks], result.fitted[picks]
    limit = limits(kernels, "tile", result.block[picks])
    parts = [signed_tiles(part, limit) for part in (kernels, fitted, kernels - fitted)]
    return Fits(parts, result.r2[picks], ("kernel", "fit", "residual"))


def fits_figure(result: DepthwiseDescription, *, width: float = TWO_COLUMNS) -> Figure:
    """Make a Figure that fits `draw_fits`."""
    return _fits(result, width).figure(width)


def draw_fits(result: DepthwiseDescription, target: Figure | SubFigure) -> Axes:
    """Draw kernel, description and residual for the best, the median and the worst fits."""
    target.set_label(
        "Of named kernels; R² of the description stands below. Kernel, fit and residual have one "
        "colour scale, to the kernel's largest |weight|; red is positive, blue negative, white "
        "zero."
    )
    return _fits(result, inches(target)[0]).draw(target)


def draw_composition(result: DepthwiseDescription, target: Figure | SubFigure) -> Axes:
    """Draw the share of each name by block, with a randomly initialised network's beside it."""
    blocks = np.unique(result.block)
    shares = np.array([[result.shares(int(b))[name] for b in blocks] for name in KERNEL_NAMES])
    null = np.array([result.null_shares[name] for name in KERNEL_NAMES])
    target.set_label(
        f"Share of kernels by what they look like. On the right stand {len(result.init_names):,} "
        "kernels of a randomly initialised network: what is named there is the false-positive rate."
    )
    width, height = inches(target)
    axes = panel(target, (0.44, 0.34, width - 1.36, height - 0.44))
    names = [i for i, name in enumerate(KERNEL_NAMES) if shares[i].any() or null[i] > 0]
    x = np.append(blocks, blocks[-1] + 1.6)
    tall = 100 * np.column_stack([shares, null])[names]
    for i, bars, ends in zip(names, tall, tall.cumsum(0), strict=True):
        axes.bar(x, bars, 0.86, ends - bars, edgecolor="white", linewidth=0.3,
                 color=NAME_STYLES[KERNEL_NAMES[i]].colour)  # fmt: skip
    axes.set(xlim=(x[0] - 0.6, x[-1] + 0.6), ylim=(0, 100))
    shown = blocks[:: max(1, -(-len(blocks) // 10))]
    axes.set_xticks([*shown, x[-1]], [*map(str, shown), "init"])
    axes.set_xlabel("block", labelpad=1.5)
    axes.set_ylabel("share of kernels (%)", labelpad=1.5)
    target.legend(handles=area_handles([KERNEL_NAMES[i] for i in names])[::-1], loc="upper right",
                  handlelength=1.0, handleheight=1.0, handletextpad=0.5, labelspacing=0.2,
                  borderaxespad=0, borderpad=0,
                  bbox_to_anchor=(1 - MARGIN / width, 1 - 0.1 / height))  # fmt: skip
    return axes
