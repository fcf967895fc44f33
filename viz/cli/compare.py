"""The command that lays two networks side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from viz.cli.common import (
    loading,
    open_two,
    path_option,
    preparing,
    progress_bar,
    say,
    seed_option,
    whole,
)
from viz.cli.output import check_figure, check_output, write_figure, writing
from viz.core.refusal import Refusal


@click.command()
@loading
@preparing
@click.argument("other", metavar="OTHER")
@path_option("--images", help="Measure effective receptive fields on this image or folder.")
@whole("--limit", "Take at most so many images.")
@writing
@seed_option()
def compare(checkpoint: str, other: str, images: Path | None, limit: int | None,
            output: Path | None, figure: str | None, width: str, as_json: bool, force: bool,
            seed: int, **options: Any) -> None:  # fmt: skip
    """Lay two networks side by side.

    CKPT is called A, and OTHER is called B. Compared are the architectures, the names and
    descriptors of the depthwise kernels by depth and the receptive fields; the patch filters,
    matched one to one and beside chance; and, where the channels of both correspond, as in
    snapshots of one training, which kernels moved and how their names changed. What two networks
    do not allow is left out, and the command says so. -o FILE draws the first figure, or
    that of --figure.
    """
    check_output(output, force)
    from viz.images.sets import opener
    from viz.views import COMPARISONS, Given

    check_figure(COMPARISONS, figure, width, output)
    a, b = open_two(checkpoint, other, **options)
    say(f"A is {a.source.name}, B is {b.source.name}.")
    given = Given(opener(images, a.preprocessing, a.config.in_channels, limit=limit), seed)
    rows = COMPARISONS
    drawn = next((r for r in rows if figure in [each.name for each in r.figures]), rows[0])
    if figure and (reason := drawn.refuses(a, b)):
        raise Refusal(f"{figure} cannot be drawn: {reason}")
    if output is not None and output.suffix and not as_json:
        rows = (drawn,)
    results, refused = {}, {}
    for row in rows:
        reason = row.refuses(a, b)
        if reason:
            refused[row.name] = reason
            say(f"{row.title}: left out: {reason}")
            continue
        with progress_bar() as progress:
            results[row.name] = row.measure(a, b, Given(given.images, seed, progress))
        if not as_json and row.sentence is not None:
            click.echo(f"{row.title}: {row.sentence(results[row.name])}", err=output is not None)
    _write(results, output, force, figure, width)
    if as_json:
        numbers = {
            row.name: row.summary(results[row.name])
            for row in rows
            if row.name in results and row.summary is not None
        }
        found = {**numbers, "left_out": refused}
        click.echo(json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False))
    elif output is not None:
        click.echo(str(output))
    else:
        say("viz: -o FILE draws it, -o FOLDER writes everything, --json prints the numbers.")


def _write(results: dict[str, Any], output: Path | None, force: bool, figure: str | None,
           width: str) -> None:  # fmt: skip
    """Write one figure, by default the first row's, or everything of every row into a folder."""
    if output is None:
        return
    from viz.views import COMPARISONS, comparison

    if output.suffix:
        made = {each.name: (each, results[row.name])
                for row in COMPARISONS if row.name in results for each in row.figures}  # fmt: skip
        row, result = made[figure or next(iter(made))]
        write_figure(row, result, output, width, force)
        return
    from viz.report.folder import write_view_folder

    for i, (name, result) in enumerate(results.items()):
        write_view_folder(comparison(name), result, output, force=force or i > 0)


COMMANDS = (compare,)
