"""The attribution methods, through Captum, and which of them a network is refused.

Captum is imported inside functions only: importing ``captum.attr`` loads pyplot.
"""

from __future__ import annotations

import difflib
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from viz.core.network import Preprocessing
from viz.core.refusal import Refusal
from viz.core.wide import wide
from viz.network.convmixer import ConvMixer
from viz.views.attribution.maps_result import METHODS, PIXEL_METHODS, UNITS
from viz.views.attribution.network import MEMORY, Explained, Scored, Split

DEFAULT_METHODS = tuple(m for m in METHODS if m not in ("deeplift", "guided-backprop"))
"""Methods that suit every ConvMixer."""
_WARNING = threading.Lock()


class AttributionError(Refusal):
    """An attribution that cannot be made, or would be wrong; one sentence for the user."""


@dataclass(frozen=True)
class Settings:
    """What decides the methods' values besides network, image and class.

    Parameters
    ----------
    n_steps : int
        Points on the path of integrated gradients (Gauss-Legendre).
    n_samples : int
        Noisy images of SmoothGrad; baselines of gradient SHAP.
    noise : float
        Standard deviation of SmoothGrad's noise, as a share of the image's range.
    window : int
        Side of the window of occlusion, in patches.
    block : int
        Block whose output Grad-CAM looks at, 0-based.
    seed : int
        Of noise and baselines.

    Raises
    ------
    AttributionError
        If a number makes no sense.
    """

    n_steps: int = 50
    n_samples: int = 25
    noise: float = 0.15
    window: int = 3
    block: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("n_steps", "n_samples", "window"):
            if getattr(self, name) < 1:
                raise AttributionError(f"{name} is at least 1, not {getattr(self, name)}.")
        if not self.noise >= 0:
            raise AttributionError(f"noise is a share of the image's range, not {self.noise}.")

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dictionary."""
        return asdict(self)


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
    if methods is None:
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
    if not names:
        raise AttributionError(f"no method was given; choose of {', '.join(METHODS)}.")
    return tuple(name for name in METHODS if name in names)


def to_patches(method: str, raw: NDArray[Any], patch_size: int) -> NDArray[np.float64]:
    """Return the value of each patch.

    Shapes: ``raw`` (c, h, w); returns (gh, gw).
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
    nor another thread changes them. (Captum's noise tunnel draws from the global ones.)

    Parameters
    ----------
    model : ConvMixer
        Stays as it is, also after an error.
    preprocessing : Preprocessing
        Of its input.
    settings : Settings
        Of the methods.
    memory : int
        MiB for the feature maps of one batch.
    batch_size : int or None
        Images per batch instead of what the memory allows.
    count : callable or None
        Called with the number of images after each pass.
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
        self.split = Split(model, memory=memory, batch_size=batch_size, count=count)
        self.preprocessing, self.settings = preprocessing, settings
        self._methods: dict[str, Callable[[Tensor, Explained], Tensor]] = {
            "saliency": self._saliency,
            "smoothgrad": self._smoothgrad,
            "input-x-gradient": self._input_x_gradient,
            "integrated-gradients": self._integrated_gradients,
            "gradient-shap": self._gradient_shap,
            "deeplift": self._deeplift,
            "guided-backprop": self._guided_backprop,
            "occlusion": self._occlusion,
            "feature-ablation": self._feature_ablation,
            "grad-cam": self._grad_cam,
        }

    def raw(self, method: str, x: Tensor, explained: Explained) -> NDArray[np.float32]:
        """Return what a method says about one image.

        Shapes: ``x`` (1, c, h, w).
        """
        with torch.enable_grad():
            found = self._methods[method](x.detach(), explained)
        values: NDArray[np.float32] = found.detach().float().cpu().numpy()
        return np.ascontiguousarray(values[0] if method in PIXEL_METHODS else values)

    def passes(self, method: str, grid: tuple[int, int]) -> int:
        """Return how many images one map sends through the network, as `count` counts them."""
        s = self.settings
        side = [max(1, n - s.window + 1) for n in grid]
        return {
            "smoothgrad": s.n_samples,
            "gradient-shap": s.n_samples,
            "integrated-gradients": s.n_steps,
            "occlusion": side[0] * side[1] + 1,
            "feature-ablation": grid[0] * grid[1] + 1,
            "deeplift": 0,
            "guided-backprop": 0,
            "grad-cam": 0,
        }.get(method, 1)

    def shap_baselines(self) -> Tensor:
        """Return the input values of gradient SHAP's grey images, (n_samples, c)."""
        level = self._generator("levels")
        grey = torch.rand(self.settings.n_samples, 1, generator=level)
        mean = torch.tensor(self.preprocessing.mean)
        values: Tensor = (grey - mean) / torch.tensor(self.preprocessing.std)
        return values

    def grid(self, x: Tensor) -> tuple[int, int]:
        """Return rows and columns of patches."""
        p = self.split.config.patch_size
        return x.shape[-2] // p, x.shape[-1] // p

    def _generator(self, purpose: str) -> torch.Generator:
        offset = ("noise", "levels", "path").index(purpose)
        return torch.Generator().manual_seed(3 * self.settings.seed + offset)

    def _gradients(self, x: Tensor, explained: Explained) -> Tensor:
        from captum.attr import Saliency

        found: Tensor = Saliency(lambda x: explained.score(self.split.logits(x))).attribute(
            x.requires_grad_(), abs=False
        )
        return found

    def _saliency(self, x: Tensor, explained: Explained) -> Tensor:
        return self._gradients(x.clone(), explained)

    def _input_x_gradient(self, x: Tensor, explained: Explained) -> Tensor:
        from captum.attr import InputXGradient

        method = InputXGradient(lambda x: explained.score(self.split.logits(x)))
        found: Tensor = method.attribute(x.clone().requires_grad_())
        return found

    def _smoothgrad(self, x: Tensor, explained: Explained) -> Tensor:
        generator, n = self._generator("noise"), self.settings.n_samples
        size = self.split.batch(self.grid(x), gradient=True)
        spread = self.settings.noise * float(x.max() - x.min())
        total = torch.zeros_like(wide(x))
        for start in range(0, n, size):
            noise = [
                torch.randn(x.shape[1:], generator=generator)
                for _ in range(start, min(n, start + size))
            ]
            noisy = x + spread * torch.stack(noise).to(x.device, x.dtype)
            total += wide(self._gradients(noisy, explained)).sum(0)
        return total / n

    def _gradient_shap(self, x: Tensor, explained: Explained) -> Tensor:
        n = self.settings.n_samples
        size = self.split.batch(self.grid(x), gradient=True)
        baselines = self.shap_baselines().to(x.device, x.dtype)[:, :, None, None]
        place = torch.rand(n, generator=self._generator("path"))
        # One draw in each n-th of the path: as unbiased as plain draws, and less noisy.
        alpha = ((torch.arange(n) + place) / n).to(x.device, x.dtype)[:, None, None, None]
        total = torch.zeros_like(wide(x))
        for start in range(0, n, size):
            b, a = baselines[start : start + size], alpha[start : start + size]
            gradients = self._gradients(b + a * (x - b), explained)
            total += wide(gradients * (x - b)).sum(0)
        return total / n

    def _integrated_gradients(self, x: Tensor, explained: Explained) -> Tensor:
        from captum.attr import IntegratedGradients

        with torch.no_grad():
            end, start = self.split.columns(x), self.split.columns(torch.zeros_like(x))
        method = IntegratedGradients(
            lambda columns: explained.score(self.split.rest(columns)), multiply_by_inputs=False
        )
        gradient: Tensor = method.attribute(
            end,
            baselines=start,
            n_steps=self.settings.n_steps,
            internal_batch_size=self.split.batch(self.grid(x), gradient=True),
        )
        with torch.no_grad():
            return self.split.to_pixels(gradient) * x

    def _deeplift(self, x: Tensor, explained: Explained) -> Tensor:
        from captum.attr import DeepLift

        scored = Scored(self.split.network, explained, apart=True)
        with _quiet():
            found: Tensor = DeepLift(scored).attribute(
                x.clone().requires_grad_(), baselines=torch.zeros_like(x)
            )
        return found

    def _guided_backprop(self, x: Tensor, explained: Explained) -> Tensor:
        from captum.attr import GuidedBackprop

        scored = Scored(self.split.network, explained, apart=True)
        with _quiet():
            found: Tensor = GuidedBackprop(scored).attribute(x.clone().requires_grad_())
        return found

    def _present(self, x: Tensor, explained: Explained) -> Callable[[Tensor], Tensor]:
        """Return the score as a function of which patches are there, (n, 1, gh, gw)."""
        with torch.no_grad():
            there, gone = self.split.columns(x), self.split.columns(torch.zeros_like(x))

        def score(present: Tensor) -> Tensor:
            return explained.score(self.split.rest(torch.where(present > 0.5, there, gone)))

        return score

    def _occlusion(self, x: Tensor, explained: Explained) -> Tensor:
        from captum.attr import Occlusion

        grid = self.grid(x)
        window = tuple(min(self.settings.window, side) for side in grid)
        found: Tensor = Occlusion(self._present(x, explained)).attribute(
            torch.ones(1, 1, *grid, device=x.device),
            sliding_window_shapes=(1, *window),
            strides=(1, 1, 1),
            baselines=0,
            perturbations_per_eval=self.split.batch(grid, gradient=False),
        )
        return found[0, 0]

    def _feature_ablation(self, x: Tensor, explained: Explained) -> Tensor:
        from captum.attr import FeatureAblation

        grid = self.grid(x)
        found: Tensor = FeatureAblation(self._present(x, explained)).attribute(
            torch.ones(1, 1, *grid, device=x.device),
            feature_mask=torch.arange(grid[0] * grid[1], device=x.device).view(1, 1, *grid),
            baselines=0,
            perturbations_per_eval=self.split.batch(grid, gradient=False),
        )
        return found[0, 0]

    def _grad_cam(self, x: Tensor, explained: Explained) -> Tensor:
        from captum.attr import LayerGradCam

        scored = Scored(self.split.network, explained, tap=self.settings.block)
        found: Tensor = LayerGradCam(scored, scored.tap).attribute(x.clone().requires_grad_())
        return found[0, 0]
