"""The command that writes a report, of one checkpoint or of two."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from viz.cli.common import (
    force_option,
    loading_options,
    open_checkpoint,
    open_two,
    preparing,
    progress_bar,
    say,
    seed_option,
)

if TYPE_CHECKING:
    from viz.network.checkpoint import Checkpoint

_FORMATS = ("svg", "pdf", "png")


def _formats(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    """Read ``"svg,pdf"`` as suffixes."""
    if value is None:
        return ()
    names = tuple(dict.fromkeys(part.strip().lower().lstrip(".") for part in value.split(",")))
    if not set(names) <= set(_FORMATS):
        raise click.BadParameter(f"{value!r} found, some of {','.join(_FORMATS)} expected.")
    return tuple(f".{name}" for name in names)


@click.command()
@click.argument("checkpoints", nargs=-1, metavar="CKPT [OTHER]")
@click.option("-o", "--output", type=click.Path(path_type=Path),
              help="Folder.  [default: reports/ and the checkpoints' names]")  # fmt: skip
@click.option("--images", type=click.Path(path_type=Path),
              help="A folder of images, or one.  [default: scikit-learn's two]")  # fmt: skip
@click.option("--limit", type=click.IntRange(1), default=64, show_default=True,
              help="Take at most so many images, evenly spread.")  # fmt: skip
@click.option("--sweep", type=click.Path(path_type=Path),
              help="File of viz sweep, of this checkpoint and these images.")  # fmt: skip
@click.option("--quick", is_flag=True,
              help="Weights alone, only what takes seconds, no one-column figures.")  # fmt: skip
@click.option("--full", is_flag=True, help="Slow sections, too.")
@click.option("--only", multiple=True, help="A section to write; may be repeated.")
@click.option("--skip", multiple=True, help="A section to leave out; may be repeated.")
@click.option("--from", "source", type=click.Path(path_type=Path),
              help="Draw a report anew from its data, without the checkpoint.")  # fmt: skip
@click.option("--formats", callback=_formats, metavar="LIST",
              help="Of the files in figures/.  [default: svg,pdf,png]")  # fmt: skip
@click.option("--paper", type=click.Choice(["a4", "letter"]),
              help="Of report.pdf.  [default: a4]")  # fmt: skip
@click.option("--resume", is_flag=True, help="Go on with an interrupted report.")
@force_option
@seed_option()
@loading_options
@preparing
def report(checkpoints: tuple[str, ...], output: Path | None, source: Path | None,
           **options: Any) -> None:  # fmt: skip
    """Write a folder of figures, numbers and pages; of two checkpoints, side by side.

    index.html opens anywhere, report.pdf prints; figures/ holds what a paper includes, data/ the
    numbers behind it, manifest.json what it was made from. Sections are named as their commands:
    patch-filters, kernels, ... A section that fails is told on the page, and the exit code is 1.
    Interrupted, the same command with --resume goes on.
    """
    if options["quick"] and options["full"]:
        raise click.UsageError("give --quick or --full, not both.")
    if (source is None) == (not checkpoints) or len(checkpoints) > 2:
        raise click.UsageError("give one checkpoint, or two, or --from and a report's folder.")
    if source is not None and (unused := _given_in_vain()):
        raise click.UsageError(
            f"--from draws what a report holds; {', '.join(unused)} cannot change it. It takes "
            "-o, --formats, --paper and --force."
        )
    failed = (
        _again(source, output or source, options)
        if source is not None
        else _anew(checkpoints, output, options)
    )
    if failed:
        sys.exit(1)


def _given_in_vain() -> list[str]:
    """Return the options given that a report drawn anew has no use for."""
    ctx = click.get_current_context()
    taken = ("checkpoints", "source", "output", "formats", "paper", "force")
    return [
        param.opts[0]
        for param in ctx.command.params
        if param.name not in taken
        and ctx.get_parameter_source(str(param.name)) is ParameterSource.COMMANDLINE
    ]


def _again(source: Path, output: Path, options: dict[str, Any]) -> bool:
    """Rebuild a report from its data."""
    from viz.report.rebuild import rebuild
    from viz.views import COMPARISONS, VIEWS

    sections = rebuild(
        source, output, rows=(*VIEWS, *COMPARISONS), formats=options["formats"] or None,
        paper=options["paper"], force=options["force"], progress=_line,
    )  # fmt: skip
    click.echo(str(output / "index.html"))
    return any(section.failed for section in sections)


def _anew(checkpoints: tuple[str, ...], output: Path | None, options: dict[str, Any]) -> bool:
    """Measure, draw and write."""
    from viz.plot.style import FORMATS
    from viz.report.build import build
    from viz.report.facts import command_line
    from viz.report.plan import check_folder, choose
    from viz.views import COMPARISONS, VIEWS

    names = [Path(each).name for each in checkpoints]
    folder = output or Path("reports") / "-".join(name.split(".")[0] for name in names)
    force, resume = options["force"], options["resume"]
    rows = VIEWS if len(checkpoints) == 1 else COMPARISONS
    wanted = {name: options[name] for name in ("quick", "full", "only", "skip")}
    views = choose(**wanted, rows=rows)
    check_folder(folder, force=force, resume=resume)
    loading = {name: options[name] for name in ("activation", "ema", "classes", "image_size",
                                                  "mean", "std")}  # fmt: skip
    if len(checkpoints) == 2:
        opened = list(open_two(*checkpoints, **loading))
    else:
        opened = [open_checkpoint(checkpoints[0], **loading)]
    told = ("images", "limit", "sweep", *wanted, "paper", "seed", *loading)
    formats = ",".join(suffix.lstrip(".") for suffix in options["formats"]) or None
    opened[0] = _as_swept(opened[0], options)
    said = {f"--{name.replace('_', '-')}": options[name] for name in told} | {"--formats": formats}
    for name in ("--mean", "--std"):
        said[name] = said[name] and ",".join(f"{value:g}" for value in said[name])
    if said.pop("--ema") is not None:
        said["--ema" if loading["ema"] else "--no-ema"] = True
    command = command_line(names, said)
    try:
        with progress_bar() as steps:
            sections = build(
                opened, folder, views=views, rows=rows, command=command,
                images=options["images"], limit=options["limit"], sweep=options["sweep"],
                seed=options["seed"], formats=options["formats"] or FORMATS,
                one_column=not options["quick"], paper=options["paper"] or "a4",
                force=force, resume=resume,
                progress=_line, steps=lambda _, done, total: steps(done, total),
            )  # fmt: skip
    except KeyboardInterrupt:
        say("\nviz: interrupted; the same command with --resume goes on after the last section.")
        raise
    click.echo(str(folder / "index.html"))
    return any(section.failed for section in sections)


def _as_swept(checkpoint: Checkpoint, options: dict[str, Any]) -> Checkpoint:
    """Return the checkpoint with the input that the sweep given was made with."""
    if options["sweep"] is None:
        return checkpoint
    from viz.sweep.opening import as_swept, open_sweep

    return as_swept(checkpoint, open_sweep(options["sweep"], checkpoint))


def _line(text: str) -> None:
    """Print a line of progress, above the bar."""
    from tqdm import tqdm

    tqdm.write(text, file=sys.stderr)


COMMANDS = (report,)
