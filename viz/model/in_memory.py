"""What a network in memory shows beyond its state dict: activation, epsilon, padding."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import nn

from viz.model.convmixer import ConvMixer
from viz.model.guards import CheckpointError
from viz.model.layouts import Fit

__all__ = ["Seen", "look_at_module"]

_KNOWN = ((nn.GELU, "gelu"), (nn.ReLU, "relu"), (nn.SiLU, "silu"), (nn.Identity, "identity"))


@dataclass
class Seen:
    """What the layers of a network in memory say.

    Parameters
    ----------
    activation : str
        Its activation, or ``""`` where no layer stands for it.
    eps : dict of str to float
        Epsilon of each batch norm, by this project's name.
    warnings : list of str
        What the user should know.
    """

    activation: str = ""
    eps: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def _find(module: nn.Module, path: str) -> nn.Module | None:
    try:
        return module.get_submodule(path)
    except AttributeError:
        return None


def _activation_of(layer: nn.Module, where: str, label: str) -> str:
    for kind, name in _KNOWN:
        if type(layer) is kind:
            return name
    names = ", ".join(kind.__name__ for kind, _ in _KNOWN)
    raise CheckpointError(
        f"{label}: {where} is a {type(layer).__name__}; expected one of {names}, or pass "
        "activation= to take it as one of those."
    )


def _check_conv(layer: nn.Module, name: str, label: str, fit: Fit) -> None:
    if not isinstance(layer, nn.Conv2d):
        return
    kernel = layer.kernel_size
    if name == "patch_embedding":
        wanted, fits = "stride equal to its size and no padding", layer.stride == kernel
        fits = fits and layer.padding in ((0, 0), "valid")
    elif name.endswith("depthwise"):
        wanted = "stride 1 and zeros padded to the same size"
        half = tuple(k // 2 for k in kernel)
        fits = layer.stride == (1, 1) and layer.padding_mode == "zeros"
        fits = fits and layer.padding in ("same", half)
    else:
        wanted, fits = "stride 1 and no padding", layer.stride == (1, 1)
        fits = fits and layer.padding in ((0, 0), "same", "valid")
    if not fits or layer.dilation != (1, 1):
        where = fit.keys[f"{name}.weight"].removesuffix(".weight")
        raise CheckpointError(f"{label}: not a ConvMixer: {where} is {layer}; expected {wanted}.")


def look_at_module(module: nn.Module, fit: Fit, label: str, argument: str | None) -> Seen:
    """Read off a network's layers what its state dict does not hold; nothing is changed.

    Parameters
    ----------
    module : torch.nn.Module
        The network.
    fit : Fit
        How its keys read.
    label : str
        Its name in messages.
    argument : str, optional
        The activation the user gave; then the layers' own is not looked at.

    Returns
    -------
    Seen
        Activation and epsilons.

    Raises
    ------
    CheckpointError
        If a layer does not compute what a ConvMixer's does.
    """
    seen, kinds = Seen(), {}
    for name, key in fit.keys.items():
        ours, leaf = name.rpartition(".")[::2]
        path = key.rpartition(".")[0]
        layer = _find(module, path)
        if leaf == "running_mean" and layer is not None:
            seen.eps[ours] = float(getattr(layer, "eps", 1e-5))
        if leaf != "weight" or layer is None or ours.endswith("norm") or ours == "head":
            continue
        _check_conv(layer, ours, label, fit)
        parent, _, number = path.rpartition(".")
        if argument is None and number.isdigit():
            after = f"{parent}.{int(number) + 1}".lstrip(".")
            activation = _find(module, after)
            if activation is not None:
                kinds[_activation_of(activation, after, label)] = activation
    if isinstance(module, ConvMixer):
        seen.activation = module.config.activation
    elif len(kinds) > 1:
        raise CheckpointError(
            f"{label}: its blocks have different activations ({', '.join(sorted(kinds))}); "
            "expected one throughout."
        )
    for name, layer in kinds.items():
        seen.activation = name
        if isinstance(layer, nn.GELU) and layer.approximate != "none":
            seen.warnings.append(
                "its GELU is the tanh approximation; computed here exactly, logits differ slightly"
            )
    return seen
