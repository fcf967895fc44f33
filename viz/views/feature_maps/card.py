"""Feature maps beside their kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viz.core.refusal import Refusal
from viz.views.base import FigureRow, Given, Option, View, kernel_name, numbers
from viz.views.swept import images_of
from viz.views.wording import n_images, probability

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from viz.core.result import Result
    from viz.network.checkpoint import Checkpoint


def _measure(checkpoint: Checkpoint, given: Given, **options: Any) -> Result:
    if options.get("channels") is not None and options.get("name") is not None:
        raise Refusal("give either --channels or --name.")

    from viz.sweep.opening import open_sweep
    from viz.views.feature_maps.measure import feature_maps

    images = images_of(checkpoint, given)
    sweep = None if given.sweep is None else open_sweep(given.sweep, checkpoint)
    return feature_maps(
        checkpoint, images, sweep=sweep, seed=given.seed, progress=given.progress, **options
    )


def _sentence(result: Any) -> str:
    numbers = result.summary()
    rows = [row for row in numbers["depth"] if row["part"] == "depthwise"]
    if not rows:
        # One block's maps alone were asked for.
        return ""
    on = n_images(len(numbers["images"]))
    said = []
    first, last = rows[0], rows[-1]
    if None not in (first["rank"], last["rank"]):
        more = "more" if round(last["rank"]) < round(first["rank"]) else "no more"
        said.append(
            f"On {on} the channels of the last block repeat one another {more} than those of the "
            "first: after their depthwise convolution the maps have an effective rank of "
            f"{last['rank']:.0f} of {numbers['rank_bound']}, against {first['rank']:.0f} in the "
            f"first and {numbers['rank_shuffled_mean']:.0f} with every map's positions shuffled."
        )
    if None not in (first["off"], last["off"]):
        said.append(
            f"The activation after it switches off {100 * first['off']:.0f} % of the units in the "
            f"first block and {100 * last['off']:.0f} % in the last, where inputs symmetric about "
            "0 would give 50 %."
        )
    energy = numbers["patch_grid"]["kept_energy_median"]
    if energy is not None:
        said.append(
            "Answering once per patch instead of at every pixel keeps "
            f"{100 * energy:.0f} % of the energy of the median patch filter's answers, against "
            f"{probability(numbers['patch_grid']['kept_energy_without_structure'])} for answers "
            "without structure."
        )
    return " ".join(said)


def _maps(result: Any, *, scale: Any = "figure") -> Figure:
    from viz.views.feature_maps.draw import draw_maps, maps_figure

    figure = maps_figure(result)
    draw_maps(result, figure, scale=scale)
    return figure


def _figures() -> tuple[FigureRow, ...]:
    from viz.plot.figures import both, drawn
    from viz.plot.style import MM, TWO_COLUMNS
    from viz.views.feature_maps import draw_depth, draw_patches

    return (
        FigureRow(
            "feature-maps",
            "Maps of some channels of a block, beside the kernels that make them.",
            _maps,
        ),
        FigureRow(
            "feature-maps-by-depth",
            "Sparsity and effective rank of every activation's output by block, before batch "
            "norm shifts zero.",
            *both(draw_depth.draw_depth, (TWO_COLUMNS, 52 * MM), 96 * MM),
        ),
        FigureRow(
            "feature-maps-patches",
            "The answers of patch filters at every pixel, and on the patch grid.",
            drawn(draw_patches.draw_patches, draw_patches.patches_figure),
        ),
    )


VIEW = View(
    "feature-maps",
    "Feature maps beside their kernels",
    _measure,
    "viz.views.feature_maps.result:FeatureMaps",
    _figures,
    "A map shows where its channel is large, not what it stands for: the pointwise part mixes "
    "all channels next. The most active channels are not the most important ones. Sparsity and "
    "rank are of single images; noise has the highest rank.",
    sentence=_sentence,
    about="""Show a block's feature maps beside its kernels; sparsity and rank by depth.

    -o FILE draws the maps of some channels of one block, -o FOLDER adds sparsity and rank by depth
    and the patch filters at every pixel, and --json prints numbers. Without images scikit-learn's
    two photographs serve. A sweep chooses channels by what they do on all its images.
    """,
    options=(
        Option("block", "Draw the maps of this block.", 0, int, 0),
        Option(
            "channels",
            "Draw these channels, such as 0-2,7.  [default: the most active]",
            kind=numbers,
        ),
        Option("most_active", "Draw so many channels, where none are given.", 3, int, 1),
        Option(
            "name",
            "Draw only channels whose kernel has this name, such as edge.",
            kind=kernel_name,
            metavar="NAME",
        ),
        Option(
            "filters",
            "Draw these patch filters.  [default: by what the grid keeps of them]",
            kind=numbers,
        ),
        Option("shown", "Draw the maps of so many images.", 2, int, 1),
        Option(
            "by",
            "Let a sweep choose channels by how much they vary, by how far their class "
            "selectivity is above its null, or by how far their largest value is above their "
            "mean, in standard deviations.",
            "variance",
            ("variance", "selectivity", "peak"),
        ),
        Option(
            "scale",
            "Give all maps one colour scale, or each column one.",
            "figure",
            ("figure", "stage"),
            draws=True,
        ),
        Option("batch_size", "Run so many images through the network at a time.", 4, int, 1),
    ),
    images="needed",
    swept=True,
    menu="Feature maps",
    group="On images",
    icon=":material/layers:",
    question="What do the channels answer on one image, beside the kernels that made it?",
)
