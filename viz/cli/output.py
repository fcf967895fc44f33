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
    from viz.views.base import FigureRow, Shown


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
    click.option(
        "--width",
        type=click.Choice(["page", "column"]),
        default="page",
        show_default=True,
        help="Draw the -o FILE for two columns of a page, or for one.",
    ),
    font_option,
    json_option,
    force_option,
)
"""``-o``, ``--figure``, ``--width``, ``--font``, ``--json``, ``--force`` of commands of views."""


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


def check_figure(
    rows: Sequence[Shown], figure: str | None, width: str, output: Path | None
) -> None:
    """Refuse a figure that the views do not have, and settings of a file where there is none."""
    names = [each.name for row in rows for each in row.figures] if figure else []
    if figure and figure not in names:
        raise click.UsageError(f"{figure!r} is not among its figures: {', '.join(names)}")
    given = f"--figure {figure}" if figure else "--width column" if width == "column" else ""
    if given and (output is None or not output.suffix):
        raise click.UsageError(f"{given} needs -o with a .png, .svg or .pdf file")


def write_figure(
    row: FigureRow, result: Result, output: Path, width: str, force: bool, **draws: Any
) -> Path:
    """Write one figure, and say its caption."""
    from viz.plot.style import save_figure

    make = row.make
    if width == "column":
        make = row.narrow or make
        if row.narrow is None:
            say(f"The figure {row.name} has one width only; it is drawn in that.")
    drawn = make(result, **draws)
    written = save_figure(drawn, output, force=force)
    say(f"Caption: {row.caption} {drawn.get_label()}")
    return written


def write_output(
    row: View,
    result: Result,
    output: Path | None,
    as_json: bool,
    force: bool,
    *,
    draws: Mapping[str, Any],
    figure: str | None = None,
    width: str = "page",
) -> None:
    """Write and print what was asked for; ``draws`` are settings of the main figure."""
    if output is not None and output.suffix:
        chosen = next((each for each in row.figures if each.name == figure), row.figures[0])
        written = write_figure(chosen, result, output, width, force,
                               **(draws if chosen is row.figures[0] else {}))  # fmt: skip
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
