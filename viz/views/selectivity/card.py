"""Sparsity and class selectivity by depth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viz.views.base import FigureRow, Given, View
from viz.views.swept import swept
from viz.views.wording import n_images

if TYPE_CHECKING:
    from viz.core.result import Result
    from viz.network.checkpoint import Checkpoint


def _sweep(checkpoint: Checkpoint, given: Given) -> Result:
    return swept(checkpoint, given, ("sparsity", "classes"))


def _sentence(result: Any) -> str:
    rows = {(row["block"], row["stage"]): row for row in result.summary()["rows"]}
    first, last = rows[0, "depthwise"], rows[result.depth - 1, "depthwise"]
    said = []
    if first["sparsity_median"] is not None:
        said.append(
            f"On {n_images(result.n_images)} the median depthwise channel is off (at "
            f"most 0) at {100 * first['sparsity_median']:.0f} % of the positions in the first "
            f"block and at {100 * last['sparsity_median']:.0f} % in the last, where inputs "
            "symmetric about 0 would be at 50 %."
        )
    if last["selectivity_median"] is not None:
        said.append(
            "Its class selectivity (0 %: alike in all classes, 100 %: on in one alone) is "
            f"{100 * first['selectivity_median']:.0f} % in the first block and "
            f"{100 * last['selectivity_median']:.0f} % in the last, where channels that know no "
            f"classes have {100 * last['selectivity_null_median']:.0f} %."
        )
    elif said:
        said.append("A sweep over folders of classes (viz sweep) tells for which it is on.")
    return " ".join(said)


def _figures() -> tuple[FigureRow, ...]:
    from viz.plot.figures import drawn
    from viz.views.selectivity import draw

    return (
        FigureRow(
            "selectivity",
            "Share of values at most 0, over the channels of each block; where the images are in "
            "folders of classes, also class selectivity, beside that of channels that know no "
            "classes.",
            drawn(draw.draw_selectivity, draw.selectivity_figure),
        ),
    )


VIEW = View(
    "selectivity",
    "Sparsity and class selectivity by depth",
    _sweep,
    "viz.sweep.result:Sweep",
    _figures,
    "Selectivity is large for any channel when classes have few images: only what exceeds the "
    "grey null counts. A selective channel need not be a useful one.",
    sentence=_sentence,
    about="""Show sparsity and class selectivity of the channels by depth.

    Selectivity needs a folder whose subfolders are classes, or a sweep of one.
    """,
    images="needed",
    swept=True,
    menu="Sparsity and selectivity",
    group="On images",
    icon=":material/stacked_line_chart:",
    question="How often is a channel on, and for which classes?",
    method="sweep",
)
