"""The command that replaces kernels by their descriptions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from viz.cli.common import progress_bar, say, seed_option
from viz.cli.images import looking, open_with_images, say_skipped
from viz.cli.output import check_output, write_output, writing

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["COMMANDS"]

_SCOPES = ("all", "block", "patch")


@click.command()
@looking
@writing
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(_SCOPES),
    multiple=True,
    help="Replace all kernels, those of one block, or patch filters; repeat for "
    "several.  [default: each of these]",
)
@click.option(
    "--crops",
    type=click.IntRange(1),
    default=64,
    show_default=True,
    help="Crops of each of the two photographs, where no images are given.",
)
@click.option("--batch-size", type=click.IntRange(1), help="Images at a time.")
@seed_option()
def substitution(checkpoint: str, images: Path | None, output: Path | None, as_json: bool,
                 force: bool, scopes: tuple[str, ...], crops: int, batch_size: int | None,
                 seed: int, **options: Any) -> None:  # fmt: skip
    """Replace kernels by their descriptions and see how much of the answers is left.

    Beside the descriptions stand controls with as many numbers per kernel (principal components,
    a DCT), noise, and nothing. Without images, crops of scikit-learn's two photographs are used.
    """
    from viz.views.substitution.measure import measure

    check_output(output, as_json, force)
    loaded, found = open_with_images(checkpoint, images, options)
    if images is None:
        say(f"viz: no images given: {crops} crops of each of the two photographs are used")
    with progress_bar() as progress:
        result = measure(
            loaded,
            None if images is None else found,
            scopes=scopes or _SCOPES,
            n_crops=crops,
            batch_size=batch_size,
            seed=seed,
            progress=progress,
        )
    say_skipped(found)
    write_output("substitution", result, output, as_json, force, figure=_figure(result))


def _figure(result: Any) -> Callable[[Any], Any] | None:
    """Return the first figure of what was measured; None for the catalogue's main one."""
    from viz.views import view

    rows = dict(zip(_SCOPES, view("substitution").figures, strict=True))
    there = [scope for scope in _SCOPES if (result.scope == scope).any()]
    return None if "all" in there or not there else rows[there[0]].make


COMMANDS = (substitution,)
