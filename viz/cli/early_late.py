"""The command that compares early and late blocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from viz.cli.common import loading, numbers, open_checkpoint, progress_bar, seed_option
from viz.cli.output import check_output, write_output, writing

__all__ = ["COMMANDS"]


@click.command("early-late")
@loading
@writing
@click.option(
    "--early", type=numbers, help="Early blocks, such as 0-2.  [default: the first third]"
)
@click.option("--late", type=numbers, help="Late blocks, such as 5-7.  [default: the last third]")
@seed_option()
def early_late(checkpoint: str, output: Path | None, as_json: bool, force: bool,
               early: list[int] | None, late: list[int] | None, seed: int,
               **options: Any) -> None:  # fmt: skip
    """Compare the kernels of early and late blocks, and judge what is said of them.

    Said is: early kernels have a positive centre in a negative surround; late ones are half
    positive and half negative, or a ring. The answer is printed; -o FILE draws both groups side
    by side.
    """
    from viz.views import view
    from viz.views.early_late.measure import measure_checkpoint

    if output is not None:
        check_output(output, as_json, force)
    loaded = open_checkpoint(checkpoint, **options)
    with progress_bar() as progress:
        result = measure_checkpoint(loaded, early=early, late=late, seed=seed, progress=progress)
    sentence = view("early-late").sentence
    if output is None and not as_json and sentence is not None:
        click.echo(sentence(result))
    write_output("early-late", result, output, as_json, force)


COMMANDS = (early_late,)
