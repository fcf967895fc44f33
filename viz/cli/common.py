"""What the commands share: opening a checkpoint, refusing bad input in one sentence."""

from __future__ import annotations

import os
import re
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from viz import __version__
from viz.core.refusal import Refusal

if TYPE_CHECKING:
    from viz.network.checkpoint import Checkpoint


class Group(click.Group):
    """A group whose commands turn bad input into one sentence and exit code 2.

    An error that nobody foresaw is shown whole, with exit code 1.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order in which they were added."""
        return list(self.commands)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read what stands before the command; what does not belong there is refused."""
        try:
            return super().parse_args(ctx, args)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            _refuse_usage(error, ctx)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; `viz.core.refusal.Refusal` and the system's errors are for the user."""
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.showwarning = _show_warning
            try:
                return super().invoke(ctx)
            except (Refusal, OSError) as error:
                click.echo(f"viz: {_sentence(error)}", err=True)
                ctx.exit(2)
            except KeyboardInterrupt:
                click.echo("viz: stopped.", err=True)
                ctx.exit(130)
            except click.exceptions.NoArgsIsHelpError:
                raise
            except click.UsageError as error:
                _refuse_usage(error, ctx)
            except (click.ClickException, click.exceptions.Exit, click.Abort):
                raise
            except Exception as error:
                if _out_of_memory(error):
                    command = self.commands.get(ctx.invoked_subcommand or "")
                    click.echo(f"viz: {_memory_advice(error, command)}", err=True)
                    ctx.exit(2)
                traceback.print_exc()
                click.echo(
                    f"viz: {type(error).__name__} is a fault of viz, not of what it was given; "
                    f"please report it with the lines above (viz {__version__}).",
                    err=True,
                )
                ctx.exit(1)


def _refuse_usage(error: click.UsageError, ctx: click.Context) -> NoReturn:
    """Say in one sentence how a command is used otherwise, and end."""
    # Some of click's errors do not know their command.
    own = f"{ctx.command_path} {ctx.invoked_subcommand or ''}".rstrip()
    path = error.ctx.command_path if error.ctx else own
    # Of the names that click finds near, in their order, only the nearest is a help.
    del (getattr(error, "possibilities", None) or [])[1:]
    said = error.format_message().rstrip(".").replace("\n", " ")
    said = re.sub(r"\.? Did you mean (.*)\?$", r"; did you mean \1?", said)
    said = said[:1].lower() + said[1:]
    click.echo(f"viz: {said} ({path} --help tells more).", err=True)
    ctx.exit(2)


def _sentence(error: Exception) -> str:
    """Return what went wrong; of the system's errors the file, as the user knows it, and why."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        # What is written is first written beside its place, under a name of its own.
        place = re.sub(r"(\.[\w-]{8})?\.part$|\.shards$", "", os.fsdecode(error.filename))
        why = error.strerror[:1].lower() + error.strerror[1:]
        return f"{place}: the system says: {why}; choose another place or check its permissions."
    return str(error)


def _out_of_memory(error: Exception) -> bool:
    """Whether numpy, or torch on any device, ran out of memory."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    words = ("can't allocate memory", "not enough memory", "out of memory")
    return isinstance(error, RuntimeError) and any(each in str(error) for each in words)


def _memory_advice(error: Exception, command: click.Command | None) -> str:
    """Return a sentence with the options of this command that lower what it needs."""
    lower = ("--batch-size", "--memory", "--image-size")
    there = {opt for param in (command.params if command else ()) for opt in param.opts}
    names = [opt for opt in lower if opt in there]
    advice = f"choose a smaller {' or '.join(names)}" if names else "free some first"
    if "--device" in there:
        advice += ", or another --device"
    said = str(error).strip().split("\n")[0][:200].rstrip(".")
    return f"not enough memory ({said or type(error).__name__}); {advice}."


def _show_warning(
    message: Warning | str, category: type[Warning], *args: Any, **kwargs: Any
) -> None:
    if category.__module__.startswith("viz."):
        click.echo(f"viz: note: {message}", err=True)


