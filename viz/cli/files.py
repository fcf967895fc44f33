"""Commands about files: what a checkpoint is, official weights, training, the explorer."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from viz.cli.common import (
    Whole,
    force_option,
    json_option,
    loading,
    open_checkpoint,
    path_option,
    preparing,
    say,
    seeds,
    whole,
)
from viz.cli.images import check_device


@click.command()
@loading
@preparing
@json_option
def info(checkpoint: str, as_json: bool, **options: Any) -> None:
    """Tell what a checkpoint holds.

    Printed are the architecture, the preprocessing and the class names, and how each is known.
    """
    from viz.core.result import finite
    from viz.network.guards import CheckpointWarning

    with warnings.catch_warnings():
        # They are printed with the rest.
        warnings.simplefilter("ignore", CheckpointWarning)
        loaded = open_checkpoint(checkpoint, **options)
    source = loaded.source
    names = ("crops_seen", "held_out_accuracy", "held_out_n")
    told = {name: finite(loaded.training.get(name)) for name in names}
    told = {name: value if isinstance(value, int | float) else None for name, value in told.items()}
    before = loaded.training.get("before")
    while isinstance(before, dict):  # the training that it went on from
        more, before = finite(before.get("crops_seen")), before.get("before")
        told["crops_seen"] = (told["crops_seen"] or 0) + (more if isinstance(more, int) else 0)
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
        **told,  # as the file states them, where they are numbers
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
        text = "" if value is None else str(value)
        if isinstance(value, int) and name in ("parameters", "crops_seen", "held_out_n"):
            text = f"{value:,}"
        click.echo(f"{name:<18} {text or '-'}")


@click.command()
@click.argument("name")
def fetch(name: str) -> None:
    """Download official weights from the Hugging Face hub.

    NAME is an official name, such as convmixer_768_32. The file goes into the hub's own cache.
    """
    from viz.network.zoo import OFFICIAL, check_architecture, check_hash, locate, official_name

    path, weights = locate(name), OFFICIAL[official_name(name)]
    found = open_checkpoint(str(path))
    check_architecture(weights, found.config, str(path))
    check_hash(weights, path, found.source.sha256)
    click.echo(str(path))


@click.command()
@click.argument("checkpoints", nargs=-1, metavar="[CKPT]...")
@path_option("--images", help="Show the networks this folder of images, or one image.")
@path_option("--sweep", help="Use this file that viz sweep has made of these images.")
@click.option("--port", type=int, help="Listen on this port of 127.0.0.1.")
@click.option("--browser/--no-browser", default=True, help="Open a browser window, or none.")
def explore(
    checkpoints: tuple[str, ...],
    images: Path | None,
    sweep: Path | None,
    port: int | None,
    browser: bool,
) -> None:
    """Open the explorer on checkpoints.

    It shows the shipped ones and those given, in a browser window.
    """
    from viz.explorer.launch import launch

    sys.exit(launch(checkpoints, images=images, sweep=sweep, port=port, browser=browser))


def _of_recipe(flag: str, kind: Any, text: str) -> Callable[[Any], Any]:
    """Return an option whose default is the recipe's."""
    return click.option(flag, type=kind, help=f"{text}  [default: the recipe's]")


_COUNT = Whole(1)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@path_option("-o", "--output", required=True, help="Write this .safetensors file.")
@click.option("--recipe", type=click.Choice(["imagenette-p7", "imagenette-p7-again",
              "imagenette-p14", "cifar10-p2", "cifar10-p2-again"]),
              default="imagenette-p7", show_default=True,
              help="Train as this shipped checkpoint was; the options below change its settings."
              )  # fmt: skip
@path_option(
    "--start",
    help="Start from the weights of this checkpoint, of the same "
    "architecture and classes.  [default: at random]",
)
@_of_recipe("--dim", _COUNT, "Give every block so many channels.")
@_of_recipe("--depth", _COUNT, "Build so many blocks.")
@_of_recipe("--kernel-size", _COUNT, "Make depthwise kernels so many patches wide.")
@_of_recipe("--patch-size", _COUNT, "Make patches so many pixels wide.")
@click.option("--activation", metavar="NAME", help="Use this activation, such as gelu or relu.  "
              "[default: that of --start, else the recipe's]")  # fmt: skip
@_of_recipe("--image-size", _COUNT, "Make the network for images of so many pixels.")
@_of_recipe("--epochs", _COUNT, "Go over the images so many times.")
@_of_recipe("--batch-size", Whole(2), "Take so many images in a step.")
@_of_recipe("--lr", float, "Let the learning rate rise to this peak.")
@_of_recipe("--weight-decay", float, "Let AdamW decay weights at this rate.")
@_of_recipe("--seed", seeds, "Seed everything random.")
@click.option("--arithmetic",
              type=click.Choice(["float32", "float32-matrices", "bfloat16-matrices"]),
              help="Compute in this way.  [default: the quickest in a short measurement]"
              )  # fmt: skip
@click.option("--snapshots", type=Whole(0, 6), default=0, show_default=True,
              help="Keep so many snapshots, of the start and after 1, 3, 10, 30 and 100 %."
              )  # fmt: skip
@click.option("--device", metavar="NAME", default="cpu", show_default=True,
              help="Train on this device, such as cuda.")  # fmt: skip
@whole("--threads", "Use so many CPU threads.  [default: one or all, whichever is quicker]")
@force_option
def train(folder: Path, output: Path, recipe: str, start: Path | None, device: str,
          arithmetic: str | None, threads: int | None, snapshots: int, force: bool,
          **changes: Any) -> None:  # fmt: skip
    """Train a ConvMixer on a folder of images.

    The subfolders of FOLDER are the classes, and every fifth image is held out; or FOLDER has the
    folders train and test, each with such subfolders. After an interruption the same command goes
    on.
    """
    from viz.training.loop import train as run
    from viz.training.recipes import recipe_named

    check_device(device)
    begun = None
    if start is not None:
        begun = open_checkpoint(str(start), activation=changes["activation"])
        changes["activation"] = begun.config.activation
    settings = recipe_named(recipe, **{k: v for k, v in changes.items() if v is not None})
    accuracy = run(
        folder, output, settings, device=device, arithmetic=arithmetic, threads=threads,
        snapshots=snapshots, start=begun, force=force, report=say,
    )  # fmt: skip
    click.echo(f"{output} is right on {100 * accuracy:.1f} % of the held-out images.")


COMMANDS = (info, fetch, explore, train)
