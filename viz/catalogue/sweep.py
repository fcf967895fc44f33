"""What needs one pass over the images: what drives channels, how sparse and selective they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viz.catalogue.base import FigureRow, Given, View
from viz.catalogue.described import depthwise_description
from viz.catalogue.figures import drawn

if TYPE_CHECKING:
    from viz.image_sets import ImageSet
    from viz.model.checkpoint import Checkpoint
    from viz.results.base import Result
    from viz.results.sweep import Sweep

__all__ = ["VIEWS"]

_ROWS = 6


def _images(checkpoint: Checkpoint, given: Given) -> ImageSet:
    from viz.image_sets import open_images

    if given.images is not None:
        return given.images()
    return open_images(None, checkpoint.preprocessing, checkpoint.config.in_channels)


def swept(
    checkpoint: Checkpoint, given: Given, parts: tuple[str, ...], field_images: int = 0
) -> Sweep:
    """Return the sweep that is given, or one made here of the images."""
    if given.sweep is not None:
        from viz.measure.sweep import open_sweep

        return open_sweep(given.sweep, checkpoint)
    from viz.sweep.run import Settings, sweep_images

    settings = Settings(parts, field_images=field_images, seed=given.seed)
    return sweep_images(checkpoint, _images(checkpoint, given), settings=settings)


def _sweep(checkpoint: Checkpoint, given: Given) -> Result:
    return swept(checkpoint, given, ("sparsity", "classes"))


def _top_patches(checkpoint: Checkpoint, given: Given) -> Result:
    from viz.measure.sweep import channels_of_sweep
    from viz.measure.top_patches import top_patches

    found = swept(checkpoint, given, ("top",), field_images=32)
    return top_patches(checkpoint, found, None, channels_of_sweep(found, _ROWS),
                       images=_images(checkpoint, given),
                       chosen_by="the most variable of some blocks")  # fmt: skip


def _preferred(checkpoint: Checkpoint, given: Given) -> Result:
    from viz.measure.preferred_inputs import preferred_inputs

    found = swept(checkpoint, given, ("top",))
    return preferred_inputs(
        checkpoint, found, depthwise_description(checkpoint, given), None,
        images=_images(checkpoint, given), seed=given.seed, progress=given.progress,
    )  # fmt: skip


def _preferred_sentence(result: Any) -> str:
    numbers = result.summary()
    rows = [row for row in numbers["names"] if row["agreement"] is not None]
    words = ", ".join(
        f"{row['name']} {100 * row['agreement']:.0f} % ({100 * row['agreement_shuffled']:.0f} %)"
        for row in sorted(rows, key=lambda row: -row["kernels"])[:4]
        if row["agreement_shuffled"] is not None
    )
    lifts = [row["lift_name_median"] for row in numbers["blocks"]]
    ends = [value for value in lifts if value is not None]
    return (
        f"Of the patches that drive {numbers['kernels']} named kernels most on "
        f"{numbers['images']} image{'s' if numbers['images'] != 1 else ''}, so many are as the "
        "name predicts (in brackets: where the same taps in random order respond most): "
        f"{words or 'none'}."
        + (
            f" The best single shape has {100 * min(ends):.0f} to {100 * max(ends):.0f} % of what "
            "lifts the response of a block's median kernel above its mean."
            if ends
            else ""
        )
    )


def _sentence(result: Any) -> str:
    rows = {(row["block"], row["stage"]): row for row in result.summary()["rows"]}
    first, last = rows[0, "depthwise"], rows[result.depth - 1, "depthwise"]
    words = f"On {result.n_images} image{'s' if result.n_images != 1 else ''}"
    if first["sparsity_median"] is not None:
        words += (
            f", the median depthwise channel is off at {100 * first['sparsity_median']:.0f} % of "
            f"the positions in the first block and at {100 * last['sparsity_median']:.0f} % in the "
            "last"
        )
    if last["selectivity_median"] is not None:
        words += (
            f"; its class selectivity goes from {first['selectivity_median']:.2f} to "
            f"{last['selectivity_median']:.2f} (without classes: "
            f"{last['selectivity_null_median']:.2f})"
        )
    return words + "."


VIEWS: tuple[View, ...] = (
    View(
        "top-patches",
        "What drives channels most",
        _top_patches,
        "viz.results.top_patches:TopPatches",
        (
            FigureRow(
                "top-patches",
                "Kernel, strongest image with the crop's place, the channel's map of it, and the "
                "patches with the largest values, each as large as the field that holds 90 % of "
                "the block's effective receptive field.",
                drawn("top_patches", "top_patches"),
            ),
        ),
        "The largest values are the tail of a distribution: most of what a channel does is "
        "elsewhere. Patches that look alike may share what is not seen at a glance, and a batch "
        "norm of negative scale makes the smallest values the largest.",
        summary=lambda result: result.summary(),
        needs_images=True,
    ),
    View(
        "preferred-inputs",
        "Do names tell what drives kernels?",
        _preferred,
        "viz.results.preferred_inputs:PreferredInputs",
        (
            FigureRow(
                "preferred-inputs",
                "Share of the patches that drive kernels most which are as the kernels' names "
                "predict, by name and block, beside random positions and kernels of shuffled "
                "taps; and what lifts the responses.",
                drawn("preferred_inputs", "shares"),
            ),
            FigureRow(
                "preferred-inputs-examples",
                "One kernel of each name, its best single shape, and the patches of its input map "
                "that drive it most.",
                drawn("preferred_inputs", "examples"),
            ),
        ),
        "A kernel chooses the patches that are like it: only what exceeds the agreement of "
        "shuffled taps counts. The patches are of the map that the kernel is given, which from the "
        "second block on need not look like the image, and they are the tail of a distribution.",
        summary=lambda result: result.summary(),
        sentence=_preferred_sentence,
        needs_images=True,
    ),
    View(
        "selectivity",
        "Sparsity and class selectivity by depth",
        _sweep,
        "viz.results.sweep:Sweep",
        (
            FigureRow(
                "selectivity",
                "Share of values at most 0, over the channels of each block; where the images "
                "are in folders of classes, also class selectivity beside that of channels that "
                "know no classes.",
                drawn("sweep", "selectivity"),
            ),
        ),
        "Selectivity is large for any channel when classes have few images: only what exceeds the "
        "grey null counts. A selective channel need not be a useful one.",
        summary=lambda result: result.summary(),
        sentence=_sentence,
        needs_images=True,
    ),
)
