"""The command that explains a network's answers, and rates the explanations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from viz.cli.common import seed_option
from viz.cli.images import looking, open_with_images, say_skipped
from viz.cli.output import check_output, write_output, writing

if TYPE_CHECKING:
    from viz.views.attribution.result import Trust

__all__ = ["COMMANDS"]


@click.command()
@looking
@writing
@click.option(
    "--method",
    "methods",
    multiple=True,
    metavar="NAME",
    help="saliency, smoothgrad, input-x-gradient, integrated-gradients, gradient-shap, deeplift, "
    "guided-backprop, occlusion, feature-ablation or grad-cam; may be repeated.  "
    "[default: all that suit every ConvMixer]",
)
@click.option(
    "--target",
    default="predicted",
    show_default=True,
    help="What is explained: a class by index or name, predicted, runner-up, or difference (of "
    "these two).",
)
@click.option(
    "--block", type=click.IntRange(0), help="Block Grad-CAM looks at, 0-based.  [default: the last]"
)
@click.option(
    "--steps",
    type=click.IntRange(1),
    default=50,
    show_default=True,
    help="Of integrated gradients.",
)
@click.option(
    "--samples",
    type=click.IntRange(1),
    default=25,
    show_default=True,
    help="Of SmoothGrad and gradient SHAP.",
)
@click.option("--quick", is_flag=True, help="Leave out max-sensitivity and the randomisation test.")
@click.option(
    "--memory",
    type=click.IntRange(1),
    default=512,
    show_default=True,
    help="MiB for the feature maps of one batch.",
)
@seed_option()
def attribution(checkpoint: str, images: Path | None, output: Path | None, as_json: bool,
                force: bool, methods: tuple[str, ...], target: str, block: int | None, steps: int,
                samples: int, quick: bool, memory: int, seed: int,
                **options: Any) -> None:  # fmt: skip
    """Show what an answer rests on, by several methods, and how far to trust each.

    -o FILE draws the first three images, -o FOLDER writes a figure for each image, the scores of
    all, tables and arrays (values at pixels of the first 16 images only), and --json prints every
    score. A method that is wrong for the network is refused.
    """
    check_output(output, as_json, force)
    loaded, found = open_with_images(checkpoint, images, options)
    from tqdm import tqdm

    from viz.views.attribution.measure import Effort, rate
    from viz.views.attribution.methods import chosen

    names = chosen(methods or None, loaded.config.activation)
    effort = Effort(n_noise=0, n_stages=0) if quick else Effort()
    with tqdm(unit="pass", unit_scale=True, leave=False, disable=None) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        result = rate(
            loaded, found, methods=names, target=target, block=block, n_steps=steps,
            n_samples=samples, effort=effort, seed=seed, memory=memory, progress=progress,
        )  # fmt: skip
    say_skipped(found)
    write_output("attribution", result, output, as_json, force)
    if output is not None and not output.suffix and len(result.names) > 1:
        _write_each(result, output)


def _write_each(result: Trust, folder: Path) -> None:
    """Write a figure for each image."""
    from viz.plot.style import save_figure
    from viz.views.attribution.draw_maps import attribution_figure, draw_attribution

    digits = len(str(len(result.names) - 1))
    for i in range(len(result.names)):
        figure = attribution_figure(result, [i])
        draw_attribution(result, figure, [i])
        save_figure(figure, folder / f"attribution-{i:0{digits}d}.png", force=True)


COMMANDS = (attribution,)
