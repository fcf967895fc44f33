"""What drives channels most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viz.core.refusal import Refusal
from viz.views.base import FigureRow, Given, Option, View, kernel_name, numbers
from viz.views.described import depthwise_description
from viz.views.swept import images_of, swept

if TYPE_CHECKING:
    from viz.core.result import Result
    from viz.network.checkpoint import Checkpoint


def _check(stage: str, block: int | None, given: bool, name: bool, by_name: bool) -> None:
    """Refuse ways of choosing channels that exclude each other: one would not be heard."""
    if given + name + by_name > 1:
        raise Refusal("give one of --channels, --name and --by-name.")
    if (name or by_name) and stage not in ("depthwise", "residual"):
        raise Refusal("names are those of depthwise kernels: leave --stage out.")
    if (name or by_name) and block is not None:
        raise Refusal("kernels with a name are taken from all blocks: leave --block out.")
    if stage == "patch embedding" and block is not None:
        raise Refusal("the patch embedding comes before all blocks: leave --block out.")


def _measure(
    checkpoint: Checkpoint, given: Given, *, stage: str = "depthwise", block: int | None = None,
    channels: Any = None, name: str | None = None, by_name: bool = False, most: int = 6,
    shown: int = 9,
) -> Result:  # fmt: skip
    _check(stage, block, channels is not None, name is not None, by_name)
    from viz.sweep.opening import channels_of_sweep
    from viz.views.top_patches.measure import channels_by_name, channels_named, top_patches

    found = swept(checkpoint, given, ("top",), field_images=32)
    names: list[str] = []
    if by_name:
        chosen, names = channels_by_name(depthwise_description(checkpoint, given))
        why = "the best described kernel of every name"
    elif name is not None:
        chosen = channels_named(depthwise_description(checkpoint, given), name, most)
        names, why = [name] * len(chosen), f"named {name}"
    elif channels is not None:
        at = -1 if stage == "patch embedding" else block or 0
        chosen, why = [(at, channel) for channel in channels], "given"
    else:
        chosen = channels_of_sweep(found, most, stage=stage, block=block)
        one = block is not None or stage == "patch embedding"
        why = "the most variable" if one else "the most variable of some blocks"
    return top_patches(
        checkpoint, found, images_of(checkpoint, given), chosen, stage=stage, shown=shown,
        names=names, chosen_by=why,
    )  # fmt: skip


def _figures() -> tuple[FigureRow, ...]:
    from viz.plot.figures import drawn
    from viz.views.top_patches import draw

    return (
        FigureRow(
            "top-patches",
            "Kernel, strongest image with the crop's place, the channel's map of it, and the "
            "patches with the largest values, each as large as the field that holds 90 % of "
            "the block's effective receptive field.",
            drawn(draw.draw_top_patches, draw.top_patches_figure),
        ),
    )


VIEW = View(
    "top-patches",
    "What drives channels most",
    _measure,
    "viz.views.top_patches.result:TopPatches",
    _figures,
    "The largest values are the tail of a distribution: most of what a channel does is "
    "elsewhere. Patches that look alike may share what is not seen at a glance, and a batch "
    "norm of negative scale makes the smallest values the largest.",
    about="""Show the patches that drive channels most, beside kernel and feature map.

    With --sweep FILE the images are those that were swept, and only those that are shown are read;
    without it the images are run through here. Crops are as large as the field that holds 90 % of
    the block's effective receptive field.
    """,
    options=(
        Option(
            "stage",
            "Look at the channels of this stage.",
            "depthwise",
            ("patch embedding", "depthwise", "residual", "pointwise"),
        ),
        Option(
            "block",
            "Look at this block, where channels are given or chosen by variance.  [default: of "
            "--channels 0, else some from the first to the last]",
            None,
            int,
            0,
        ),
        Option(
            "channels",
            "Show these channels, such as 0-2,7.  [default: the most variable]",
            kind=numbers,
        ),
        Option(
            "name",
            "Show channels of all blocks whose kernel has this name, such as edge.",
            kind=kernel_name,
            metavar="NAME",
        ),
        Option("by_name", "Show the best described kernel of every name.", False, bool),
        Option(
            "most",
            "Show so many channels, where none are given; without --block the most variable of "
            "as many blocks.",
            6,
            int,
            1,
        ),
        Option("shown", "Show so many patches of each channel.", 9, int, 1),
    ),
    images="needed",
    swept=True,
    menu="What drives channels",
    group="On images",
    icon=":material/local_fire_department:",
    question="Which patches of a whole folder drive a channel?",
    method="sweep",
)
