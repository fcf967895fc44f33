"""The command of every view, made from its card."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from viz.cli.common import loading, open_checkpoint, progress_bar, say, seed_option
from viz.cli.images import looking, open_with_images, say_skipped
from viz.cli.output import check_output, write_output, writing
from viz.views import VIEWS, Given

if TYPE_CHECKING:
    from viz.images.sets import ImageSet
    from viz.network.checkpoint import Checkpoint
    from viz.views import Option, View


def _read(
    kind: Callable[[str], Any], ctx: click.Context, param: click.Parameter, value: str | None
) -> Any:
    """Read a text; what cannot be read is refused before any work."""
    if value is None:
        return None
    try:
        return kind(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


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
    elif option.kind in (int, float):
        ranged = click.IntRange if option.kind is int else click.FloatRange
        more["type"] = ranged(option.least)  # type: ignore[arg-type]
    elif option.kind is not str:
        more["callback"] = partial(_read, option.kind)
    return click.option(flag, option.name, **more)


class _Images:
    """Opens the images as often as a view asks."""

    def __init__(self, first: ImageSet, again: Callable[[], ImageSet]) -> None:
        self._first: ImageSet | None = first
        self._again, self._opened = again, [first]

    def __call__(self) -> ImageSet:
        """Open the images anew."""
        first, self._first = self._first, None
        if first is None:
            self._opened.append(first := self._again())
        return first

    @property
    def fullest(self) -> ImageSet:
        """Those of which most was found broken: a second pass may read only some."""
        return max(self._opened, key=lambda images: len(images.skipped))


def _open(
    row: View, checkpoint: str, images: Path | None, options: dict[str, Any]
) -> tuple[Checkpoint, _Images | None]:
    """Open a checkpoint, and the images where a view looks at some."""
    if not row.images:
        known = ("activation", "ema", "classes", "device")
        return open_checkpoint(checkpoint, **{n: options[n] for n in known if n in options}), None
    loaded, found = open_with_images(checkpoint, images, options)
    if images is None:
        return loaded, None
    from viz.images.sets import open_images

    channels, limit = loaded.config.in_channels, options["limit"]
    again = partial(open_images, images, loaded.preprocessing, channels, limit=limit)
    return loaded, _Images(found, again)


def _run(row: View, **given: Any) -> None:
    """Measure a view and write what was asked for."""
    output, as_json, force = (given.pop(name) for name in ("output", "as_json", "force"))
    mine = {option.name: given.pop(option.name) for option in row.options}
    draws = {option.name: mine.pop(option.name) for option in row.options if option.draws}
    seed, sweep = given.pop("seed"), given.pop("sweep", None)
    checkpoint, images = given.pop("checkpoint"), given.pop("images", None)
    if output is not None:
        check_output(output, as_json, force)
    loaded, opened = _open(row, checkpoint, images, given)
    with progress_bar() as progress:
        result = row.measure(loaded, Given(opened, seed, progress, sweep), **mine)
    if opened is not None:
        say_skipped(opened.fullest)
    if output is None and not as_json:
        if row.sentence is not None and (text := row.sentence(result)):
            click.echo(text)
        say("viz: -o FILE draws it, -o FOLDER writes everything, --json prints the numbers.")
        return
    write_output(row, result, output, as_json, force, draws=draws)


def command_of(row: View) -> click.Command:
    """Return the command of a view."""

    def run(**given: Any) -> None:
        _run(row, **given)

    made: Any = seed_option()(run)
    for option in reversed(row.options):
        made = option_of(option)(made)
    if row.swept:
        made = click.option(
            "--sweep",
            type=click.Path(path_type=Path),
            help="File of viz sweep, of this network and these images; it spares a pass.",
        )(made)
    made = writing(made)
    made = looking(made) if row.images else loading(made)
    return click.command(row.name, help=row.about)(made)


COMMANDS = tuple(command_of(row) for row in VIEWS)
