"""The command about pointwise weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from viz.cli.common import open_checkpoint, progress_bar, seed_option
from viz.cli.images import looking, open_with_images, say_skipped
from viz.cli.output import check_output, write_output, writing

__all__ = ["COMMANDS"]

_LOADING = ("activation", "ema", "classes", "device")


@click.command()
@looking
@writing
@seed_option()
def mixing(checkpoint: str, images: Path | None, output: Path | None, as_json: bool, force: bool,
           seed: int, **options: Any) -> None:  # fmt: skip
    """Show what the pointwise weights do between kernels: links by name, effective rank.

    On images the activations' mean slopes are measured; without any they come from the batch
    norms under a Gaussian assumption.
    """
    from viz.views.mixing.measure import measure

    check_output(output, as_json, force)
    found = None
    if images is None:
        loaded = open_checkpoint(checkpoint, **{name: options[name] for name in _LOADING})
    else:
        loaded, found = open_with_images(checkpoint, images, options)
    with progress_bar() as progress:
        result = measure(loaded, found, seed=seed, progress=progress)
    if found is not None:
        say_skipped(found)
    write_output("mixing", result, output, as_json, force)


COMMANDS = (mixing,)
