"""What survives when kernels are replaced by their descriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viz.views.base import FigureRow, Given, Option, View

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from viz.core.result import Result
    from viz.network.checkpoint import Checkpoint

SCOPES = ("all", "block", "patch")


def _measure(
    checkpoint: Checkpoint,
    given: Given,
    *,
    scope: Any = (),
    crops: int = 64,
    batch_size: int | None = None,
) -> Result:
    from viz.views.described import depthwise_description, patch_description
    from viz.views.substitution.measure import measure

    scopes = scope or SCOPES
    kernels = set(scopes) - {"patch"}
    return measure(
        checkpoint,
        given.images() if given.images is not None else None,
        description=depthwise_description(checkpoint, given) if kernels else None,
        patches=patch_description(checkpoint, given) if "patch" in scopes else None,
        scopes=scopes,
        n_crops=crops,
        batch_size=batch_size,
        seed=given.seed,
        progress=given.progress,
    )


def _main(result: Any) -> Figure:
    """Draw the first of the figures that what was measured allows."""
    from viz.plot.figures import drawn
    from viz.views.substitution import draw

    if (result.scope == "all").any():
        return drawn(draw.draw_curve, draw.curve_figure)(result)
    if (result.scope == "block").any():
        return drawn(draw.draw_by_block, draw.SIZE)(result)
    return drawn(draw.draw_patch, draw.patch_figure)(result)


def _figures() -> tuple[FigureRow, ...]:
    from viz.plot.figures import both, drawn
    from viz.views.substitution import draw

    return (
        FigureRow(
            "substitution",
            "How far the network's answers stay as they are when every depthwise kernel is "
            "replaced by its description, or by principal components or DCT coefficients of as "
            "many numbers.",
            _main,
            drawn(draw.draw_curve, draw.curve_figure, columns=1),
        ),
        FigureRow(
            "substitution-by-block",
            "The same where the kernels of one block alone are replaced.",
            *both(draw.draw_by_block, draw.SIZE, draw.NARROW),
        ),
        FigureRow(
            "substitution-patch-filters",
            "The same where patch-embedding filters are replaced by their Gabor fits: all, and "
            "those of each kind.",
            drawn(draw.draw_patch, draw.patch_figure),
        ),
    )


VIEW = View(
    "substitution",
    "Does the description explain the network?",
    _measure,
    "viz.views.substitution.result:Substitution",
    _figures,
    "Batch norms keep the statistics of training: a fit loses by its size as well as by its "
    "shape. Agreement is with the unchanged network, not with the truth. Crops of two "
    "photographs say nothing about other photographs.",
    slow=True,
    about="""Replace kernels by their descriptions and see how much of the answers is left.

    Beside the descriptions stand controls with as many numbers per kernel (principal components, a
    DCT), noise, and nothing. Without images, crops of scikit-learn's two photographs are used.
    """,
    options=(
        Option(
            "scope",
            "Replace all kernels, those of one block, or patch filters; repeat for "
            "several.  [default: each of these]",
            kind=SCOPES,
            many=True,
        ),
        Option(
            "crops",
            "Cut so many crops out of each of the two photographs, where no images are given.",
            64,
            int,
            1,
        ),
        Option("batch_size", "Run so many images through the network at a time.", None, int, 1),
    ),
    images="needed",
    menu="Substitution",
    group="On images",
    icon=":material/swap_horiz:",
    question="How much of the network's behaviour do the descriptions explain?",
)