def adding(*decorators: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a decorator that adds arguments and options in the order in which they are written."""

    def add(function: Any) -> Any:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return add


def read_by(kind: Callable[[str], Any]) -> Callable[..., Any]:
    """Return a callback that reads a text; what cannot be read is refused before any work."""

    def read(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
        try:
            return None if value is None else kind(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return read


def _activation(text: str) -> str:
    from viz.core.network import split_activation

    split_activation(text)
    return text


def _channels(text: str) -> tuple[float, ...]:
    """Read numbers with commas between them, one per input channel."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise Refusal(f"{text!r} is not a list of numbers such as 0.485,0.456,0.406.") from None


def names_of(known: Sequence[str]) -> Callable[..., Any]:
    """Return a callback that reads some of these names, with commas between them."""

    def names(text: str) -> tuple[str, ...]:
        found = tuple(dict.fromkeys(part.strip().lower() for part in text.split(",")))
        if not set(found) <= set(known):
            raise Refusal(f"{text!r} found, some of {','.join(known)} expected.")
        return found

    return read_by(names)


def path_option(*names: str, **more: Any) -> Callable[[Any], Any]:
    """Return an option that names a file or a folder."""
    return click.option(*names, type=click.Path(path_type=Path), **more)


class Whole(click.IntRange):
    """A whole number; its bounds are no help."""

    name = "number"

    def _describe_range(self) -> str:
        return ""


def whole(
    flag: str, text: str, *, least: int = 1, default: int | None = None
) -> Callable[[Any], Any]:
    """Return an option that is a whole number."""
    shown = default is not None
    return click.option(flag, type=Whole(least), default=default, show_default=shown, help=text)


preparing = adding(
    whole(
        "--image-size", "Feed the network squares of so many pixels.  [default: the checkpoint's]"
    ),
    click.option(
        "--mean",
        metavar="NUMBERS",
        callback=read_by(_channels),
        help="Subtract this mean, one number per input channel, from values in [0, 1].  "
        "[default: the checkpoint's]",
    ),
    click.option(
        "--std",
        metavar="NUMBERS",
        callback=read_by(_channels),
        help="Divide by this standard deviation afterwards, one number per input channel.  "
        "[default: the checkpoint's]",
    ),
)
"""The options on how images become the network's input."""

loading_options = adding(
    click.option(
        "--activation",
        metavar="NAME",
        callback=read_by(_activation),
        help="Use this activation where the file does not tell it: gelu, relu, silu, mish, "
        "leaky_relu(0.2) or another of torch's.",
    ),
    click.option(
        "--ema/--no-ema",
        default=None,
        help="Take the averaged weights of a file that holds both, or the others.  "
        "[default: averaged where present]",
    ),
    path_option("--classes", help="Read class names from this text file, one per line."),
)
"""The options on how a checkpoint is opened, without the argument CKPT."""

loading = adding(click.argument("checkpoint", metavar="CKPT"), loading_options)
"""What every command takes that opens a checkpoint."""


def open_checkpoint(checkpoint: str, **options: Any) -> Checkpoint:
    """Load a checkpoint with the options of `loading`."""
    from viz.core.memory import keep_memory
    from viz.network.checkpoint import load

    keep_memory()
    return load(checkpoint, **options)


def open_two(checkpoint: str, other: str, **options: Any) -> tuple[Checkpoint, Checkpoint]:
    """Load two checkpoints, and say so where they are one."""
    a, b = (open_checkpoint(each, **options) for each in (checkpoint, other))
    if a.source.sha256 == b.source.sha256:
        say(
            f"viz: note: {a.source.name} and {b.source.name} are the same file "
            f"(sha256 {a.source.sha256[:12]}…): the network is laid beside itself."
        )
    return a, b


force_option = click.option("--force", is_flag=True, help="Replace what exists.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
seeds = Whole(0, 2**32 - 1)
"""What numpy, torch and scikit-learn all take."""


def _use_font(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is not None:
        from viz.plot.style import use_font

        use_font(value)
        ctx.meta["font"] = value


font_option = click.option(
    "--font",
    metavar="NAME",
    expose_value=False,
    callback=_use_font,
    help="Draw all text of figures in this font of your machine, such as your document's.  "
    "[default: Roboto]",
)


def seed_option(text: str = "Seed everything random.") -> Callable[..., Any]:
    """Return the option ``--seed``."""
    return click.option("--seed", type=seeds, default=0, show_default=True, help=text)


def say(text: str) -> None:
    """Print progress to the error stream."""
    click.echo(text, err=True)


def _lines(unit: str) -> Callable[[int, int], None]:
    """Return what says how far work is, after two seconds and then every ten."""
    since = time.monotonic()
    due, first, last, whole = since + 2, 0, 0, 0

    def tell(done: int, total: int) -> None:
        nonlocal since, due, first, last, whole
        now = time.monotonic()
        if total != whole or done < last:
            since, first, whole, due = now, done, total, max(due, now + 2)
        elif now >= due and first < done < total and (done > total / 50 or now > since + 30):
            due, left = now + 10, (now - since) * (total - done) / (done - first)
            say(f"viz: {done:,} of {total:,}{unit}, about {left:.0f} s left.")
        last = done

    return tell


@contextmanager
def progress_bar(
    unit: str = " steps", *, stays: bool = False
) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on the error stream; where that is no terminal, lines, unless the bar stays."""
    if not (stays or sys.stderr.isatty()):
        yield _lines(unit)
        return
    from tqdm import tqdm

    seconds = 0.1 if sys.stderr.isatty() else 10.0
    with tqdm(unit=unit, leave=stays, mininterval=seconds) as bar:

        def tell(done: int, total: int) -> None:
            if total != bar.total or done < bar.n:
                bar.reset(total)
                bar.initial = bar.n = done
            bar.update(done - bar.n)

        yield tell
