"""The command that draws and describes patch-embedding filters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from viz.cli.common import loading, open_checkpoint
from viz.cli.output import check_output, write_output, writing

__all__ = ["COMMANDS"]


@click.command("patch-filters")
@loading
@writing
@click.option(
    "--order",
    type=click.Choice(["index", "norm", "hue", "orientation", "kind"]),
    default="hue",
    show_default=True,
    help="Of the mosaic in FILE; kind describes every filter and borders it by its kind.",
)
@click.option(
    "--scale",
    type=click.Choice(["figure", "tile"]),
    default="tile",
    show_default=True,
    help="One colour scale for all, or each filter's own; of the mosaic in FILE.",
)
def patch_filters(checkpoint: str, output: Path | None, as_json: bool, force: bool, order: str,
                  scale: Any, **options: Any) -> None:  # fmt: skip
    """Draw every patch-embedding filter; name its colour and structure.

    -o FILE draws one mosaic, -o FOLDER writes every figure and the table of the description, and
    --json prints shares by name and medians.
    """
    check_output(output, as_json, force)
    loaded = open_checkpoint(checkpoint, **options)
    if output is not None and output.suffix and order != "kind":
        from viz.plot.style import own_style, save_figure
        from viz.views.weights import measure as weights
        from viz.views.weights.draw import drawn_mosaic, patch_filter_mosaic

        mosaic = patch_filter_mosaic(weights.patch_filters(loaded, order=order), scale=scale)
        with own_style():
            drawn = drawn_mosaic(mosaic)
        written = save_figure(drawn, output, force=force)
        if not as_json:
            click.echo(str(written))
            return
        output = None
    from viz.views.patch_filters.draw_kinds import draw_kinds, kinds_figure
    from viz.views.patch_filters.measure import describe_checkpoint

    def figure(result: Any) -> Any:
        made = kinds_figure(result, scale=scale)
        draw_kinds(result, made, scale=scale)
        return made

    write_output(
        "patch-filters", describe_checkpoint(loaded), output, as_json, force, figure=figure
    )


COMMANDS = (patch_filters,)
