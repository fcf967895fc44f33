"""What decides a training, and the recipes of the shipped checkpoints."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from viz.core.network import Config
from viz.training.crops import Augmentation


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training, besides the images; architecture in the paper's terms.

    The patch embedding is learned in a basis in which each principal pattern of the images'
    patches, of v times the mean variance, is scaled by ``(v + share) ** -power``: .5 would whiten,
    0 leaves them. Gradient descent otherwise learns coarse patterns long before fine ones, because
    photographs hold most of their variance there. It starts as noise of which each pattern is
    scaled by ``(v + share) ** smooth``, at a share ``patch_init`` of torch's default size.

    A share ``mix`` of the steps mixes images and labels, in turn MixUp (Zhang et al., ICLR 2018)
    and CutMix (Yun et al., ICCV 2019), in shares drawn from Beta(alpha, alpha).
    """

    dim: int = 160
    depth: int = 8
    kernel_size: int = 9
    patch_size: int = 7
    activation: str = "gelu"
    image_size: int = 112  # of held-out images, and of what the network will be shown
    # Side of the training crops from each share of the steps on.
    sizes: tuple[tuple[float, int], ...] = ((0.0, 70), (0.5, 84), (0.8, 112))
    epochs: int = 70
    batch_size: int = 128
    lr: float = 0.01  # AdamW's peak
    weight_decay: float = 0.25
    patch_weight_decay: float = 0.3  # of the patch embedding alone, in its basis
    patch_lr: float = 1.0  # its learning rate, as a multiple of the others'
    depthwise_lr: float = 1.0  # likewise, of the depthwise kernels
    eps: float = 1e-3
    clip: float = 1.0
    smoothing: float = 0.1  # of labels
    power: float = 0.25
    share: float = 0.02
    smooth: float = 0.4
    patch_init: float = 0.2
    warmup: float = 0.05  # share of the steps with a rising rate; a cosine to 0 follows
    ema: float = 0.998  # decay per step of the averaged weights, which are saved
    mix: float = 0.4
    alpha: float = 0.3
    seed: int = 1
    start: str = ""  # SHA-256 of the checkpoint whose weights it starts from; none: at random
    augmentation: Augmentation = field(default_factory=Augmentation)

    def config(self, n_classes: int) -> Config:
        """Return the architecture for so many classes."""
        shape = (self.dim, self.depth, self.kernel_size, self.patch_size)
        return Config(*shape, n_classes, activation=self.activation)

    def size_at(self, done: float) -> int:
        """Return the side of the training crops after this share of the steps."""
        return [size for start, size in self.sizes if done >= start][-1]


RECIPES = {
    "imagenette-p7": Recipe(patch_weight_decay=0.15, patch_lr=0.5, power=0.2, depthwise_lr=0.5),
    "imagenette-p14": Recipe(
        patch_size=14, image_size=224, sizes=((0.0, 126), (0.5, 154), (0.85, 196)), epochs=50,
        patch_weight_decay=0.1, patch_lr=0.5, power=0.15),
    "cifar10-p2": Recipe(
        dim=128, patch_size=2, image_size=32, sizes=((0.0, 24), (0.6, 32)), epochs=26,
        power=0.0, mix=0.1, augmentation=Augmentation(colour=0.1, grey=0.0, pad=4)),
}  # fmt: skip
RECIPES["cifar10-p2-again"] = replace(
    RECIPES["cifar10-p2"], sizes=((0.0, 24), (0.5, 32)), epochs=22, lr=0.006, weight_decay=0.3,
    mix=0.0)  # fmt: skip
RECIPES["imagenette-p7-again"] = replace(
    RECIPES["imagenette-p7"], sizes=((0.0, 84), (0.55, 112)), epochs=24, weight_decay=0.3,
    depthwise_lr=1.0)  # fmt: skip
"""The recipes of the shipped checkpoints, by their names; "again" goes on from the first's end."""


def recipe_named(name: str, **changes: Any) -> Recipe:
    """Return a recipe with some settings changed, the crops' sizes in proportion to the image's."""
    old = RECIPES[name]
    new = replace(old, **changes)
    p, now, then = new.patch_size, new.image_size, old.image_size
    if (p, now) != (old.patch_size, then) and "sizes" not in changes:
        sizes = ((start, max(1, size * now // (then * p)) * p) for start, size in old.sizes)
        new = replace(new, sizes=tuple(sizes))
    return new
