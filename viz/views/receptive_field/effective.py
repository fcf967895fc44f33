"""Gradients of one unit with respect to the image, at every block, from one forward pass.

In evaluation mode a ConvMixer is a chain of convolutions, per-channel scales and activations, so
its gradient at an image is a chain of transposed convolutions and products with the activations'
slopes. `Linearised` keeps the slopes of one forward pass; `Linearised.gradient` then walks from
any block down to the image. It touches only the patches that the unit's theoretical field has
reached so far, and never the network: no hook, no mode, no gradient of a weight.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from viz.core.network import Config
from viz.core.wide import wide
from viz.network.convmixer import Block, ConvMixer

Activation = Callable[[Tensor], Tensor]
_WORKING = 9
"""Feature maps alive at once besides the slopes that are kept."""


class Window(NamedTuple):
    """Rows and columns of a grid, first and one after the last."""

    top: int
    bottom: int
    left: int
    right: int

    def grown(self, near: int, far: int, rows: int, columns: int) -> Window:
        """Return the window wider by near before and far behind, within the grid."""
        return Window(
            max(0, self.top - near),
            min(rows, self.bottom + far),
            max(0, self.left - near),
            min(columns, self.right + far),
        )

    def of(self, maps: Tensor) -> Tensor:
        """Cut the window out of maps (n, rows, columns, c)."""
        return maps[:, self.top : self.bottom, self.left : self.right]


class _Norm(NamedTuple):
    """A batch norm in evaluation mode: x scale + shift, per channel."""

    scale: Tensor
    shift: Tensor


class _Part(NamedTuple):
    """The weights of one block, none copied where the type fits."""

    kernel: Tensor
    kernel_bias: Tensor | None
    kernel_norm: _Norm
    point: Tensor
    point_bias: Tensor | None
    point_norm: _Norm
    activation: Activation


@dataclass(frozen=True)
class FieldNetwork:
    """The weights of a ConvMixer as gradients need them.

    Parameters
    ----------
    config : Config
        The architecture.
    patches : torch.Tensor, (dim, in_channels * p * p)
        The patch embedding as a matrix.
    patch_bias : torch.Tensor or None
        Its bias.
    patch_norm : tuple of torch.Tensor
        Scale and shift.
    patch_activation : callable
        Elementwise.
    parts : tuple
        One per block.
    """

    config: Config
    patches: Tensor
    patch_bias: Tensor | None
    patch_norm: _Norm
    patch_activation: Activation
    parts: tuple[_Part, ...]

    @classmethod
    def of(cls, model: ConvMixer) -> FieldNetwork:
        """Read a network's weights; float64 stays, all else is computed in float32."""
        double = model.patch_filters.dtype == torch.float64
        dtype = torch.float64 if double else torch.float32

        def cast_(x: Tensor | None) -> Tensor | None:
            return None if x is None else x.detach().to(dtype)

        def norm(layer: nn.Module) -> _Norm:
            bn = cast(nn.BatchNorm2d, layer)
            mean, var = cast(Tensor, bn.running_mean), cast(Tensor, bn.running_var)
            # Tiny variances are exact in float64 only.
            scale = wide(bn.weight.detach()) / torch.sqrt(wide(var) + bn.eps)
            shift = wide(bn.bias.detach()) - wide(mean) * scale
            return _Norm(scale.to(var.device, dtype), shift.to(var.device, dtype))

        parts = []
        for module in model.blocks:
            block = cast(Block, module)
            parts.append(
                _Part(
                    cast(Tensor, cast_(block.depthwise.weight)),
                    cast_(block.depthwise.bias),
                    norm(block.depthwise_norm),
                    cast(Tensor, cast_(block.pointwise.weight)).flatten(1),
                    cast_(block.pointwise.bias),
                    norm(block.pointwise_norm),
                    block.activation,
                )
            )
        return cls(
            model.config,
            # In the order channel, row, column, whatever the memory layout.
            cast(Tensor, cast_(model.patch_filters)).contiguous().flatten(1),
            cast_(model.patch_embedding.bias),
            norm(model.patch_norm),
            model.activation,
            tuple(parts),
        )

    @property
    def dtype(self) -> torch.dtype:
        """Type that everything is computed in."""
        return self.patches.dtype

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.patches.device

    @property
    def padding(self) -> tuple[int, int]:
        """Zeros before and behind each axis of a depthwise convolution."""
        k = self.config.kernel_size
        return (k - 1) // 2, k // 2

    def embed(self, images: Tensor) -> Tensor:
        """Answer of the patch embedding before its activation, (n, rows, columns, dim)."""
        n, c, height, width = images.shape
        p = self.config.patch_size
        rows, columns = height // p, width // p
        cut = images[:, :, : rows * p, : columns * p].reshape(n, c, rows, p, columns, p)
        flat = cut.permute(0, 2, 4, 1, 3, 5).reshape(n, rows, columns, c * p * p)
        return F.linear(flat, self.patches, self.patch_bias)

    def depthwise(self, part: _Part, x: Tensor) -> Tensor:
        """Depthwise convolution of maps (n, rows, columns, dim), without its batch norm."""
        near, far = self.padding
        maps = x.permute(0, 3, 1, 2)
        if near == far:
            out = F.conv2d(maps, part.kernel, part.kernel_bias, padding=near, groups=maps.shape[1])
        else:
            padded = F.pad(maps, (near, far, near, far))
            out = F.conv2d(padded, part.kernel, part.kernel_bias, groups=maps.shape[1])
        return out.permute(0, 2, 3, 1)

    def depthwise_back(self, part: _Part, g: Tensor, old: Window, new: Window) -> Tensor:
        """Transposed depthwise convolution: gradient on a window to the one it reaches."""
        near, far = self.padding
        top, bottom = far + old.top - new.top, near + new.bottom - old.bottom
        left, right = far + old.left - new.left, near + new.right - old.right
        maps, flipped = g.permute(0, 3, 1, 2), part.kernel.flip(2, 3)
        if top == bottom and left == right:
            out = F.conv2d(maps, flipped, padding=(top, left), groups=maps.shape[1])
        else:
            padded = F.pad(maps, (left, right, top, bottom))
            out = F.conv2d(padded, flipped, groups=maps.shape[1])
        return out.permute(0, 2, 3, 1)


