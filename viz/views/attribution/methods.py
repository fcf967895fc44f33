"""The attribution methods, through Captum, and which of them a network is refused.

Captum is imported inside functions only: importing ``captum.attr`` loads pyplot.
"""

from __future__ import annotations

import difflib
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from viz.core.network import Preprocessing
from viz.core.wide import wide
from viz.network.convmixer import ConvMixer
from viz.views.attribution.network import AttributionError, Explained, Scored, private_copy
from viz.views.attribution.result import METHODS, PIXEL_METHODS, UNITS

SUITABLE = tuple(m for m in METHODS if m not in ("deeplift", "guided-backprop"))
"""Methods that suit every ConvMixer."""
DEFAULT_METHODS = tuple(m for m in SUITABLE if m != "feature-ablation")
"""Those that are run unless told: feature ablation is much like occlusion, and as slow."""
MEMORY = 512
"""MiB that the feature maps of one batch may take, by default."""
_WARNING = threading.Lock()


@dataclass(frozen=True)
class Settings:
    """What decides the methods' values besides network, image and class.

    ``n_steps`` of integrated gradients, ``n_samples`` of SmoothGrad and gradient SHAP, ``noise`` of
    SmoothGrad as a share of the image's range, ``window`` of occlusion in patches, ``block`` whose
    output Grad-CAM looks at.
    """

    n_steps: int = 32
    n_samples: int = 16
    noise: float = 0.15
    window: int = 3
    block: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("n_steps", "n_samples"):
            if getattr(self, name) < 1:
                raise AttributionError(f"{name} is at least 1, not {getattr(self, name)}.")


def _refusal(method: str, activation: str) -> str:
    """Say why a method is wrong for networks with this activation; empty if it is not."""
    if method in ("lrp", "layer-wise-relevance-propagation"):
        return (
            f"{method} is refused on every ConvMixer: Captum has no rule for its layers, and with "
            "rules added its residual additions count relevance several times over; use "
            "integrated-gradients."
        )
    if method == "guided-backprop" and activation != "relu":
        return (
            f"guided-backprop is refused on this network: it only changes the gradient of ReLU, so "
            f"with {activation} it would silently be the plain gradient; use saliency."
        )
    if method == "deeplift" and activation not in ("relu", "identity"):
        return (
            f"deeplift is refused on this network: Captum has no rule for {activation}, so its "
            "values would silently not add up to the score; use integrated-gradients."
        )
    return ""


def chosen(methods: Sequence[str] | None, activation: str) -> tuple[str, ...]:
    """Return the methods asked for, each once, in the order of `METHODS`."""
    if not methods:
        return DEFAULT_METHODS
    names = [name.strip().lower().replace("_", "-") for name in methods]
    for name in names:
        reason = _refusal(name, activation)
        if reason:
            raise AttributionError(reason)
        if name not in METHODS:
            near = difflib.get_close_matches(name, METHODS, 1)
            hint = f"did you mean {near[0]}?" if near else f"known ones are {', '.join(METHODS)}."
            raise AttributionError(f"{name!r} is not an attribution method; {hint}")
    return tuple(name for name in METHODS if name in names)


