"""What decides a training, and the recipes of the shipped checkpoints."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from viz.training.crops import Augmentation

__all__ = ["RECIPES", "Recipe", "recipe_named"]


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
        Side of the held-out images, in pixels, and of what the network will be shown.
    sizes : tuple of (float, int)
        Side of the training crops, in pixels, from each share of the steps on.
    epochs, batch_size : int
        Passes over the training images; images per step.
    lr, weight_decay, eps, clip, smoothing : float
        AdamW's peak rate, decay and epsilon; gradient clipping; label smoothing.
    patch_weight_decay : float
        Decay of the patch embedding alone, in its basis.
    power, share : float
        The patch embedding is learned in a basis in which each principal pattern of the images'
        patches, of v times the mean variance, is scaled by ``(v + share) ** -power``: .5 would
        whiten, 0 leaves them. Gradient descent otherwise learns coarse patterns long before fine
        ones, because photographs hold most of their variance there.
    smooth, patch_init : float
        The patch embedding starts as noise of which each pattern is scaled by
        ``(v + share) ** smooth``, at this share of torch's default size.
    warmup : float
        Share of the steps with a rising rate; the rest follows a cosine to 0.
    ema : float
        Decay per step of the averaged weights, which are what is saved.
    mix, alpha : float
        Share of steps with mixed images and labels, in turn MixUp (Zhang et al., ICLR 2018) and
        CutMix (Yun et al., ICCV 2019), in shares drawn from Beta(alpha, alpha).
    seed : int
        Of everything random.
    augmentation : Augmentation
        How crops are varied.
    """

    dim: int = 160
    depth: int = 8
    kernel_size: int = 9
    patch_size: int = 7
    activation: str = "gelu"
    image_size: int = 112
    sizes: tuple[tuple[float, int], ...] = ((0.0, 70), (0.5, 84), (0.8, 112))
    epochs: int = 70
    batch_size: int = 128
    lr: float = 0.01
    weight_decay: float = 0.25
    patch_weight_decay: float = 0.3
    eps: float = 1e-3
    clip: float = 1.0
    smoothing: float = 0.1
    power: float = 0.25
    share: float = 0.02
    smooth: float = 0.4
    patch_init: float = 0.2
    warmup: float = 0.05
    ema: float = 0.998
    mix: float = 0.4
    alpha: float = 0.3
    seed: int = 1
    augmentation: Augmentation = field(default_factory=Augmentation)

    def size_at(self, done: float) -> int:
        """Return the side of the training crops after this share of the steps."""
        return [size for start, size in self.sizes if done >= start][-1]


RECIPES = {
    "imagenette-p7": Recipe(),
    "imagenette-p14": Recipe(
        patch_size=14, image_size=224, sizes=((0.0, 126), (0.4, 154), (0.8, 196))),
    "cifar10-p2": Recipe(
        dim=128, patch_size=2, image_size=32, sizes=((0.0, 24), (0.6, 32)), epochs=20,
        power=0.0, mix=0.3, augmentation=Augmentation(colour=0.2, grey=0.0, pad=4)),
}  # fmt: skip
"""The recipes of the shipped checkpoints, by their names."""


def recipe_named(name: str, **changes: Any) -> Recipe:
    """Return a recipe of `RECIPES` with some settings changed.

    Parameters
    ----------
    name : str
        Of the recipe.
    **changes : Any
        Fields of `Recipe`. With another ``image_size`` or ``patch_size`` the sizes of the training
        crops change in proportion, to whole patches.

    Returns
    -------
    Recipe
        The settings.
    """
    old = RECIPES[name]
    new = replace(old, **changes)
    p, now, then = new.patch_size, new.image_size, old.image_size
    if (p, now) != (old.patch_size, then) and "sizes" not in changes:
        sizes = ((start, max(1, size * now // (then * p)) * p) for start, size in old.sizes)
        new = replace(new, sizes=tuple(sizes))
    return new
