"""Which activation a network was trained with, when its weights do not say.

Batch norm stands after the activation, so its running means are means of activations. None can
lie below the activation's own minimum: 0 for ReLU, -0.170 for GELU, -0.278 for SiLU.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

_MINIMA = {
    "relu": 0.0, "gelu": -0.169971, "silu": -0.278465, "gelu_tanh": -0.170041, "mish": -0.308844,
    "hardswish": -0.375, "relu6": 0.0, "softplus": 0.0, "sigmoid": 0.0, "hardsigmoid": 0.0,
    "elu": -1.0, "celu": -1.0, "selu": -1.758099, "tanh": -1.0, "hardtanh": -1.0, "softsign": -1.0,
}  # fmt: skip
_ELSE = "if it is another, say which with --activation (in Python activation=)"
_MARGIN = 1e-3
"""How far below a minimum counts as clearly below: more than bfloat16 rounding."""
ENOUGH_CHANNELS = 1200
"""Trained channels without a negative mean from which on they speak for ReLU.

Of four trained GELU networks the one with the fewest had 0.4 % of its channels with a negative
mean; at that rate 1,200 channels without one have a chance of 0.8 %. Networks in their first
epochs have fewer still, so this remains a guess, and the user is told.
"""


@dataclass(frozen=True)
class Evidence:
    """What batch-norm statistics say about the activation."""

    n_trained: int  # channels whose statistics are no longer 0 and 1
    n_negative: int  # those with a clearly negative mean
    lowest: float  # mean; 0 if there are none

    def excludes(self, activation: str) -> bool:
        """Return whether an activation cannot have produced these means."""
        return self.lowest < _MINIMA.get(activation, -math.inf) - _MARGIN


@dataclass(frozen=True)
class Choice:
    """An activation, and how it is known, in words for the user."""

    activation: str
    source: str
    warnings: tuple[str, ...] = ()


def evidence(norms: Mapping[str, Tensor]) -> Evidence:
    """Summarise the running statistics of a network's batch norms."""
    names = [name for name in norms if name.endswith("running_mean")]
    mean = torch.cat([norms[n].flatten().cpu().double() for n in names])
    var = torch.cat([norms[n.replace("_mean", "_var")].flatten().cpu().double() for n in names])
    trained = mean[mean.isfinite() & var.isfinite() & ~((mean == 0) & (var == 1))]
    return Evidence(
        trained.numel(),
        int((trained < -_MARGIN).sum()),
        float(trained.min()) if trained.numel() else 0.0,
    )


def contradiction(activation: str, found: Evidence) -> tuple[str, ...]:
    """Say why the statistics exclude an activation; nothing where they do not."""
    if not found.excludes(activation):
        return ()
    return (
        f"the activation {activation} is at odds with the batch-norm statistics: one channel's "
        f"mean is {found.lowest:.3f}, below the lowest value of {activation}",
    )


def _from_statistics(found: Evidence) -> Choice:
    low, share = found.lowest, f"{found.n_negative:,} of {found.n_trained:,}"
    if found.excludes("gelu"):
        lower, taken = (", GELU and SiLU", "identity") if found.excludes("silu") else (
            " and GELU", "silu")  # fmt: skip
        reason = f"a running mean of {low:.3f} is below the lowest value of ReLU{lower}"
        return Choice(taken, f"guessed from batch-norm statistics: {reason}", (
            f"activation guessed: {reason}; taken as {taken.replace('silu', 'SiLU')}; {_ELSE}",
        ))  # fmt: skip
    if found.excludes("relu"):
        return Choice(
            "gelu", f"batch-norm statistics: {share} running means are negative, so not ReLU"
        )
    if found.n_trained >= ENOUGH_CHANNELS and not found.n_negative:
        reason = f"none of {found.n_trained:,} batch-norm channels has a negative mean"
        return Choice("relu", f"batch-norm statistics: {reason}", (
            f"activation guessed: {reason}, which speaks for ReLU (a GELU network in its first "
            f"epochs can look the same); {_ELSE}",
        ))  # fmt: skip
    if not found.n_trained:
        reason = "the batch-norm statistics are still at their initial values"
    else:
        reason = (
            f"no mean of its {found.n_trained:,} batch-norm channels is negative, but only from "
            f"{ENOUGH_CHANNELS:,} on would that speak for ReLU"
        )
    return Choice("gelu", f"assumed: {reason}", (
        f"activation assumed to be GELU: {reason}; {_ELSE}",
    ))  # fmt: skip


def choose_activation(
    found: Evidence,
    *,
    argument: str | None = None,
    declared: tuple[str, str] | None = None,
    claimed: tuple[str, str] | None = None,
) -> Choice:
    """Decide the activation from what is known, most reliable first."""
    if argument is not None:
        return Choice(argument, "the argument", contradiction(argument, found))
    if declared is not None:
        return Choice(declared[0], declared[1], contradiction(declared[0], found))
    if claimed is not None:
        against = contradiction(claimed[0], found)
        if not against:
            return Choice(*claimed)
        choice = _from_statistics(found)
        refused = f"{claimed[1]} implies {claimed[0]}, which is not followed: {against[0]}"
        return Choice(choice.activation, choice.source, (refused, *choice.warnings))
    return _from_statistics(found)
