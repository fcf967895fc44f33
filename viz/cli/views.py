"""The command of every view, made from its card."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from viz.cli.common import (
    Whole,
    loading,
    open_checkpoint,
    path_option,
    progress_bar,
    read_by,
    say,
    seed_option,
)
from viz.cli.images import looking, open_with_images, say_skipped
from viz.cli.output import check_figure, check_output, write_output, writing
from viz.views import VIEWS, Given

if TYPE_CHECKING:
    from viz.images.sets import ImageSet
    from viz.network.checkpoint import Checkpoint
    from viz.views import Option, View


def option_of(option: Option) -> Callable[[Any], Any]:
    """Return a card's option as click has it."""
    flag = "--" + option.name.replace("_", "-")
    more: dict[str, Any] = {"help": option.help, "metavar": option.metavar}
    if option.many:
        more["multiple"] = True
    elif option.default is not None and option.default is not False:
        more |= {"default": option.default, "show_default": True}
    if option.kind is bool:
        switch = f"{flag}/--no-{flag[2:]}" if option.default else flag
        return click.option(switch, option.name, is_flag=True, **more)
    if isinstance(option.kind, tuple):
        more["type"] = click.Choice(option.kind)
    elif option.kind is int:
        more["type"] = Whole(int(option.least or 0))
    elif option.kind is float:
        more |= {"type": click.FloatRange(option.least), "metavar": "NUMBER"}
    elif option.kind is not str:
        more["callback"] = read_by(option.kind)
        more["metavar"] = option.metavar or "LIST"
    return click.option(flag, option.name, **more)


def _open(
    row: View, checkpoint: str, images: Path | None, options: dict[str, Any]
) -> tuple[Checkpoint, list[ImageSet]]:
    """Open a checkpoint, and the images where a view looks at some."""
    if not row.images:
        known = ("activation", "ema", "classes", "device")
        return open_checkpoint(checkpoint, **{n: options[n] for n in known if n in options}), []
    loaded, found = open_with_images(checkpoint, images, options)
    return loaded, [] if images is None else [found]


def _run(row: View, given: dict[str, Any]) -> None:
    """Measure a view and write what was asked for."""
    output, as_json, force = (given.pop(name) for name in ("output", "as_json", "force"))
    figure, width = given.pop("figure"), given.pop("width")
    mine = {option.name: given.pop(option.name) for option in row.options}
    draws = {option.name: mine.pop(option.name) for option in row.options if option.draws}
    seed, sweep = given.pop("seed"), given.pop("sweep", None)
    checkpoint, images = given.pop("checkpoint"), given.pop("images", None)
    if output is not None:
        check_output(output, force)
    check_figure([row], figure, width, output)
    set_ = [o.name for o in row.options if o.draws and draws[o.name] != o.default]
    if figure and set_ and figure != (main := row.figures[0].name):
        flag = set_[0].replace("_", "-")
        raise click.UsageError(f"--{flag} is about the figure {main} alone; leave it out")
    loaded, opened = _open(row, checkpoint, images, given)

    def again() -> ImageSet:
        opened.append(opened[0].as_seen_by(loaded.preprocessing, loaded.config.in_channels))
        return opened[-1]

    with progress_bar() as progress:
        about = Given(again if opened else None, seed, progress, sweep)
        result = row.measure(loaded, about, **mine)
    if opened:
        # Those of which most was found broken: a second pass may read only some.
        say_skipped(max(opened, key=lambda each: len(each.skipped)))
    if output is None and not as_json:
        if row.sentence is not None and (text := row.sentence(result)):
            click.echo(text)
        say("viz: -o FILE draws it, -o FOLDER writes everything, --json prints the numbers.")
        return
    write_output(row, result, output, as_json, force, draws=draws, figure=figure,
                 width=width)  # fmt: skip


def command_of(row: View) -> click.Command:
    """Return the command of a view."""

    def run(**given: Any) -> None:
        _run(row, given)

    made: Any = seed_option()(run)
    for option in reversed(row.options):
        made = option_of(option)(made)
    if row.swept:
        made = path_option(
            "--sweep",
            help="Read this file of viz sweep, of the same network and images; it spares a pass.",
        )(made)
    made = (looking if row.images else loading)(writing(made))
    return click.command(row.name, help=row.about, short_help=row.question)(made)


COMMANDS = tuple(command_of(row) for row in VIEWS)
