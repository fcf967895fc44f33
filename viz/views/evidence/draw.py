"""Evidence over the photograph, the channels that decide, classes by channels, the ablation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from viz.plot.frame import shortened
from viz.plot.millimetres import (
    BAR,
    HALF_PAGE,
    PAGE,
    bar,
    canvas,
    chart,
    common_limit,
    panels,
    photograph,
    write,
)
from viz.plot.style import MM, SIGNED, TEAL, new_figure
from viz.views.evidence.result import SCORES
from viz.views.wording import n_images

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from viz.views.evidence.result import Evidence

Numbers = NDArray[np.float64]
_GAP, _LINE, _MARGIN = 1.6, 3.3, 1.0
_CHOSEN, _RANDOM = TEAL, "#555555"
_KERNELS = 3
"""Drawn below each channel."""
_AXES = {
    "margin": "margin (logits)",
    "probability": "probability (%)",
    "first": "still the answer (%)",
}


def _columns(width: float, n: int) -> tuple[float, Numbers]:
    """Return how wide n equal columns are, and where they begin."""
    each = (width - 2 * _MARGIN - (n - 1) * _GAP) / n
    starts: Numbers = _MARGIN + np.arange(n, dtype=np.float64) * (each + _GAP)
    return each, starts


def maps_figure(result: Evidence, width: float = PAGE, *, images: int = 2) -> Figure:
    """Draw what each patch gives to the first classes, and to the target over the other class.

    A patch of the last map has seen far more of the image than the pixels it is drawn on.
    """
    classes = min(3 if width > HALF_PAGE else 1, len(result.class_names))
    shown = range(min(images, len(result.images)))
    across, x = _columns(width, classes + 2)
    high, wide = result.images.shape[1:3]
    row = 3 * _LINE + 1 + across * high / wide + _GAP
    figure = new_figure(width * MM, (len(shown) * row + BAR + _MARGIN) * MM)
    axes = canvas(figure)
    maps = {
        (i, of, over): result.patches(i, of, over)
        for i in shown
        for of, over in (*((c, None) for c in result.top(i, classes).tolist()), _pair(result, i))
    }
    limit = common_limit(np.stack(list(maps.values())))
    for i in shown:
        top = i * row + 3 * _LINE + 1
        photograph(axes, result.images[i], (x[0], top, across))
        mine = [(key, values) for key, values in maps.items() if key[0] == i]
        for left, ((_, of, over), values) in zip(x[1:], mine, strict=True):
            photograph(axes, result.images[i], (left, top, across), values=values, limit=limit,
                       patch=result.patch_size)  # fmt: skip
            write(axes, left, top - 0.6, _above(result, i, of, over), room=across, va="bottom")
    bar(figure, (x[1], len(shown) * row + 0.5, min(50.0, width - x[1] - 6)), limit,
        "evidence of a patch (logits)")  # fmt: skip
    figure.set_label(
        "Red speaks for the class, blue against it; the stronger, the less of the grey photograph "
        "shows. One scale for all maps; it ends where 99.5 % of the values lie within. The patches "
        "of a map sum to its logit (the head's score of a class, before softmax) less the bias. "
        "Last column: the class explained over the other one."
    )
    return figure


def _pair(result: Evidence, image: int) -> tuple[int, int]:
    return int(result.target[image]), int(result.against[image])


def _above(result: Evidence, image: int, of: int, over: int | None) -> str:
    """Return in lines the class, or one over another, and how strong it is."""
    logits = result.logits[image]
    if over is None:
        return (
            f"{result.name(of)}\n{_percent(result.probabilities[image, of])}, "
            f"logit {_signed(logits[of])}"
        )
    margin = _signed(logits[of] - logits[over])
    return f"{result.name(of)}\nover {result.name(over)}\nby {margin} logits"


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _whole(share: float) -> str:
    return f"{100 * share:.0f} %".replace("-", "−")


def _percent(share: float) -> str:
    return _whole(share) if share >= 0.01 else "<1 %"


def channels_figure(result: Evidence, width: float = PAGE, *, image: int = 0) -> Figure:
    """Draw the channels that decide on one image: their evidence, and the kernels that feed them.

    An output channel is a mixture of all kernels: the kernel of the same number is no more its own
    than others.
    """
    n = min(result.channel.shape[1], 6 if width > HALF_PAGE else 3)
    across, x = _columns(width, n)
    of, over = _pair(result, image)
    numbers = result.channel[image, :n].tolist()
    maps = [result.channel_patches(image, c, of, over) for c in numbers]
    evidence, limit = result.channels(image, of, over), common_limit(np.stack(maps))
    high, wide = result.images.shape[1:3]
    tile = (across - (_KERNELS - 1) * 0.8) / _KERNELS
    top = 3 * _LINE + 1.5
    low = top + across * high / wide + _LINE + 1.5
    end = low + tile + 2 * _LINE
    figure = new_figure(width * MM, (end + BAR) * MM)
    axes = canvas(figure)
    write(axes, _MARGIN, 0.8, f"for {result.name(of)} over {result.name(over)}", va="top")
    write(axes, _MARGIN, low - 0.6, f"kernels of block {result.block} that feed each", va="bottom")
    shares: list[float] = []
    for k, (c, left, values) in enumerate(zip(numbers, x, maps, strict=True)):
        write(axes, left, top - 0.6, f"channel {c}\n{_signed(evidence[c])} logits", va="bottom")
        photograph(axes, result.images[image], (left, top, across), values=values, limit=limit,
                   patch=result.patch_size)  # fmt: skip
        for t, j in enumerate(result.feeders(image, k, _KERNELS).tolist()):
            place = left + t * (tile + 0.8)
            shares.append(result.kernel_share[image, k, j])
            _kernel(axes, result.kernels[j], (place, low, tile))
            write(axes, place + tile / 2, low + tile + 0.6, str(j), va="top", ha="center")
    bar(figure, (_MARGIN + 4, end, min(50.0, width - 14)), limit, "evidence of a patch (logits)")
    figure.set_label(
        "The channels with the largest evidence by magnitude, largest first. The patches of a map, "
        "faint ones too, sum to the number above it; one scale, which ends where 99.5 % of the "
        "values lie within. Below, the depthwise kernels that feed each most, with their numbers: "
        f"each gives {_whole(min(shares))} to {_whole(max(shares))} of the variance over patches "
        "of the channel before its activation (below 0: it works against the rest, which comes "
        "past the kernels and from others). Each kernel has its own scale up to its largest tap; "
        "red is positive, white zero, blue negative."
    )
    return figure


def _kernel(axes: Axes, kernel: NDArray[np.float32], place: tuple[float, float, float]) -> None:
    x, y, side = place
    limit = float(np.abs(kernel).max()) or 1.0
    axes.imshow(kernel, extent=(x, x + side, y + side, y), cmap=SIGNED, vmin=-limit, vmax=limit,
                interpolation="nearest", aspect="auto")  # fmt: skip


def classes_figure(result: Evidence, width: float = PAGE) -> Figure:
    """Draw what channels give to the classes, on average over each class's images."""
    rows, columns = (12, 28) if width > HALF_PAGE else (10, 16)
    classes, n, matrix = result.by_class
    kept = np.sort(np.argsort(-n, kind="stable")[:rows])
    classes, n, matrix = classes[kept], n[kept], matrix[kept]
    strongest = np.argsort(-np.abs(matrix).max(0), kind="stable")[:columns]
    # Channels of one class stand together.
    order = strongest[np.lexsort((strongest, np.abs(matrix[:, strongest]).argmax(0)))]
    shown = matrix[:, order]
    limit = common_limit(shown, 0.99)
    left, cell = (34.0 if width > HALF_PAGE else 28.0), 4.2
    across = width - left - _MARGIN
    figure = new_figure(width * MM, (len(kept) * cell + BAR + 13) * MM)
    axes = chart(figure, (left, 1, across, len(kept) * cell))
    axes.imshow(shown, cmap=SIGNED, vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
    axes.set_xticks(range(len(order)), [str(c) for c in order], rotation=90)
    names = [f"{shortened(result.name(c), 16)} ({m})" for c, m in zip(classes, n, strict=True)]
    axes.set_yticks(range(len(kept)), names)
    axes.tick_params(length=0)
    axes.set_xlabel(f"channel of block {result.block}", fontsize=7, labelpad=1)
    bar(figure, (left, len(kept) * cell + 11, min(50.0, across - 6)), limit,
        "mean evidence over the mean of all classes (logits)")  # fmt: skip
    grouped = "folder" if (result.label >= 0).any() else "answer"
    figure.set_label(
        f"Images are grouped by their {grouped} (number of images in brackets). The "
        f"{len(order)} of {matrix.shape[1]} channels with the largest evidence are drawn, those of "
        "one class side by side. Red speaks for the class, blue against it; one scale, which ends "
        "where 99 % of the values lie within."
    )
    return figure


def ablation_figure(result: Evidence, width: float = PAGE) -> Figure:
    """Draw what becomes of the answer without the strongest channels, and without random ones.

    The margin repeats the evidence by arithmetic, since only a mean and a linear layer follow; the
    probability, the answer and the random channels do not.
    """
    wide = width > HALF_PAGE
    high, boxes = panels(width, len(SCORES), 7.0 if wide else 11.0, 42.0 if wide else 30.0)
    figure = new_figure(width * MM, high * MM)
    places = np.arange(len(result.count) + 1)
    made = []
    for s, score in enumerate(SCORES):
        axes = chart(figure, boxes[s])
        factor = 1 if score == "margin" else 100
        start = factor * result.unablated(score).mean()
        chosen, drawn = (factor * each for each in result.ablated(score))
        spread = factor * result.random[s].mean(1, np.float64)
        if spread.shape[1] > 1:
            low, up = np.percentile(spread, (5, 95), axis=1)
            axes.fill_between(places, np.append(start, low), np.append(start, up), color=_RANDOM,
                              alpha=0.18, linewidth=0)  # fmt: skip
        for values, colour, marker, words in (
            (drawn, _RANDOM, "v", "random channels set to zero"),
            (chosen, _CHOSEN, "o", "strongest channels set to zero"),
        ):
            axes.plot(places, np.append(start, values), color=colour, marker=marker,
                      markersize=2.8, linewidth=0.9, label=words)  # fmt: skip
        axes.set_ylabel(_AXES[score], fontsize=7, labelpad=1.5)
        last = wide or s == len(SCORES) - 1
        axes.set_xticks(places, ["0", *map(str, result.count)])
        axes.tick_params(labelbottom=last)
        if score == "margin":
            axes.axhline(0, color="#bbbbbb", linewidth=0.6, zorder=0)
        else:
            axes.set_ylim(-4, 104)
        if last:
            axes.set_xlabel("channels ablated", fontsize=7, labelpad=1.5)
        made.append(axes)
    handles, names = made[0].get_legend_handles_labels()
    figure.legend(handles[::-1], names[::-1], loc="upper left", ncols=2 if wide else 1,
                  frameon=False, fontsize=7, handlelength=2.2, columnspacing=1.4,
                  borderaxespad=0.2)  # fmt: skip
    figure.set_label(
        f"Mean over {n_images(len(result.target))}. Margin: the logit of the class "
        "explained less that of the other. Strongest: the channels of the last block that speak "
        "most for the one over the other. Random: as many channels drawn at random, "
        f"{result.random.shape[-1]} draws for each image; the band holds 90 % of the draws."
    )
    return figure
