"""A network in memory beside the one read off it: the same layers, the same numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from viz.core.network import ACTIVATIONS
from viz.network.convmixer import ConvMixer, activation_layer
from viz.network.guards import CheckpointError
from viz.network.recognise import Fit

_TOLERANCE = {torch.float64: 1e-4, torch.float32: 1e-3, torch.float16: 0.05, torch.bfloat16: 0.2}
"""Of the largest difference, in standard deviations of what is compared."""


class Seen(NamedTuple):
    """What the layers of a network in memory say."""

    activations: tuple[str, ...]  # none, one, or several
    eps: Mapping[str, float]  # of each batch norm, by this project's name


def _name_of(layer: nn.Module) -> str:
    """Return this project's name of an activation layer, ``""`` for any other layer."""
    for name in ACTIVATIONS:
        like = activation_layer(name)
        if type(like) is not type(layer):
            continue
        mine, theirs = (str(each).replace("inplace=True", "") for each in (like, layer))
        if mine == theirs or mine.split("(")[0] not in ("GELU", "LeakyReLU", "ELU", "CELU"):
            return name
        number = getattr(layer, "negative_slope", getattr(layer, "alpha", None))
        if number is not None and number >= 0:
            return f"{name}({number:g})"
    return ""


def look_at_module(module: nn.Module, fit: Fit) -> Seen:
    """Read off a network's layers what its state dict does not hold; nothing is changed."""
    if isinstance(module, ConvMixer):
        names = [module.config.activation]
    else:
        names = [_name_of(layer) for layer in module.modules()]
    kinds = [name for name in dict.fromkeys(names) if name]
    # An identity may stand for a dropout that was taken out.
    kinds = kinds if kinds == ["identity"] else [k for k in kinds if k != "identity"]
    eps = {n: float(getattr(layer, "eps", 1e-5)) for n, layer in _norms(module, fit).items()}
    return Seen(tuple(kinds), eps)


def _norms(module: nn.Module, fit: Fit) -> dict[str, nn.Module]:
    """Return the layer of each batch norm, by this project's name, where it is a layer."""
    layers = dict(module.named_modules())
    keys = {n.rpartition(".")[0]: k.rpartition(".")[0] for n, k in fit.keys.items()
            if n.endswith("norm.running_mean")}  # fmt: skip
    return {name: layers[path] for name, path in keys.items() if path in layers}


@contextmanager
def _listening(layers: Mapping[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """Note what each layer returns first, in the order in which they are run."""
    heard: dict[str, Tensor] = {}

    def note(name: str) -> Any:
        def hook(layer: nn.Module, args: Any, out: Any) -> None:
            if isinstance(out, Tensor):
                heard.setdefault(name, out.detach().float().cpu())

        return hook

    with ExitStack() as stack:
        for name, layer in layers.items():
            stack.callback(layer.register_forward_hook(note(name)).remove)
        yield heard


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Put a network in evaluation mode for a while, each part as it was afterwards."""
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True


def _answer(value: Any, n_classes: int) -> Tensor | None:
    """Return the logits among what a network returns."""
    if isinstance(value, Tensor):
        return value.detach().float().cpu() if value.shape[-1:] == (n_classes,) else None
    parts = value.values() if isinstance(value, Mapping) else value
    if not isinstance(value, (Mapping, tuple, list)):
        return None
    found = (_answer(part, n_classes) for part in parts)
    return next((each for each in found if each is not None), None)


def compare(ours: ConvMixer, theirs: nn.Module, fit: Fit, label: str) -> str:
    """Run one random input through a network in memory and through what was read off it."""
    first = next(t for t in theirs.state_dict().values() if t.is_floating_point())
    config = ours.config
    generator = torch.Generator().manual_seed(0)
    problem, heard, out = "", {}, None
    last = f"blocks.{config.depth - 1}.pointwise_norm"
    near = {name: layer for name, layer in _norms(theirs, fit).items() if name == last}
    for side in (config.patch_size * max(8, config.kernel_size), 224, 32):
        x = torch.randn(2, config.in_channels, side, side, generator=generator)
        try:
            with torch.no_grad(), _evaluating(theirs), _listening(near) as heard:
                out = theirs(x.to(first.device, first.dtype))
            break
        except Exception as error:  # Whatever a stranger's network raises.
            lines = str(error).strip().splitlines() or [""]
            problem = problem or f"{type(error).__name__}: {lines[0][:120]}"
    else:
        return f"it could not be run on a random input ({problem})"
    if last not in heard and not config.n_classes:
        return "its last batch norm could not be compared"
    with torch.no_grad(), _listening({last: ours.get_submodule(last)}) as expected:
        x = x.to(first.dtype).to(ours.patch_filters.device, ours.patch_filters.dtype)
        if config.n_classes:
            expected["logits"] = ours(x).float().cpu()
        else:
            for block in [ours.embed, *ours.blocks]:
                x = block(x)
    answer = _answer(out, config.n_classes) if config.n_classes else None
    if answer is not None:
        same = answer.numel() == expected["logits"].numel()
        heard["logits"] = answer.reshape(expected["logits"].shape) if same else answer
    elif isinstance(out, Tensor) and config.n_classes:
        heard["logits"] = out.detach().float().cpu()
    tolerance = max(_TOLERANCE.get(first.dtype, 1e-3), _TOLERANCE.get(ours.patch_filters.dtype, 0))
    for name in (each for each in expected if each in heard):
        value, what = expected[name], "its logits" if name == "logits" else "its last batch norm"
        if heard[name].shape != value.shape:
            raise CheckpointError(
                f"{label}: computes something else than a ConvMixer: on one random input {what} "
                f"has the shape {tuple(heard[name].shape)}, expected {tuple(value.shape)}."
            )
        apart = _distance(heard[name], value)
        if apart > tolerance:
            raise CheckpointError(
                f"{label}: computes something else than a ConvMixer with these weights: on one "
                f"random input {what} differs by {apart:.2g} standard deviations; expected a "
                "residual around depthwise convolution, activation and batch norm, the average "
                "over positions and a linear head."
            )
    missing = "logits" in expected and "logits" not in heard
    return "its logits could not be compared" if missing else ""


def _distance(a: Tensor, b: Tensor) -> float:
    """Return the largest difference in standard deviations; not-a-number equals itself."""
    same = (a == b) | (a.isnan() & b.isnan())
    apart = (a - b).abs().masked_fill(same, 0).nan_to_num(nan=float("inf")).max()
    finite = b[b.isfinite()]
    scale = finite.std().clamp(min=1e-6) if finite.numel() > 1 else torch.tensor(1.0)
    return float(apart / scale)
