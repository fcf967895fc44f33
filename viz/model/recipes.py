"""What decides a training, and the recipes of the shipped checkpoints."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from viz.model.crops import Augmentation

__all__ = ["RECIPES", "Recipe", "recipe_named", "sklearn_images"]


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training, besides the images.

    Parameters
    ----------
    dim, depth, kernel_size, patch_size : int
        Architecture, in the paper's terms.
    activation : str
        As in `Config`.
    image_size : int
        Side of the training crops, in pixels.
    epochs : int
        Passes; of ``crops_per_image`` crops of each training image.
    crops_per_image : int
        Crops of each image in one pass.
    batch_size : int
        Crops per step.
    lr, weight_decay, eps, clip, smoothing : float
        AdamW's peak rate, decay and epsilon; gradient clipping; label smoothing.
    patch_weight_decay : float
        Decay of the patch embedding alone.
    patch_init : float
        The patch embedding starts at this share of torch's default size, so that what is left of
        its random start stays small in the trained filters.
    whiten : float
        If above 0, the patch embedding is learned in a basis in which patches of the training
        images have even variances (`viz.model.training.whitening_matrix` with this share), and
        folded back when saved. Gradient descent otherwise learns coarse patterns long before fine
        ones, because photographs hold most of their variance there.
    whiten_cut : float
        That function's ``cut``: patterns of less than this share of the mean variance are kept
        small, or the filters would be mostly noise.
    warmup : float
        Share of the steps with a rising rate; the rest follows a cosine to 0.
    ema : float
        Decay per step of the averaged weights, which are what is saved.
    bfloat16 : bool
        Compute convolutions in bfloat16 (about 1.7 times faster on CPUs that have it).
    seed : int
        Of everything random.
    augmentation : Augmentation
        How crops are varied.
    """

    dim: int = 128
    depth: int = 8
    kernel_size: int = 9
    patch_size: int = 7
    activation: str = "gelu"
    image_size: int = 112
    epochs: int = 50
    crops_per_image: int = 8
    batch_size: int = 64
    lr: float = 0.01
    weight_decay: float = 0.2
    patch_weight_decay: float = 0.1
    patch_init: float = 0.05
    whiten: float = 0.5
    whiten_cut: float = 0.3
    eps: float = 1e-3
    clip: float = 1.0
    smoothing: float = 0.1
    warmup: float = 0.1
    ema: float = 0.998
    bfloat16: bool = True
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)


_FINE = Augmentation(high_pass=0.85)

RECIPES = {
    "photographs": Recipe(epochs=36, weight_decay=0.3, augmentation=_FINE),
    "photographs-p14": Recipe(
        patch_size=14,
        image_size=224,
        epochs=24,
        weight_decay=0.3,
        whiten=2.0,
        whiten_cut=1.0,
        augmentation=replace(_FINE, min_area=0.35),
    ),
    "cifar": Recipe(
        dim=96,
        depth=4,
        patch_size=2,
        image_size=32,
        epochs=10,
        crops_per_image=1,
        batch_size=128,
        weight_decay=0.1,
        whiten=0.0,
        augmentation=Augmentation(pad=4, colour=0.2, grey=0, high_pass=0),
    ),
}
"""The recipes of the shipped checkpoints: photos-p7, photos-p14 and cifar10-p2."""


def recipe_named(name: str, **changes: Any) -> Recipe:
    """Return a recipe of `RECIPES` with some settings changed.

    Parameters
    ----------
    name : str
        Of the recipe.
    **changes : Any
        Fields of `Recipe`.

    Returns
    -------
    Recipe
        The settings.
    """
    return replace(RECIPES[name], **changes)


def sklearn_images() -> tuple[Path, ...]:
    """Return the two photographs that scikit-learn ships: china.jpg and flower.jpg."""
    from importlib.resources import files

    folder = files("sklearn.datasets") / "images"
    return tuple(Path(str(folder / name)) for name in ("china.jpg", "flower.jpg"))