def to_patches(method: str, raw: NDArray[Any], patch_size: int) -> NDArray[np.float64]:
    """Return the value of each patch.

    Shapes: ``raw`` (c, h, w) or (gh, gw); returns (gh, gw).
    """
    values: NDArray[np.float64] = raw.astype(np.float64)
    if values.ndim == 2:
        return values
    if UNITS[method] != "logit":
        values = np.abs(values)
    c, h, w = values.shape
    p = patch_size
    sums: NDArray[np.float64] = values.reshape(c, h // p, p, w // p, p).sum((0, 2, 4))
    return sums


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Captum from announcing its hooks; filters of warnings are global, hence the lock."""
    with _WARNING, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class Explainer:
    """Every method for one network, each image on its own, batched over its perturbations.

    Noise and baselines are drawn one by one from generators of their own: neither the batch size
    nor another thread changes them. (Captum's noise tunnel draws from the global ones.) The network
    stays as it is, also after an error. ``memory`` in MiB bounds a batch's feature maps unless
    ``batch_size`` says how many images it has; ``count`` is told the images of each pass.
    """

    def __init__(
        self,
        model: ConvMixer,
        preprocessing: Preprocessing,
        settings: Settings,
        *,
        memory: int = MEMORY,
        batch_size: int | None = None,
        count: Callable[[int], None] | None = None,
    ) -> None:
        self.network, self.config = private_copy(model), model.config
        self.preprocessing, self.settings = preprocessing, settings
        self.memory, self.batch_size = memory, batch_size
        self.count = count or (lambda n: None)

    def raw(self, method: str, x: Tensor, explained: Explained) -> NDArray[np.float32]:
        """Return what a method says about one image: (c, h, w), or (gh, gw) of patches.

        Shapes: ``x`` (1, c, h, w).
        """
        with torch.enable_grad():
            explain = getattr(self, f"_{method.replace('-', '_')}")
            found: Tensor = explain(x.detach().clone(), explained).detach()
        if method in ("deeplift", "guided-backprop", "grad-cam"):
            self.count(self.passes(method, self.grid(x)))
        values: NDArray[np.float32] = found.float().cpu().numpy()
        return np.ascontiguousarray(values[0] if method in PIXEL_METHODS else values)

    def passes(self, method: str, grid: tuple[int, ...]) -> int:
        """Return how many images one map sends through the network, as `count` counts them."""
        s = self.settings
        side = [max(1, n - s.window + 1) for n in grid]
        return {
            "smoothgrad": s.n_samples,
            "gradient-shap": s.n_samples,
            "integrated-gradients": s.n_steps,
            "occlusion": side[0] * side[1] + 1,
            "feature-ablation": grid[0] * grid[1] + 1,
            "deeplift": 2,
        }.get(method, 1)

    def shap_baselines(self) -> Tensor:
        """Return the input values of gradient SHAP's grey images, (n_samples, c)."""
        grey = torch.rand(self.settings.n_samples, 1, generator=self._generator("levels"))
        mean = torch.tensor(self.preprocessing.mean)
        values: Tensor = (grey - mean) / torch.tensor(self.preprocessing.std)
        return values

    def grid(self, x: Tensor) -> tuple[int, int]:
        """Return rows and columns of patches."""
        p = self.config.patch_size
        return x.shape[-2] // p, x.shape[-1] // p

    def cropped(self, x: Tensor) -> Tensor:
        """Cut off the pixels that no patch covers, in the faster memory layout."""
        p, like = self.config.patch_size, self.network.patch_filters
        high, across = x.shape[-2] // p * p, x.shape[-1] // p * p
        return x[..., :high, :across].to(like).contiguous(memory_format=torch.channels_last)

    def logits(self, x: Tensor) -> Tensor:
        """Map images to logits, counted."""
        out: Tensor = self.network(x)
        self.count(len(x))
        return out

    def batch(self, grid: tuple[int, ...], *, gradient: bool) -> int:
        """Return how many images one pass may hold."""
        if self.batch_size is not None:
            return self.batch_size
        maps = 7 * self.config.depth + 4 if gradient else 6
        like = self.network.patch_filters
        each = maps * self.config.dim * grid[0] * grid[1] * like.itemsize
        most = 16 if like.device.type == "cpu" else 128
        return max(1, min(most, (self.memory << 20) // each))

    def mixed(self, masks: NDArray[np.bool_], there: Tensor, elsewhere: Tensor) -> Tensor:
        """Map mixtures of two images to logits: patches of one where a mask says so.

        Shapes: ``masks`` (n, gh, gw); ``there, elsewhere`` (1, c, h, w); returns (n, n_classes).
        """
        p, found = self.config.patch_size, []
        with torch.no_grad():
            size = self.batch(masks.shape[1:], gradient=False)
            for part in torch.split(torch.from_numpy(masks), size):
                mask = part.repeat_interleave(p, 1).repeat_interleave(p, 2)[:, None]
                found.append(self.logits(torch.where(mask.to(there.device), there, elsewhere)))
        return wide(torch.cat(found)).cpu()

    def _generator(self, purpose: str) -> torch.Generator:
        offset = ("noise", "levels", "path").index(purpose)
        return torch.Generator().manual_seed(3 * self.settings.seed + offset)

    def _score(self, explained: Explained) -> Callable[[Tensor], Tensor]:
        return lambda x: explained.score(self.logits(x))

    def _gradients(self, points: Tensor, explained: Explained) -> Tensor:
        """Return the gradient at each point, (n, c, h, w)."""
        from captum.attr import Saliency

        method = Saliency(self._score(explained))
        parts = torch.split(points, self.batch(self.grid(points), gradient=True))
        return torch.cat([method.attribute(p.requires_grad_(), abs=False) for p in parts])

    def _saliency(self, x: Tensor, explained: Explained) -> Tensor:
        return self._gradients(x, explained)

    def _smoothgrad(self, x: Tensor, explained: Explained) -> Tensor:
        generator = self._generator("noise")
        shape = (self.settings.n_samples, *x.shape[1:])
        noise = torch.stack([torch.randn(shape[1:], generator=generator) for _ in range(shape[0])])
        spread = self.settings.noise * float(x.max() - x.min())
        return wide(self._gradients(x + spread * noise.to(x), explained)).mean(0, keepdim=True)

    def _input_x_gradient(self, x: Tensor, explained: Explained) -> Tensor:
        return x * self._gradients(x.clone(), explained)

    def _integrated_gradients(self, x: Tensor, explained: Explained) -> Tensor:
        from captum.attr import IntegratedGradients

        found: Tensor = IntegratedGradients(self._score(explained)).attribute(
            x,
            n_steps=self.settings.n_steps,
            internal_batch_size=self.batch(self.grid(x), gradient=True),
        )
        return found

    def _gradient_shap(self, x: Tensor, explained: Explained) -> Tensor:
        n = self.settings.n_samples
        grey = self.shap_baselines().to(x)[:, :, None, None]
        # One draw in each n-th of the path: as unbiased as plain draws, and less noisy.
        place = (torch.arange(n) + torch.rand(n, generator=self._generator("path"))) / n
        points = grey + place.to(x)[:, None, None, None] * (x - grey)
        return wide(self._gradients(points, explained) * (x - grey)).mean(0, keepdim=True)

    def _deeplift(self, x: Tensor, explained: Explained) -> Tensor:
        from captum.attr import DeepLift

        scored = Scored(self.network, explained, apart=True)
        with _quiet():
            found: Tensor = DeepLift(scored).attribute(
                x.requires_grad_(), baselines=torch.zeros_like(x)
            )
        return found

    def _guided_backprop(self, x: Tensor, explained: Explained) -> Tensor:
        from captum.attr import GuidedBackprop

        scored = Scored(self.network, explained, apart=True)
        with _quiet():
            found: Tensor = GuidedBackprop(scored).attribute(x.requires_grad_())
        return found

    def _occlusion(self, x: Tensor, explained: Explained) -> Tensor:
        from captum.attr import Occlusion

        p, grid = self.config.patch_size, self.grid(x)
        window = [p * min(self.settings.window, side) for side in grid]
        found: Tensor = Occlusion(self._score(explained)).attribute(
            x,
            sliding_window_shapes=(x.shape[1], *window),
            strides=(x.shape[1], p, p),
            baselines=0,
            perturbations_per_eval=self.batch(grid, gradient=False),
        )
        return found[0, 0, ::p, ::p]

    def _feature_ablation(self, x: Tensor, explained: Explained) -> Tensor:
        from captum.attr import FeatureAblation

        p, grid = self.config.patch_size, self.grid(x)
        patch = torch.arange(grid[0] * grid[1], device=x.device).view(1, 1, *grid)
        found: Tensor = FeatureAblation(self._score(explained)).attribute(
            x,
            feature_mask=patch.repeat_interleave(p, 2).repeat_interleave(p, 3).expand_as(x),
            baselines=0,
            perturbations_per_eval=self.batch(grid, gradient=False),
        )
        return found[0, 0, ::p, ::p]

    def _grad_cam(self, x: Tensor, explained: Explained) -> Tensor:
        from captum.attr import LayerGradCam

        scored = Scored(self.network, explained, tap=self.settings.block)
        found: Tensor = LayerGradCam(scored, scored.tap).attribute(x.requires_grad_())
        return found[0, 0]
