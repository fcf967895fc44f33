"""Commands that look at weights alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from viz.cli.common import force_option, loading, numbers, open_checkpoint

__all__ = ["COMMANDS"]

_output = click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="A .png, .svg or .pdf file.",
)


@click.command()
@loading
@_output
@click.option("--all", "every", is_flag=True, help="Every kernel instead of a choice.")
@click.option(
    "--per-block",
    type=click.IntRange(1),
    default=64,
    show_default=True,
    help="Kernels of each block: the same channels in every block.",
)
@click.option("--blocks", help="Which blocks, such as 0-2,7.  [default: all]")
@click.option(
    "--order",
    type=click.Choice(["index", "norm", "similarity"]),
    default="similarity",
    show_default=True,
)
@click.option(
    "--scale",
    type=click.Choice(["figure", "block", "tile"]),
    default="block",
    show_default=True,
    help="One colour scale for all, per block, or each kernel's own.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the choice of kernels.")
@force_option
def depthwise(checkpoint: str, output: Path, every: bool, per_block: int, blocks: str | None,
              order: str, scale: Any, seed: int, force: bool, **options: Any) -> None:  # fmt: skip
    """Draw depthwise kernels by depth, first block first."""
    from viz.draw.style import check_path
    from viz.draw.weights import kernel_mosaic
    from viz.measure import weights

    check_path(output, force=force)
    result = weights.depthwise_kernels(
        open_checkpoint(checkpoint, **options),
        blocks=numbers(blocks),
        per_block=None if every else per_block,
        order=order,
        seed=seed,
    )
    _save(kernel_mosaic(result, scale=scale), output, force)


def _save(mosaic: Any, output: Path, force: bool) -> None:
    from viz.draw.style import save_figure
    from viz.draw.weights import draw_mosaic, mosaic_figure

    figure = mosaic_figure(mosaic)
    draw_mosaic(mosaic, figure)
    click.echo(str(save_figure(figure, output, force=force)))


COMMANDS = (depthwise,)