def _with_slope(activation: Activation, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return an activation's values and its slopes."""
    if isinstance(activation, nn.Identity):
        return x, torch.ones((), dtype=x.dtype, device=x.device).expand_as(x)
    with torch.enable_grad():
        leaf = x.detach().requires_grad_()
        value = activation(leaf)
        (slope,) = torch.autograd.grad(value, leaf, torch.ones_like(value))
    return value.detach(), slope


class Linearised:
    """A network at some images: the slopes of its activations, times the scales behind them.

    Parameters
    ----------
    network : FieldNetwork
        The weights.
    images : torch.Tensor, (n, in_channels, height, width)
        Network input.
    depth : int, optional
        Blocks to run through; default all.
    unit : tuple of int, optional
        Row and column in the patch grid whose outputs are kept.

    Attributes
    ----------
    outputs : list of torch.Tensor
        Outputs of the patch embedding and of each block at ``unit``, (n, dim), where one is given.
    """

    def __init__(
        self,
        network: FieldNetwork,
        images: Tensor,
        *,
        depth: int | None = None,
        unit: tuple[int, int] | None = None,
    ) -> None:
        self.network = network
        self.n, self.channels = images.shape[:2]
        self.outputs: list[Tensor] = []

        def tell(x: Tensor) -> None:
            if unit is not None:
                self.outputs.append(x[:, unit[0], unit[1]].clone())

        x, slope = _with_slope(network.patch_activation, network.embed(self._moved(images)))
        self.rows, self.columns = x.shape[1:3]
        x = x * network.patch_norm.scale + network.patch_norm.shift
        self._patch_slope = slope * network.patch_norm.scale
        tell(x)
        self._slopes: list[tuple[Tensor, Tensor]] = []
        for part in network.parts[:depth]:
            y, slope = _with_slope(part.activation, network.depthwise(part, x))
            first = slope * part.kernel_norm.scale
            x = y.mul_(part.kernel_norm.scale).add_(part.kernel_norm.shift).add_(x)
            x, slope = _with_slope(part.activation, F.linear(x, part.point, part.point_bias))
            x = x * part.point_norm.scale + part.point_norm.shift
            self._slopes.append((first, slope * part.point_norm.scale))
            tell(x)

    def _moved(self, images: Tensor) -> Tensor:
        return images.detach().to(self.network.device, self.network.dtype)

    def gradient(
        self, block: int, unit: tuple[int, int], seed: Tensor
    ) -> tuple[Tensor, tuple[int, int]]:
        """Return the gradient of a weighted sum of one unit's channels.

        Shapes: ``seed`` (dim,); returns gradient (n, in_channels, rows, columns).
        """
        row, column = unit
        window = Window(row, row + 1, column, column + 1)
        near, far = self.network.padding
        g = self._moved(seed).expand(self.n, -1)[:, None, None, :]
        for j in range(block, -1, -1):
            part, (first, second) = self.network.parts[j], self._slopes[j]
            inner = torch.matmul(g * window.of(second), part.point)
            wider = window.grown(near, far, self.rows, self.columns)
            g = self.network.depthwise_back(part, inner * window.of(first), window, wider)
            top, left = window.top - wider.top, window.left - wider.left
            height, width = inner.shape[1:3]
            g[:, top : top + height, left : left + width] += inner
            window = wider
        flat = torch.matmul(g * window.of(self._patch_slope), self.network.patches)
        p, (rows, columns) = self.network.config.patch_size, flat.shape[1:3]
        tiles = flat.view(self.n, rows, columns, self.channels, p, p).permute(0, 3, 1, 4, 2, 5)
        image = tiles.reshape(self.n, self.channels, rows * p, columns * p)
        return image, (window.top * p, window.left * p)


def bytes_per_image(
    config: Config, image_size: tuple[int, int], depth: int, *, size: int = 4
) -> int:
    """Return the memory that one image takes in `Linearised` and `Linearised.gradient`."""
    p = config.patch_size
    tokens = (image_size[0] // p) * (image_size[1] // p)
    maps = (2 * depth + 1 + _WORKING) * tokens * config.dim
    return size * (maps + 3 * config.in_channels * image_size[0] * image_size[1])


def random_network(config: Config, images: Tensor, seed: int, like: FieldNetwork) -> FieldNetwork:
    """Draw a network of the same shape as torch initialises it, its batch norms set on images.

    Shapes: ``images`` (n, in_channels, height, width).
    """
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int, fan_in: int) -> Tensor:
        bound = fan_in**-0.5
        values = torch.rand(shape, generator=generator, dtype=torch.float32) * 2 - 1
        return values.mul_(bound).to(like.device, like.dtype)

    def unit(x: Tensor) -> tuple[_Norm, Tensor]:
        var, mean = torch.var_mean(x, (0, 1, 2), correction=0)
        scale = torch.rsqrt(var + nn.BatchNorm2d(1).eps)
        norm = _Norm(scale, -mean * scale)
        return norm, x * norm.scale + norm.shift

    dim, k, inputs = config.dim, config.kernel_size, config.in_channels * config.patch_size**2
    empty = _Norm(torch.empty(0), torch.empty(0))
    network = FieldNetwork(
        config, draw(dim, inputs, fan_in=inputs), draw(dim, fan_in=inputs), empty,
        like.patch_activation, (),
    )  # fmt: skip
    norm, x = unit(
        network.patch_activation(network.embed(images.detach().to(like.device, like.dtype)))
    )
    parts = []
    for trained in like.parts:
        part = _Part(
            draw(dim, 1, k, k, fan_in=k * k), draw(dim, fan_in=k * k), empty,
            draw(dim, dim, fan_in=dim), draw(dim, fan_in=dim), empty, trained.activation,
        )  # fmt: skip
        kernel_norm, y = unit(part.activation(network.depthwise(part, x)))
        point = F.linear(x + y, part.point, part.point_bias)
        point_norm, x = unit(part.activation(point))
        parts.append(part._replace(kernel_norm=kernel_norm, point_norm=point_norm))
    return FieldNetwork(
        config, network.patches, network.patch_bias, norm, like.patch_activation, tuple(parts)
    )
