"""The command that shows what units see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from viz.cli.common import numbers, progress_bar, say, seed_option
from viz.cli.images import looking, open_with_images, say_skipped
from viz.cli.output import check_output, write_output, writing

if TYPE_CHECKING:
    from viz.model.checkpoint import Checkpoint

__all__ = ["COMMANDS"]


def _unit(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
    """Read a row and a column in the patch grid."""
    if value is None:
        return None
    row, comma, column = (part.strip() for part in value.partition(","))
    if not (comma and value.isascii() and row.isdigit() and column.isdigit()):
        raise click.BadParameter(
            f"{value!r} is not a row and a column of the patch grid such as 16,16."
        )
    return int(row), int(column)


@click.command("receptive-field")
@looking
@writing
@click.option("--unit", metavar="ROW,COLUMN", callback=_unit,
              help="In the patch grid.  [default: the middle one]")  # fmt: skip
@click.option(
    "--channels", type=numbers, help="Channels to sum over, such as 0-3,17.  [default: all]"
)
@click.option("--blocks", type=numbers, help="Which blocks, such as 0-2,7.  [default: all]")
@click.option(
    "--random/--no-random",
    default=True,
    show_default=True,
    help="Measure a randomly initialised network of the same shape, too.",
)
@seed_option("Of that network and of the bootstrap.")
@click.option(
    "--memory",
    type=click.FloatRange(1),
    help="Working memory, in MB; what does not fit at once is done in turn.  [default: 1024; "
    "8192 with --replknet]",
)
@click.option(
    "--replknet",
    is_flag=True,
    help="Print RepLKNet's area ratios instead, with that measure's known faults: images squashed "
    "to --image-size (1024), the first 50 or --limit. Needs --json.",
)
def receptive_field(checkpoint: str, images: Path | None, output: Path | None, as_json: bool,
                    force: bool, unit: tuple[int, int] | None, channels: list[int] | None,
                    blocks: list[int] | None, random: bool, seed: int, memory: float | None,
                    replknet: bool, **options: Any) -> None:  # fmt: skip
    """Show what a unit of each block could see, and what it does look at.

    Theoretical fields follow from the architecture; effective ones are gradients, averaged over
    the images: the radii that hold 50, 90 and 99 % of their mass around the unit, with bootstrap
    intervals, beside a randomly initialised network.
    """
    check_output(output, as_json, force)
    if replknet:
        if output is not None or not as_json:
            raise click.UsageError("--replknet prints numbers only: give --json and no -o.")
        _refuse_unused()
        size, limit = options["image_size"] or 1024, options["limit"] or 50
        loaded, _ = open_with_images(checkpoint, images, options | {"limit": None})
        say(f"viz: for RepLKNet's measure the first {limit} are squashed to {size} x {size} px.")
        _print_area_ratios(loaded, images, size, limit, memory or 8192)
        return
    from viz.measure.receptive_field import receptive_field as measure

    loaded, found = open_with_images(checkpoint, images, options)
    with progress_bar() as progress:
        result = measure(
            loaded,
            found,
            unit=unit,
            channels=channels,
            blocks=blocks,
            random=random,
            seed=seed,
            memory_mb=memory or 1024,
            progress=progress,
        )
    say_skipped(found)
    write_output("receptive-field", result, output, as_json, force)


def _refuse_unused() -> None:
    """Refuse what RepLKNet's measure has no use for, rather than let it pass unheard."""
    context = click.get_current_context()
    unused = [
        f"--{name.replace('_', '-')}"
        for name in ("unit", "channels", "blocks", "random", "seed", "crop", "interpolation")
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    ]
    if unused:
        raise click.UsageError(
            "--replknet has its own way, the middle unit of the last block in all channels on "
            f"squashed images: leave {', '.join(unused)} out."
        )


def _print_area_ratios(
    checkpoint: Checkpoint, images: Path | None, size: int, limit: int, memory: float
) -> None:
    from viz.measure.replknet_field import replknet_area_ratios

    with progress_bar() as progress:
        result = replknet_area_ratios(
            checkpoint, images, image_size=size, n_images=limit, memory_mb=memory, progress=progress
        )
    if result.n_skipped:
        reasons = result.source.settings["skipped"][:3]
        say(" ".join([f"viz: note: {result.n_skipped} images skipped.", *reasons]))
    click.echo(json.dumps(result.rows(), indent=2, allow_nan=False))


COMMANDS = (receptive_field,)
