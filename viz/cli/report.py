"""The command that writes a report, of one checkpoint or of two."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from viz.cli.common import (
    font_option,
    force_option,
    loading_options,
    names_of,
    open_checkpoint,
    open_two,
    path_option,
    preparing,
    progress_bar,
    say,
    seed_option,
    whole,
)

if TYPE_CHECKING:
    from viz.network.checkpoint import Checkpoint

_LOADING = ("activation", "ema", "classes", "image_size", "mean", "std")
_REDRAWN = {"--from", "-o", "--formats", "--paper", "--font", "--force"}
"""Options that a report drawn anew from its data has a use for."""
_NOT_TOLD = {"-o", "--force", "--resume"}
"""Options that do not decide what a report holds."""


@click.command()
@click.argument("checkpoints", nargs=-1, metavar="CKPT [OTHER]")
@path_option("-o", "--output",
             help="Write into this folder.  [default: reports/ and the checkpoints' names]"
             )  # fmt: skip
@path_option("--images", help="Show the networks this folder of images, or one image.  "
             "[default: scikit-learn's two photographs]")  # fmt: skip
@whole("--limit", "Take at most so many images, evenly spread over the folder.", default=64)
@path_option("--sweep", help="Read this file of viz sweep, of the same network and images."
             )  # fmt: skip
@click.option("--quick", is_flag=True, help="Write about weights alone, only what takes seconds, "
              "and no figures for one column.")  # fmt: skip
@click.option("--full", is_flag=True, help="Write slow sections, too.")
@click.option("--only", multiple=True, metavar="SECTION",
              help="Write only this section; may be repeated.")  # fmt: skip
@click.option("--skip", multiple=True, metavar="SECTION",
              help="Leave this section out; may be repeated.")  # fmt: skip
@path_option("--from", "source", help="Draw the report in this folder anew from its data, without "
             "the checkpoint.")  # fmt: skip
@click.option("--formats", callback=names_of(("svg", "pdf", "png")), metavar="LIST",
              help="Write the files in figures/ in these formats.  [default: svg,pdf,png]"
              )  # fmt: skip
@click.option("--paper", type=click.Choice(["a4", "letter"]),
              help="Lay report.pdf out for this paper.  [default: a4]")  # fmt: skip
@click.option("--resume", is_flag=True, help="Go on with an interrupted report.")
@font_option
@force_option
@seed_option()
@loading_options
@preparing
def report(checkpoints: tuple[str, ...], output: Path | None, source: Path | None,
           **options: Any) -> None:  # fmt: skip
    """Write a folder of figures, numbers and pages.

    Two checkpoints are laid side by side. index.html opens anywhere, and report.pdf prints;
    figures/ holds what a paper includes, data/ the numbers behind it, and manifest.json what the
    report was made from. Sections are named as their commands: patch-filters, kernels and so on.
    Where a section fails, the page says so, and the exit code is 1. After an interruption the same
    command with --resume goes on.
    """
    if options["quick"] and options["full"]:
        raise click.UsageError("give --quick or --full, not both.")
    if (source is None) == (not checkpoints) or len(checkpoints) > 2:
        raise click.UsageError("give one checkpoint, or two, or --from and a report's folder.")
    if source is None:
        failed = _anew(checkpoints, output, options)
    elif unused := [name for name in _given() if name not in _REDRAWN]:
        raise click.UsageError(
            f"--from draws what a report holds; {', '.join(unused)} cannot change it. It "
            "takes -o, --formats, --paper, --font and --force."
        )
    else:
        failed = _again(source, output or source, options)
    if failed:
        sys.exit(1)


def _given() -> dict[str, Any]:
    """Return the options that were given, and their values."""
    ctx = click.get_current_context()
    found = {
        param.opts[0]: ctx.params.get(param.name, ctx.meta.get(param.name))
        for param in ctx.command.params
        if param.name is not None
        and isinstance(param, click.Option)
        and ctx.get_parameter_source(param.name) is ParameterSource.COMMANDLINE
    }
    if found.get("--ema") is False:
        found["--no-ema"] = not found.pop("--ema")
    return found


def _again(source: Path, output: Path, options: dict[str, Any]) -> bool:
    """Rebuild a report from its data."""
    from viz.report.plan import check_folder

    check_folder(output, force=options["force"])
    from viz.report.rebuild import rebuild
    from viz.views import COMPARISONS, VIEWS

    formats = tuple(f".{name}" for name in options["formats"] or ()) or None
    sections = rebuild(
        source, output, rows=(*VIEWS, *COMPARISONS), formats=formats,
        paper=options["paper"], force=options["force"], progress=_line,
    )  # fmt: skip
    click.echo(str(output / "index.html"))
    return any(section.failed for section in sections)


def _anew(checkpoints: tuple[str, ...], output: Path | None, options: dict[str, Any]) -> bool:
    """Measure, draw and write."""
    from viz.report.plan import check_folder, choose
    from viz.views import COMPARISONS, VIEWS

    names = [Path(each).name for each in checkpoints]
    folder = output or Path("reports") / "-".join(name.split(".")[0] for name in names)
    force, resume = options["force"], options["resume"]
    rows = VIEWS if len(checkpoints) == 1 else COMPARISONS
    wanted = {name: options[name] for name in ("quick", "full", "only", "skip")}
    views = choose(**wanted, rows=rows)
    check_folder(folder, force=force, resume=resume)
    loading = {name: options[name] for name in _LOADING}
    if len(checkpoints) == 2:
        opened = list(open_two(*checkpoints, **loading))
    else:
        opened = [open_checkpoint(checkpoints[0], **loading)]
    # Not before: what they import takes longer than most refusals.
    from viz.plot.style import FORMATS
    from viz.report.build import build
    from viz.report.facts import command_line

    opened[0] = _as_swept(opened[0], options)
    said = {name: value for name, value in _given().items() if name not in _NOT_TOLD}
    for name in {"--mean", "--std", "--formats"} & said.keys():
        said[name] = ",".join(str(value) for value in said[name])
    command = command_line(names, said)
    formats = tuple(f".{name}" for name in options["formats"] or ()) or FORMATS
    try:
        with progress_bar() as steps:
            sections = build(
                opened, folder, views=views, rows=rows, command=command,
                images=options["images"], limit=options["limit"], sweep=options["sweep"],
                seed=options["seed"], formats=formats, one_column=not options["quick"],
                paper=options["paper"] or "a4", force=force, resume=resume,
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
