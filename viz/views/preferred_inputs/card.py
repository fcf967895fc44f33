"""Whether names tell what drives kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viz.views.base import FigureRow, Given, Option, View
from viz.views.described import depthwise_description
from viz.views.swept import images_of, swept

if TYPE_CHECKING:
    from viz.core.result import Result
    from viz.network.checkpoint import Checkpoint


def _preferred(checkpoint: Checkpoint, given: Given, **options: Any) -> Result:
    from viz.views.preferred_inputs.measure import preferred_inputs

    found = swept(checkpoint, given, ("top",))
    return preferred_inputs(
        checkpoint, found, depthwise_description(checkpoint, given), None,
        images=images_of(checkpoint, given), seed=given.seed, progress=given.progress,
        **options,
    )  # fmt: skip


def _figures() -> tuple[FigureRow, ...]:
    from viz.plot.figures import drawn
    from viz.views.preferred_inputs import draw

    return (
        FigureRow(
            "preferred-inputs",
            "Share of the patches that drive kernels most which are as the kernels' names "
            "predict, by name and block, beside random positions and kernels of shuffled "
            "taps; and what lifts the responses.",
            drawn(draw.draw_shares, draw.shares_figure),
        ),
        FigureRow(
            "preferred-inputs-examples",
            "One kernel of each name, its best single shape, and the patches of its input map "
            "that drive it most.",
            drawn(draw.draw_examples, draw.examples_figure),
        ),
    )


VIEW = View(
    "preferred-inputs",
    "Do names tell what drives kernels?",
    _preferred,
    "viz.views.preferred_inputs.result:PreferredInputs",
    _figures,
    "A kernel chooses the patches that are like it: only what exceeds the agreement of "
    "shuffled taps counts. The patches are of the map that the kernel is given, which from the "
    "second block on need not look like the image, and they are the tail of a distribution.",
    about="""Check whether the names of kernels tell what drives them most.

    What each name predicts of the kernel's input is checked where the kernel responds most, at
    random positions, and where the same taps in random order respond most.
    """,
    options=(
        Option(
            "shown",
            "Look at so many patches of each kernel, at most those that the sweep kept.",
            9,
            int,
            1,
        ),
        Option("batch_size", "Run so many images through the network at a time.", 8, int, 1),
    ),
    images="needed",
    swept=True,
    menu="What names tell",
    group="On images",
    icon=":material/rule:",
    question="Do the names tell what drives the kernels?",
)
