"""The command that shows feature maps beside their kernels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from viz.cli.common import name_option, numbers, progress_bar, seed_option
from viz.cli.images import looking, open_with_images, say_skipped
from viz.cli.output import check_output, write_output, writing

__all__ = ["COMMANDS"]


@click.command("feature-maps")
@looking
@writing
@click.option("--block", type=click.IntRange(0), default=0, show_default=True,
              help="Whose maps are drawn.")  # fmt: skip
@click.option(
    "--channels", type=numbers, help="Which channels, such as 0-2,7.  [default: the most active]"
)
@click.option("--most-active", type=click.IntRange(1), default=4, show_default=True,
              help="How many channels, where none are given.")  # fmt: skip
@name_option("Only channels whose kernel has this name, such as edge.")
@click.option(
    "--filters",
    type=numbers,
    help="Which patch filters.  [default: by what the grid keeps of them]",
)
@click.option("--shown", type=click.IntRange(1), default=2, show_default=True,
              help="Images whose maps are drawn.")  # fmt: skip
@click.option("--sweep", "swept", type=click.Path(path_type=Path),
              help="File of viz sweep: channels are chosen by what they do on all its images, and "
              "--scale sweep is the same for each of them.")  # fmt: skip
@click.option("--by", type=click.Choice(["variance", "selectivity", "peak"]), default="variance",
              show_default=True, help="How a sweep chooses: how much channels vary, how far their "
              "class selectivity is above its null, or how far their largest value is above their "
              "mean, in standard deviations.")  # fmt: skip
@click.option("--scale", type=click.Choice(["figure", "stage", "sweep"]), default="figure",
              show_default=True, help="One colour scale for all maps, one for each column, or one "
              "for each column from all images of a sweep; of the figure in FILE.")  # fmt: skip
@click.option("--batch-size", type=click.IntRange(1), default=4, show_default=True,
              help="Images at a time.")  # fmt: skip
@seed_option("Of the shuffles.")
def feature_maps(checkpoint: str, images: Path | None, output: Path | None, as_json: bool,
                 force: bool, block: int, channels: list[int] | None, most_active: int,
                 name: str | None, filters: list[int] | None, shown: int, swept: Path | None,
                 by: str, scale: Any, batch_size: int, seed: int,
                 **options: Any) -> None:  # fmt: skip
    """Show a block's feature maps beside its kernels; sparsity and rank by depth.

    -o FILE draws the maps of some channels of one block, -o FOLDER adds sparsity and rank by depth
    and the patch filters at every pixel, and --json prints numbers. Without images scikit-learn's
    two photographs serve.
    """
    if channels is not None and name is not None:
        raise click.UsageError("give either --channels or --name.")
    if swept is None and scale == "sweep":
        raise click.UsageError("--scale sweep is that of a sweep: give one with --sweep FILE.")
    check_output(output, as_json, force)
    loaded, found = open_with_images(checkpoint, images, options)
    from viz.sweep.opening import open_sweep
    from viz.views.feature_maps.measure import feature_maps as measure

    sweep = None if swept is None else open_sweep(swept, loaded)
    everything = as_json or output is None or not output.suffix
    with progress_bar() as progress:
        result = measure(
            loaded, found, block=block, channels=channels, most_active=most_active, name=name,
            filters=filters, shown=shown, batch_size=batch_size, seed=seed,
            by_depth=everything, patches=everything, sweep=sweep, by=by, progress=progress,
        )  # fmt: skip
    say_skipped(found)

    def figure(measured: Any) -> Any:
        from viz.views.feature_maps.draw import draw_maps, maps_figure

        made = maps_figure(measured, scale)
        draw_maps(measured, made, scale=scale)
        return made

    write_output("feature-maps", result, output, as_json, force, figure=figure)


COMMANDS = (feature_maps,)
