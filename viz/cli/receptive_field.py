"""The command that shows what units see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from viz.cli.common import numbers, progress_bar, seed_option
from viz.cli.images import looking, open_with_images, say_skipped
from viz.cli.output import check_output, write_output, writing

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
    default=1024,
    show_default=True,
    help="Working memory, in MB; what does not fit at once is done in turn.",
)
def receptive_field(checkpoint: str, images: Path | None, output: Path | None, as_json: bool,
                    force: bool, unit: tuple[int, int] | None, channels: list[int] | None,
                    blocks: list[int] | None, random: bool, seed: int, memory: float,
                    **options: Any) -> None:  # fmt: skip
    """Show what a unit of each block could see, and what it does look at.

    Theoretical fields follow from the architecture; effective ones are gradients, averaged over
    the images: the radii that hold 50, 90 and 99 % of their mass around the unit, with bootstrap
    intervals, beside a randomly initialised network.
    """
    check_output(output, as_json, force)
    from viz.views.receptive_field.measure import receptive_field as measure

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
            memory_mb=memory,
            progress=progress,
        )
    say_skipped(found)
    write_output("receptive-field", result, output, as_json, force)


COMMANDS = (receptive_field,)
