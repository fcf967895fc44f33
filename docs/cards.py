"""Write the numbers of a shipped checkpoint's card anew: ``python docs/cards.py NAME``.

Everything up to the words of the eye comes from the file's own metadata and weights; "To the eye"
and "Limits" are kept as someone wrote them.
"""

from __future__ import annotations

import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

import viz

CHECKPOINTS = Path(__file__).resolve().parents[1] / "checkpoints"
DATA = {
    "imagenette": (
        "Imagenette: 9,469 photographs of ten ImageNet classes for training, 2,000 held out, "
        '224 x 224 px (J. Howard, "Imagenette", github.com/fastai/imagenette; a subset of '
        "ImageNet, Deng et al., CVPR 2009)",
        "The images belong to their owners and are not in this project; ImageNet allows research "
        "and teaching that is not commercial. The weights come with this project under its "
        "licence.",
    ),
    "cifar10": (
        "CIFAR-10: 50,000 images of ten classes for training, 10,000 held out, 32 x 32 px "
        "(A. Krizhevsky, 2009)",
        "The images belong to their owners and are not in this project; the data set is free for "
        "research. The weights come with this project under its licence.",
    ),
}
MACHINE = "one core of a two-core machine shared with other work"


def _crops(recipe: dict[str, Any]) -> tuple[str, str]:
    """Return how crops are varied, and how large they are when."""
    varied = recipe["augmentation"]
    cut = (
        f"shifts of up to {varied['pad']} px" if varied["pad"]
        else f"crops of {100 * varied['min_area']:.0f} to 100 % of the area"
    )  # fmt: skip
    grey = f", {100 * varied['grey']:.0f} % grey" if varied["grey"] else ""
    mix = f"; MixUp or CutMix on {100 * recipe['mix']:.0f} % of the steps" if recipe["mix"] else ""
    (_, first), *later = recipe["sizes"]
    sizes = [f"{first} px", *(f"{size} px from {100 * at:.0f} %" for at, size in later)]
    return f"{cut}, flips, colour {varied['colour']:g}{grey}{mix}", (
        ", ".join(sizes) + (" of the steps on" if later else "")
    )


def neighbours(kernels: np.ndarray) -> float:
    """Return the median over kernels of how neighbouring taps correlate, along rows and columns."""
    pairs = [(kernels[:, :, :-1], kernels[:, :, 1:]), (kernels[:, :-1], kernels[:, 1:])]
    both = []
    for pair in pairs:
        a, b = (side.reshape(len(kernels), -1) for side in pair)
        a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
        both.append((a * b).sum(1) / np.sqrt((a**2).sum(1) * (b**2).sum(1)))
    return float(np.median(np.mean(both, axis=0)))


def _how(training: dict[str, Any]) -> dict[str, str]:
    """Return the rows of a card that tell one training."""
    recipe = training["recipe"]
    varied, sizes = _crops(recipe)
    return {
        "augmentation": varied,
        "crops": sizes,
        "recipe": f"AdamW, lr {recipe['lr']:g}, eps {recipe['eps']:g}, weight decay "
        f"{recipe['weight_decay']:g} (patch embedding {recipe['patch_weight_decay']:g}, at "
        f"{100 * recipe.get('patch_lr', 1):.0f} % of the rate; depthwise kernels at "
        f"{100 * recipe.get('depthwise_lr', 1):.0f} %), "
        f"{100 * recipe['warmup']:.0f} % rising, then a cosine to 0, "
        f"clip {recipe['clip']:g}, label smoothing {recipe['smoothing']:g}, batches of "
        f"{recipe['batch_size']}, {recipe['epochs']} epochs, averaged weights ({recipe['ema']:g}), "
        f"seed {recipe['seed']}",
        "crops seen": f"{training['crops_seen']:,}",
        "time": f"{training['seconds'] / 60:.0f} minutes on {MACHINE}, torch "
        f"{training['torch'].partition('+')[0]}, {training['computed'].replace('-', ' ')}",
    }


def _told(training: dict[str, Any]) -> tuple[dict[str, str], int]:
    """Return the rows of a training and of those that it went on from, and how many they are."""
    trainings = [training]
    while before := trainings[0].get("before"):
        trainings.insert(0, before)
    hows, rows = [_how(each) for each in trainings], {}
    for key in hows[0]:
        said = [how[key] for how in hows]
        rows[key] = said[0] if len(set(said)) == 1 else f"first {'; then '.join(said)}"
    return rows, len(trainings)


def numbers(name: str) -> str:
    """Return the part of a card that is made from the checkpoint."""
    path = CHECKPOINTS / f"{name}.safetensors"
    net = viz.load(path)
    config, training = net.config, net.training
    recipe = training["recipe"]
    data, licence = DATA[name.partition("-")[0]]
    n, (low, high) = training["held_out_n"], training["held_out_interval"]
    model = net.model
    blocks = [neighbours(model.depthwise_kernels(b).numpy()) for b in range(config.depth)]
    told, n_trainings = _told(training)
    again = f", then from that file (`--start`) the same with `--recipe {name}-again`"
    rows = {
        "data": data,
        "origin and licence": licence,
        **told,
        "held-out accuracy": f"{100 * training['held_out_accuracy']:.1f} % of {n:,} images at "
        f"{recipe['image_size']} px (95 % interval {100 * low:.1f} to {100 * high:.1f} %, "
        "Wilson); the held-out images decided nothing",
        "sha256": f"`{sha256(path.read_bytes()).hexdigest()}`",
        "made by": f"`viz train {name.partition('-')[0]} -o {name}.safetensors --recipe {name} "
        "--threads 1`" + again * (n_trainings - 1),
    }
    classes = sorted(training["per_class_accuracy"].items(), key=lambda item: -item[1])
    lines = [
        f"# {name}",
        "",
        f"A ConvMixer of {config.depth} blocks with {config.dim} channels, kernel size "
        f"{config.kernel_size}, patch size {config.patch_size}, GELU, {config.n_classes} classes: "
        f"{sum(p.numel() for p in model.parameters()):,} parameters, kept in half precision.",
        "", "| | |", "|---|---|", *(f"| {key} | {value} |" for key, value in rows.items()),
        "", "## Accuracy by class", "", "| class | held-out accuracy |", "|---|---|",
        *(f"| {each} | {100 * share:.1f} % |" for each, share in classes),
        "", "## What its weights look like", "",
        f"- Patch filters, by `viz patch-filters`: {viz.patch_filters(net).finding}",
        f"- Depthwise kernels, by `viz kernels`: {viz.kernels(net).finding}",
        "- Correlation of neighbouring taps, median by block: "
        f"{', '.join(f'{value:.2f}' for value in blocks)}; median over blocks "
        f"{np.median(blocks):.2f}. An untrained network has 0.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def main() -> None:
    """Rewrite the cards named on the command line."""
    for name in sys.argv[1:]:
        card = CHECKPOINTS / f"{name}.md"
        made = numbers(name)  # before anything is written
        eye = "- To the eye"
        card.write_text(made + eye + card.read_text("utf-8").partition(eye)[2], "utf-8")


if __name__ == "__main__":
    main()
