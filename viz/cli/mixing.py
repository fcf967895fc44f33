"""The command about pointwise weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from viz.cli.common import open_checkpoint, progress_bar, seed_option
from viz.cli.images import looking, open_with_images, say_skipped
from viz.cli.output import check_output, write_output, writing
from viz.results.refusal import NoSuch

if TYPE_CHECKING:
    from viz.results.network import Config

__all__ = ["COMMANDS"]

_LOADING = ("activation", "ema", "classes", "device")


@click.command()
@looking
@writing
@click.option(
    "--block",
    type=click.IntRange(0),
    help="With --channel and -o FILE: draw the strongest partners of this block's output channel.",
)
@click.option("--channel", type=click.IntRange(0), help="The output channel, 0-based.")
@seed_option()
def mixing(checkpoint: str, images: Path | None, output: Path | None, as_json: bool, force: bool,
           block: int | None, channel: int | None, seed: int, **options: Any) -> None:  # fmt: skip
    """Show what the pointwise weights do between kernels: flow between labels, rank, partners.

    On images the activations' mean slopes are measured; without any they come from the batch
    norms under a Gaussian assumption.
    """
    from viz.measure.mixing import measure

    if (block is None) != (channel is None):
        raise click.UsageError("--block and --channel name an output channel together.")
    check_output(output, as_json, force)
    found = None
    if images is None:
        loaded = open_checkpoint(checkpoint, **{name: options[name] for name in _LOADING})
    else:
        loaded, found = open_with_images(checkpoint, images, options)
    _check_channel(loaded.config, block or 0, channel or 0)
    with progress_bar() as progress:
        result = measure(loaded, found, seed=seed, progress=progress)
    if found is not None:
        say_skipped(found)

    def partners(drawn: Any) -> Any:
        from viz.draw.mixing_flow import draw_partners, partners_figure

        chosen = [(block or 0, channel or 0)]
        figure = partners_figure(drawn, chosen)
        draw_partners(drawn, figure, chosen)
        return figure

    write_output(
        "mixing", result, output, as_json, force, figure=None if block is None else partners
    )


def _check_channel(config: Config, block: int, channel: int) -> None:
    if block >= config.depth or channel >= config.dim:
        raise NoSuch(
            f"There is no channel {channel} of block {block}: blocks are 0 to {config.depth - 1}, "
            f"channels 0 to {config.dim - 1}."
        )


COMMANDS = (mixing,)
