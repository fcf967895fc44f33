"""What depthwise kernels are: mosaics by name, a dictionary of names, fits, shares by block."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from viz.plot.fits import Fits, examples
from viz.plot.frame import MARGIN, colour_key, inches, narrow, outlined, panel, show_picture
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
from viz.views.kernels.colours import (
    NAME_COLOURS,
    SEEN,
    area_handles,
    folded,
    key_above,
    minus,
    names_key,
    present,
)
from viz.views.kernels.result import KERNEL_NAMES, DepthwiseDescription
from viz.views.weights.draw import KEY, ZERO, scale_text, shown_text
from viz.views.weights.measure import named_rows

_PER_BLOCK = 64
"""Kernels of a block, as in the ConvMixer paper's figure."""
_ZOOM, _FRAME = 4, 2
"""Pixels of a tap, and of a frame and the white beside it, where kernels are framed."""
_LETTER = 0.56 * TEXT / 72
"""Inches of a letter, on average."""
_NAMED = 0.68
"""Inches for the names of a dictionary's rows."""


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


def named_figure(
    result: DepthwiseDescription,
    *,
    per_block: int | None = _PER_BLOCK,
    width: float = TWO_COLUMNS,
) -> Figure:
    """Make a Figure that fits `draw_named`."""
    groups, layout = _named_layout(result, width, per_block)
    tall = (width - 2 * MARGIN) * layout.shape[0] / layout.shape[1]
    names = present(result.name[np.concatenate(groups)])
    return new_figure(width, tall + KEY + key_above(names, width) + 3 * MARGIN)


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
    zero = f"{ZERO}{hatch_text(result.kernels)}"
    target.set_label(
        f"{shown_text(len(groups[0]), result.block)} The frame shows what the kernel looks like, "
        "in the order of the key, then by angle. Above a block: the limit of its colours, and the "
        f"share of all its kernels that have a name. {scale_text('kernel', scale, limit, zero)}"
    )
    names = present(result.name[rows])
    key = KEY + key_above(names, width) + MARGIN
    box = (MARGIN, MARGIN + key, width - 2 * MARGIN, height - key - 2 * MARGIN)
    tiles = signed_tiles(result.kernels[rows], limit)
    colours = [NAME_COLOURS[str(name)] for name in result.name[rows]]
    picture = layout.place(framed(tiles, colours, _ZOOM, _FRAME, _FRAME))
    axes = show_picture(target, box, picture, layout.shape)
    for group, (left, up, right, _) in zip(groups, layout.groups, strict=True):
        b = result.block[group[0]]
        here = result.finite & (result.block == b)
        share = 100 * float(result.named[here].sum()) / max(1, int(here.sum()))
        words, named = f"block {b}", f"{share:.0f}\u00a0% named"
        if scale == "block":
            words += f"  ±{limits(result.kernels[group], scale, result.block[group])[0]:#.2g}"
        y = up + 0.85 * layout.tile[0]
        axes.text(left, y, words, fontsize=TEXT, va="bottom")
        # Over a few narrow tiles there is no room for it.
        letters = len(words) + len(named) * SMALL / TEXT
        if right - left > letters * _LETTER * layout.shape[1] / box[2]:
            axes.text(right, y, named, fontsize=SMALL, va="bottom", ha="right")
    names_key(target, names)
    at = (width - MARGIN - 1.3, KEY - 0.13, 1.1)
    colour_key(target, at, f"{limit[0]:.2g}" if scale == "figure" else "limit")
    return axes


_CLEAR, _UNCLEAR = 5, 3
"""Kernels of each sort in a row of the dictionary."""
_DICTIONARY = (
    f"Left: the {_CLEAR} kernels of each name to which it applies most clearly; right: the "
    f"{_UNCLEAR} least clear ones (unnamed: those nearest to a name, and farthest from any). "
    "Percentages: share of all kernels. Each kernel has its own colour scale, to its largest "
    f"|weight|; {ZERO}."
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
        axes = outlined(show_picture(target, box, picture, shape), layout.x, layout.y, (k, k))
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
        "Of named kernels. The fit is the sum of the shapes that describe the kernel; the number "
        "below is its R², the share of the kernel's energy (squared weights) that it explains. "
        "Kernel, fit and residual have one colour scale, to the kernel's largest |weight|; "
        f"{ZERO}."
    )
    return _fits(result, inches(target)[0]).draw(target)


def draw_composition(result: DepthwiseDescription, target: Figure | SubFigure) -> Axes:
    """Draw the share of each name by block, with a randomly initialised network's beside it."""
    blocks = np.unique(result.block)
    shares = np.array([[result.shares(int(b))[name] for b in blocks] for name in KERNEL_NAMES])
    null = np.array([result.null_shares[name] for name in KERNEL_NAMES])
    names, tall = folded(np.column_stack([shares, null]))
    target.set_label(
        "Share of kernels by what they look like; unnamed: like nothing in particular. Random: "
        f"{len(result.init_names):,} randomly initialised kernels; what is named there is the "
        f"false-positive rate. Other: names that fewer than {100 * SEEN:.0f} % have in every block."
    )
    width, height = inches(target)
    axes = panel(target, (0.44, 0.34, width - 1.36, height - 0.44))
    x = np.append(blocks, blocks[-1] + 1.6)
    for name, bars, ends in zip(names, 100 * tall, 100 * tall.cumsum(0), strict=True):
        axes.bar(x, bars, 0.86, ends - bars, edgecolor="white", linewidth=0.3,
                 color=NAME_COLOURS[name])  # fmt: skip
    axes.set(xlim=(x[0] - 0.6, x[-1] + 0.6), ylim=(0, 100))
    shown = blocks[:: max(1, -(-len(blocks) // 10))]
    axes.set_xticks([*shown, x[-1]], [*map(str, shown), "random"])
    axes.set_xlabel("block", labelpad=1.5)
    axes.set_ylabel("share of kernels (%)", labelpad=1.5)
    target.legend(handles=area_handles(names)[::-1], loc="upper right",
                  handlelength=1.0, handleheight=1.0, handletextpad=0.5, labelspacing=0.2,
                  borderaxespad=0, borderpad=0,
                  bbox_to_anchor=(1 - MARGIN / width, 1 - 0.1 / height))  # fmt: skip
    return axes
