"""Where a view goes: ``-o FILE`` its main figure, ``-o FOLDER`` all, ``--json`` its numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from viz.cli.common import adding, font_option, force_option, json_option, path_option, say

if TYPE_CHECKING:
    from viz.core.result import Result
    from viz.views import View
    from viz.views.base import Shown


writing = adding(
    path_option(
        "-o",
        "--output",
        help="Write the main figure to a .png, .svg or .pdf file, or everything into a folder.",
    ),
    click.option(
        "--figure",
        metavar="NAME",
        help="Write this figure to the -o FILE, such as early-late-effects of early-late; any "
        "other word lists them.  [default: the main figure]",
    ),
    font_option,
    json_option,
    force_option,
)
"""``-o``, ``--figure``, ``--font``, ``--json`` and ``--force`` of a command that shows a view."""


def check_output(output: Path | None, force: bool) -> None:
    """Refuse before any work what cannot be written."""
    if output is None:
        return
    if output.suffix:
        from viz.plot.style import check_path

        check_path(output, force=force)
    else:
        from viz.report.folder import check_view_folder

        check_view_folder(output, force=force)


def check_figure(rows: Sequence[Shown], figure: str | None, output: Path | None) -> None:
    """Refuse a figure that the views do not have, or that has no file to go to."""
    names = [each.name for row in rows for each in row.figures] if figure else []
    if figure and figure not in names:
        raise click.UsageError(f"{figure!r} is not among its figures: {', '.join(names)}")
    if figure and (output is None or not output.suffix):
        raise click.UsageError(f"--figure {figure} needs -o with a .png, .svg or .pdf file")


def write_output(
    row: View,
    result: Result,
    output: Path | None,
    as_json: bool,
    force: bool,
    *,
    draws: Mapping[str, Any],
    figure: str | None = None,
) -> None:
    """Write and print what was asked for; ``draws`` are settings of the main figure."""
    if output is not None and output.suffix:
        from viz.plot.style import save_figure

        chosen = next((each for each in row.figures if each.name == figure), row.figures[0])
        drawn = chosen.make(result, **(draws if chosen is row.figures[0] else {}))
        written = save_figure(drawn, output, force=force)
        say(f"Caption: {chosen.caption} {drawn.get_label()}")
    elif output is not None:
        from viz.report.folder import write_view_folder

        written = write_view_folder(row, result, output, force=force, draws=draws)
    # What was found is for people: the stream of results holds the path alone.
    told = row.sentence if output is not None and not as_json else None
    if told is not None and (said := told(result)):
        say(said)
    if as_json and row.summary is not None:
        click.echo(json.dumps(row.summary(result), indent=2, ensure_ascii=False, allow_nan=False))
    elif output is not None:
        click.echo(str(written))
