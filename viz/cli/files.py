"""Commands about files: what a checkpoint is, official weights, training, the explorer."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import click

from viz.cli.common import (
    force_option,
    json_option,
    loading,
    open_checkpoint,
    preparing,
    say,
    seeds,
)
from viz.cli.images import check_device


@click.command()
@loading
@preparing
@json_option
def info(checkpoint: str, as_json: bool, **options: Any) -> None:
    """Tell a checkpoint's architecture, and how it is known."""
    from viz.network.guards import CheckpointWarning

    with warnings.catch_warnings():
        # They are printed with the rest.
        warnings.simplefilter("ignore", CheckpointWarning)
        loaded = open_checkpoint(checkpoint, **options)
    source = loaded.source
    facts = {
        **loaded.config.to_dict(),
        "activation_source": source.activation_source,
        "layout": source.layout,
        "parameters": loaded.config.n_parameters,
        "sha256": source.sha256,
        "name": source.name,
        "dtype": source.dtype,
        "wrapper": source.wrapper,
        "prefix": source.prefix,
        "dropped": list(source.dropped),
        "image_size": loaded.preprocessing.image_size,
        "mean": list(loaded.preprocessing.mean),
        "std": list(loaded.preprocessing.std),
        "preprocessing": loaded.preprocessing.known,
        "class_names": len(loaded.classes),
        "warnings": list(source.warnings),
        "parts": list(loaded.parts),
    }
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    for name, value in facts.items():
        if isinstance(value, list):
            between = "\n" + 19 * " " if name in ("parts", "warnings") else ", "
            value = between.join(map(str, value)) or "none"
        text = f"{value:,}" if name == "parameters" else str(value)
        click.echo(f"{name:<18} {text or '-'}")


@click.command()
@click.argument("name")
def fetch(name: str) -> None:
    """Download official weights from the Hugging Face hub into its cache."""
    from viz.network.zoo import fetch as fetch_official

    click.echo(str(fetch_official(name)))


@click.command()
@click.argument("checkpoints", nargs=-1, metavar="[CKPT]...")
@click.option("--images", type=click.Path(path_type=Path), help="A folder of images.")
@click.option("--sweep", type=click.Path(path_type=Path),
              help="A file that viz sweep has made of these images.")  # fmt: skip
@click.option("--port", type=int, help="Port on 127.0.0.1.")
@click.option("--browser/--no-browser", default=True, help="Open a browser window.")
def explore(
    checkpoints: tuple[str, ...],
    images: Path | None,
    sweep: Path | None,
    port: int | None,
    browser: bool,
) -> None:
    """Open the explorer on the shipped checkpoints and on those given."""
    from viz.explorer.launch import launch

    sys.exit(launch(checkpoints, images=images, sweep=sweep, port=port, browser=browser))


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True,
              help="The .safetensors file to write.")  # fmt: skip
@click.option("--recipe", type=click.Choice(["imagenette-p7", "imagenette-p14", "cifar10-p2"]),
              default="imagenette-p7", show_default=True,
              help="Defaults for all options below.")  # fmt: skip
@click.option("--dim", type=click.IntRange(1))
@click.option("--depth", type=click.IntRange(1))
@click.option("--kernel-size", type=click.IntRange(1))
@click.option("--patch-size", type=click.IntRange(1))
@click.option("--activation", metavar="NAME")
@click.option("--image-size", type=click.IntRange(1))
@click.option("--epochs", type=click.IntRange(1))
@click.option("--batch-size", type=click.IntRange(2))
@click.option("--lr", type=float)
@click.option("--weight-decay", type=float)
@click.option("--seed", type=seeds)
@click.option("--arithmetic",
              type=click.Choice(["float32", "float32-matrices", "bfloat16-matrices"]),
              help="How to compute; by default a short measurement picks it.")  # fmt: skip
@click.option("--snapshots", type=click.IntRange(0, 6), default=0, show_default=True,
              help="Keep so many: of the start and after 1, 3, 10, 30, 100 %.")  # fmt: skip
@click.option("--device", default="cpu", show_default=True)
@click.option(
    "--threads",
    type=click.IntRange(1),
    help="CPU threads; by default 1 or all, whichever is quicker.",
)
@force_option
def train(folder: Path, output: Path, recipe: str, device: str, arithmetic: str | None,
          threads: int | None, snapshots: int, force: bool, **changes: Any) -> None:  # fmt: skip
    """Train a ConvMixer on a folder of images; the same command resumes it.

    The subfolders of FOLDER are the classes, and every fifth image is held out; or it has train
    and test folders of such folders.
    """
    from viz.training.loop import train as run
    from viz.training.recipes import recipe_named

    check_device(device)
    settings = recipe_named(recipe, **{k: v for k, v in changes.items() if v is not None})
    accuracy = run(
        folder, output, settings, device=device, arithmetic=arithmetic, threads=threads,
        snapshots=snapshots, force=force, report=say,
    )  # fmt: skip
    click.echo(f"{output}: held-out accuracy {accuracy:.4f}")


COMMANDS = (info, fetch, explore, train)
