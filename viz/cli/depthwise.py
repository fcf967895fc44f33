"""The command that draws and describes depthwise kernels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from viz.cli.common import loading, numbers, open_checkpoint, seed_option
from viz.cli.output import check_output, write_output, writing

__all__ = ["COMMANDS"]


@click.command()
@loading
@writing
@click.option("--all", "every", is_flag=True, help="Every kernel instead of a choice, in FILE.")
@click.option(
    "--per-block",
    type=click.IntRange(1),
    default=64,
    show_default=True,
    help="Kernels of each block in FILE: the same channels in every block.",
)
@click.option("--blocks", type=numbers, help="Which blocks, such as 0-2,7.  [default: all]")
@click.option(
    "--order",
    type=click.Choice(["index", "norm", "similarity", "name"]),
    default="similarity",
    show_default=True,
    help="Of the mosaic in FILE; name describes every kernel and frames it by its name.",
)
@click.option(
    "--scale",
    type=click.Choice(["figure", "block", "tile"]),
    default="block",
    show_default=True,
    help="One colour scale for all, per block, or each kernel's own; of the mosaic in FILE.",
)
@seed_option("Of the choice of kernels, and of the random kernels that descriptions must beat.")
def depthwise(checkpoint: str, output: Path | None, as_json: bool, force: bool, every: bool,
              per_block: int, blocks: list[int] | None, order: str, scale: Any, seed: int,
              **options: Any) -> None:  # fmt: skip
    """Draw depthwise kernels by depth; name what each of them is.

    -o FILE draws one mosaic, first block first; -o FOLDER describes every kernel and writes every
    figure and the table; --json prints shares by name, fits and descriptors of each block.
    """
    check_output(output, as_json, force)
    loaded = open_checkpoint(checkpoint, **options)
    shown = None if every else per_block
    if output is not None and output.suffix and order != "name":
        from viz.plot.style import save_figure
        from viz.views.weights.draw import drawn_mosaic, kernel_mosaic
        from viz.views.weights.measure import depthwise_kernels

        bank = depthwise_kernels(loaded, blocks=blocks, per_block=shown, order=order, seed=seed)
        figure = drawn_mosaic(kernel_mosaic(bank, scale=scale))
        written = save_figure(figure, output, force=force)
        if not as_json:
            click.echo(str(written))
            return
        output = None
    from viz.views.kernels.draw import draw_named, named_figure
    from viz.views.kernels.measure import describe_checkpoint

    def named(result: Any) -> Any:
        made = named_figure(result, per_block=shown)
        draw_named(result, made, per_block=shown, scale=scale, seed=seed)
        return made

    result = describe_checkpoint(loaded, blocks=blocks, seed=seed)
    write_output("depthwise", result, output, as_json, force, figure=named)


COMMANDS = (depthwise,)
