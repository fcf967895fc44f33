"""What a ConvMixer file is: its architecture, its preprocessing and where it came from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from viz.core.refusal import Refusal

ACTIVATIONS = (
    "gelu", "relu", "silu", "identity", "gelu_tanh", "mish", "leaky_relu", "hardswish", "elu",
    "celu", "selu", "relu6", "softplus", "softsign", "tanh", "sigmoid", "hardsigmoid", "hardtanh",
    "logsigmoid", "tanhshrink", "softshrink", "hardshrink",
)  # fmt: skip
"""Torch's activations that take each value by itself and learn nothing."""
_ONE_NUMBER = ("leaky_relu", "elu", "celu", "softplus", "softshrink", "hardshrink")
"""Those that may be followed by their one number, such as ``"leaky_relu(0.2)"``."""
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def counted(n: int, what: str) -> str:
    """Return a number and its noun: ``"1 block"``, ``"2 blocks"``, ``"2 classes"``."""
    many = f"{what}es" if what.endswith("s") else f"{what}s"
    return f"{n:,} {what if n == 1 else many}"


def split_activation(activation: str) -> tuple[str, float | None]:
    """Return the name of an activation, one of `ACTIVATIONS`, and its number where one is given."""
    found = re.fullmatch(r"(\w+)(?:\((\d+(?:\.\d+)?(?:e-?\d+)?)\))?", str(activation)[:100])
    if found and found[1] in ACTIVATIONS and (found[2] is None or found[1] in _ONE_NUMBER):
        return found[1], None if found[2] is None else float(found[2])
    raise Refusal(f"activation must be one of {', '.join(ACTIVATIONS)}, not {activation!r}.")


@dataclass(frozen=True)
class _Plain:
    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dictionary."""
        return asdict(self)


@dataclass(frozen=True)
class Config(_Plain):
    """The architecture of a ConvMixer, in the paper's terms.

    Parameters
    ----------
    dim : int
        Channels of every block (the paper's hidden dimension h).
    depth : int
        Number of blocks.
    kernel_size : int
        Side k of the depthwise kernels, in patches.
    patch_size : int
        Side p of the patch-embedding filters, in pixels; also their stride.
    n_classes : int
        Outputs of the head; 0 where there is no linear head, and so no answer.
    in_channels : int
        Channels of the input image: 3 for colour, 1 for grey or audio.
    activation : str
        One of `ACTIVATIONS`, such as ``"gelu"`` or ``"leaky_relu(0.2)"``.

    Raises
    ------
    ValueError
        If a size is not positive or the activation is unknown.
    """

    dim: int
    depth: int
    kernel_size: int = 9
    patch_size: int = 7
    n_classes: int = 1000
    in_channels: int = 3
    activation: str = "gelu"

    def __post_init__(self) -> None:
        for name in ("dim", "depth", "kernel_size", "patch_size", "n_classes", "in_channels"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < (name != "n_classes"):
                raise Refusal(f"{name} must be a positive whole number, not {value!r}.")
        split_activation(self.activation)

    @property
    def n_parameters(self) -> int:
        """Trainable parameters of this architecture."""
        d, k, p = self.dim, self.kernel_size, self.patch_size
        per_block = k * k + d + 6
        return d * (self.depth * per_block + self.in_channels * p * p + self.n_classes + 3) + (
            self.n_classes
        )


@dataclass(frozen=True)
class Preprocessing(_Plain):
    """How an image becomes the network's input.

    Parameters
    ----------
    image_size : int
        Side of the square input, in pixels.
    crop : float
        Share of the resized image that the centre crop keeps: the short side is resized to
        ``image_size / crop`` first.
    mean, std : tuple of float
        Per input channel: subtracted from, then divided out of, values in [0, 1].
    interpolation : str
        ``"bicubic"`` or ``"bilinear"``, with anti-aliasing.
    known : str
        Where these values come from, in words for the user.
    """

    image_size: int = 224
    crop: float = 0.96
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    interpolation: str = "bicubic"
    known: str = "assumed: the official ImageNet preprocessing"


@dataclass(frozen=True)
class Source(_Plain):
    """Where a network, or a result about it, came from.

    Parameters
    ----------
    name : str
        File name without its folder, official name, or ``"in memory"``.
    sha256 : str
        Hash of the file; for a network in memory, of its weights.
    layout : str
        What the file calls the patch embedding, the first block's parts and the head.
    activation_source : str
        How the activation is known, in words for the user.
    dropped : tuple of str
        Keys of the file that are not weights of the network and were left out.
    wrapper : str
        Path inside the file at which the weights were found, or ``""``.
    prefix : str
        Prefix removed from every key, or ``""``.
    dtype : str
        Type of the weights in the file, such as ``"float16"``.
    warnings : tuple of str
        What a user should know before believing the pictures.
    block : int or None
        The block a result is about, where it is about one.
    settings : mapping
        Settings that made a result.
    versions : mapping
        Versions of the libraries that made a result.
    images : mapping
        Image name to sha256, for results that needed images.
    """

    name: str
    sha256: str
    layout: str = ""
    activation_source: str = ""
    dropped: tuple[str, ...] = ()
    wrapper: str = ""
    prefix: str = ""
    dtype: str = "float32"
    warnings: tuple[str, ...] = ()
    block: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
