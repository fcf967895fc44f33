"""ConvMixer with named parts ("Patches Are All You Need?", Trockman and Kolter, TMLR 2023)."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

from torch import Tensor, nn

from viz.core.network import Config, split_activation
from viz.core.refusal import NoSuch, Refusal

PAPER_CONFIGS = {
    "convmixer_1536_20": Config(1536, 20, 9, 7, 1000, activation="gelu"),
    "convmixer_768_32": Config(768, 32, 7, 7, 1000, activation="relu"),
    "convmixer_1024_20_ks9_p14": Config(1024, 20, 9, 14, 1000, activation="gelu"),
}
"""The paper's three ImageNet configurations, by their public names."""

_CLASSES: dict[str, Any] = {
    "gelu_tanh": partial(nn.GELU, approximate="tanh"),
    "leaky_relu": nn.LeakyReLU,
    "logsigmoid": nn.LogSigmoid,
    **{kind.__name__.lower(): kind for kind in (
        nn.GELU, nn.ReLU, nn.SiLU, nn.Identity, nn.Mish, nn.Hardswish, nn.ELU, nn.CELU, nn.SELU,
        nn.ReLU6, nn.Softplus, nn.Softsign, nn.Tanh, nn.Sigmoid, nn.Hardsigmoid, nn.Hardtanh,
        nn.Tanhshrink, nn.Softshrink, nn.Hardshrink)},
}  # fmt: skip


def activation_layer(activation: str) -> nn.Module:
    """Return the layer that an activation's name stands for."""
    name, number = split_activation(activation)
    layer: nn.Module = _CLASSES[name](*([] if number is None else [number]))
    return layer


class NoHead(nn.Module):
    """In place of the head of a network that has none: refuses to give an answer."""

    def forward(self, x: Tensor) -> Tensor:
        """Refuse."""
        raise Refusal(
            "this network has no linear head that could be read, so it gives no answers (logits); "
            "views of its filters, kernels and feature maps work, for all else give a checkpoint "
            "with its head."
        )


class Block(nn.Module):
    """One ConvMixer block: residual depthwise part, then pointwise part."""

    def __init__(self, dim: int, kernel_size: int, activation: str) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(dim, dim, kernel_size, groups=dim, padding="same")
        self.depthwise_norm = nn.BatchNorm2d(dim)
        self.pointwise = nn.Conv2d(dim, dim, 1)
        self.pointwise_norm = nn.BatchNorm2d(dim)
        self.activation = activation_layer(activation)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, dim, h, w) to (n, dim, h, w)."""
        x = x + self.depthwise_norm(self.activation(self.depthwise(x)))
        out: Tensor = self.pointwise_norm(self.activation(self.pointwise(x)))
        return out


class ConvMixer(nn.Module):
    """A ConvMixer whose parts have names.

    Parameters
    ----------
    dim, depth, kernel_size, patch_size, n_classes : int
        As in the paper, in its order.
    in_channels : int
        Channels of the input image.
    activation : str
        As in `Config`.

    Attributes
    ----------
    patch_embedding : torch.nn.Conv2d
        p x p convolution of stride p.
    blocks : torch.nn.ModuleList of Block
        Each with ``depthwise`` and ``pointwise`` and their batch norms.
    head : torch.nn.Linear
        Classifier on the average over positions; `NoHead` for no classes.
    config : Config
        The architecture.

    Raises
    ------
    ValueError
        If a size is not positive or the activation is unknown.
    """

    def __init__(
        self,
        dim: int,
        depth: int,
        kernel_size: int = 9,
        patch_size: int = 7,
        n_classes: int = 1000,
        *,
        in_channels: int = 3,
        activation: str = "gelu",
    ) -> None:
        super().__init__()
        self.config = Config(
            dim, depth, kernel_size, patch_size, n_classes, in_channels, activation
        )
        self.patch_embedding = nn.Conv2d(in_channels, dim, patch_size, stride=patch_size)
        self.patch_norm = nn.BatchNorm2d(dim)
        self.activation = activation_layer(activation)
        self.blocks = nn.ModuleList(Block(dim, kernel_size, activation) for _ in range(depth))
        self.head = nn.Linear(dim, n_classes) if n_classes else NoHead()

    @classmethod
    def from_config(cls, config: Config) -> ConvMixer:
        """Build a randomly initialised network of this architecture."""
        fields = config.to_dict()
        return cls(**fields)

    @property
    def patch_filters(self) -> Tensor:
        """Patch-embedding filters, (dim, in_channels, patch_size, patch_size), a live view."""
        return self.patch_embedding.weight

    def depthwise_kernels(self, block: int) -> Tensor:
        """Return the kernels (dim, k, k) of a block, counted from 0: a live view, not flipped."""
        depth = self.config.depth
        if not 0 <= block < depth:
            raise NoSuch(f"There is no block {block}: blocks are 0 to {depth - 1}.")
        return cast(Block, self.blocks[block]).depthwise.weight[:, 0]

    def embed(self, x: Tensor) -> Tensor:
        """Map images (n, in_channels, H, W) to tokens (n, dim, H // p, W // p)."""
        out: Tensor = self.patch_norm(self.activation(self.patch_embedding(x)))
        return out

    def forward(self, x: Tensor) -> Tensor:
        """Map images (n, in_channels, H, W) to logits (n, n_classes)."""
        x = self.embed(x)
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.head(x.mean((2, 3)))
        return logits
