"""Attributions with their trust."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viz.views.base import FigureRow, Given, Option, View

if TYPE_CHECKING:
    from viz.core.result import Result
    from viz.network.checkpoint import Checkpoint


def _measure(
    checkpoint: Checkpoint, given: Given, *, method: Any = (), steps: int = 32, samples: int = 16,
    quick: bool = False, **options: Any,
) -> Result:  # fmt: skip
    from viz.views.attribution.measure import Effort, rate

    images = given.images() if given.images else None
    return rate(
        checkpoint, images, methods=method, n_steps=steps, n_samples=samples,
        effort=Effort(n_noise=0, n_stages=0) if quick else None, seed=given.seed,
        progress=given.progress, **options,
    )  # fmt: skip


def _figures() -> tuple[FigureRow, ...]:
    from viz.plot.figures import drawn
    from viz.views.attribution import draw, draw_maps

    return (
        FigureRow(
            "attribution",
            "The first images, and the maps of a few methods over them.",
            drawn(draw_maps.draw_attribution, draw_maps.attribution_figure),
        ),
        FigureRow(
            "attribution-trust",
            "Every score of every map over all images.",
            drawn(draw.draw_scores, draw.scores_figure),
        ),
    )


VIEW = View(
    "attribution",
    "Attributions and their trust",
    _measure,
    "viz.views.attribution.result:Trust",
    _figures,
    "A map is an answer to one question about one score, and methods ask different questions; "
    "none shows a reason as a person would give it. Images without some of their patches are "
    "unlike any the network was trained on. Read every score beside that of the edge detector, "
    "which knows nothing of the network.",
    slow=True,
    about="""Show what an answer rests on, by several methods, and how far to trust each.

    -o FILE draws the first three images, -o FOLDER adds the scores of all, tables and arrays, and
    --json prints every score. A method that is wrong for the network is refused.
    """,
    options=(
        Option(
            "method",
            "saliency, smoothgrad, input-x-gradient, integrated-gradients, "
            "gradient-shap, deeplift, guided-backprop, occlusion, feature-ablation or grad-cam; "
            "may be repeated.  [default: all that suit every ConvMixer but feature-ablation, "
            "which is much like occlusion]",
            many=True,
            metavar="NAME",
        ),
        Option(
            "target",
            "Explain this: a class by index or name, predicted, runner-up, or difference (of "
            "these two).",
            "predicted",
        ),
        Option(
            "block", "Let Grad-CAM look at this block, 0-based.  [default: the last]", None, int, 0
        ),
        Option("steps", "Take so many steps in integrated gradients.", 32, int, 1),
        Option("samples", "Take so many samples in SmoothGrad and gradient SHAP.", 16, int, 1),
        Option("quick", "Leave out max-sensitivity and the randomisation test.", False, bool),
        Option("memory", "Use so many MiB for the feature maps of one batch.", 512, int, 1),
    ),
    images="needed",
    menu="Attributions and trust",
    group="On images",
    icon=":material/fact_check:",
    question="Which patches does an answer rest on, and how far is that map to be trusted?",
)
