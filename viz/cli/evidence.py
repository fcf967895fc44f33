"""The commands that take a network's answer apart: by patch and channel, and by depth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from viz.cli.common import progress_bar, seed_option
from viz.cli.images import looking, open_with_images, say_skipped
from viz.cli.output import check_output, write_output, writing

__all__ = ["COMMANDS"]

_shown = click.option("--shown", type=click.IntRange(1), default=2, show_default=True,
                      help="Images whose maps are kept.")  # fmt: skip


@click.command()
@looking
@writing
@click.option("--target", default="predicted", show_default=True,
              help="The class that is explained: by name, by index, or predicted.")  # fmt: skip
@click.option("--against", default="runner-up", show_default=True,
              help="The class it is weighed against: by name, by index, or runner-up.")  # fmt: skip
@_shown
@click.option("--channels", "n_channels", type=click.IntRange(1), default=6, show_default=True,
              help="Deciding channels of each of these.")  # fmt: skip
@seed_option("Of the random channels.")
def evidence(checkpoint: str, images: Path | None, output: Path | None, as_json: bool, force: bool,
             target: str, against: str, shown: int, n_channels: int, seed: int,
             **options: Any) -> None:  # fmt: skip
    """Show which patches and channels give the answer, exactly.

    -o FILE draws the evidence over the first images, -o FOLDER adds the channels that decide and
    the kernels that feed them, classes by channels, and what becomes of the answer without them.
    """
    check_output(output, as_json, force)
    loaded, found = open_with_images(checkpoint, images, options)
    from viz.views.evidence.measure import evidence as measure

    with progress_bar() as progress:
        result = measure(
            loaded, found, target=target, against=against, shown=shown, n_channels=n_channels,
            seed=seed, progress=progress,
        )  # fmt: skip
    say_skipped(found)
    write_output("evidence", result, output, as_json, force)


@click.command("decision-by-depth")
@looking
@writing
@_shown
@click.option("--fit/--no-fit", default=True, show_default=True,
              help="Fit a linear readout after each block, where the images allow it.")  # fmt: skip
@click.option("--draws", type=click.IntRange(0), default=3, show_default=True,
              help="Networks with shuffled blocks, and randomly initialised ones.")  # fmt: skip
@seed_option("Of the baselines and of the cross-validation.")
def decision_by_depth(checkpoint: str, images: Path | None, output: Path | None, as_json: bool,
                      force: bool, shown: int, fit: bool, draws: int, seed: int,
                      **options: Any) -> None:  # fmt: skip
    """Show after which block the answer is there: the head read out after each of them.

    -o FILE draws probability and rank of the answer by depth, -o FOLDER adds maps over the
    photograph and, for ten images and more, shares of the folder beside baselines.
    """
    check_output(output, as_json, force)
    loaded, found = open_with_images(checkpoint, images, options)
    from viz.views.decision_by_depth.measure import decision_by_depth as measure

    with progress_bar() as progress:
        result = measure(
            loaded, found, shown=shown, fitted=fit, draws=draws, seed=seed, progress=progress
        )
    say_skipped(found)
    write_output("decision-by-depth", result, output, as_json, force)


COMMANDS = (evidence, decision_by_depth)
