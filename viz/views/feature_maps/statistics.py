"""How sparse maps are, and how many directions they use: numbers per image."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def off_share(before: Tensor) -> Tensor:
    """Return the share of the units that an activation switches off, (n,), of (n, ...)."""
    return (before <= 0).flatten(1).double().mean(1)


def effective_rank(maps: Tensor) -> Tensor:
    """Return how many directions maps use about each channel's mean, (n,), of (n, channels, ...).

    The effective rank of channels x positions: the exponential of the entropy of the singular
    values over their sum.
    """
    flat = maps.flatten(2).double()
    flat = flat - flat.mean(2, keepdim=True)
    channels, positions = flat.shape[1:]
    gram = flat @ flat.mT if channels <= positions else flat.mT @ flat
    finite = torch.isfinite(gram).all(2).all(1)
    squares = torch.linalg.eigvalsh(torch.where(finite[:, None, None], gram, 0.0)).clamp(min=0)
    # Below this an eigenvalue of the Gram matrix is rounding.
    largest = squares[:, -1:]
    squares = torch.where(squares > largest * squares.shape[1] * 2.3e-16, squares, 0.0)
    values = squares.sqrt()
    share = values / values.sum(1, keepdim=True).clamp(min=1e-300)
    rank = torch.special.entr(share).sum(1).exp()
    rank = torch.where(largest[:, 0] > 0, rank, 0.0)
    return torch.where(finite, rank, math.nan)


def shuffled(maps: Tensor, seed: int) -> Tensor:
    """Shuffle the positions of every channel on their own: same values, no structure."""
    flat = maps.flatten(2)
    generator = torch.Generator().manual_seed(seed)
    order = torch.rand(flat.shape[1:], generator=generator).argsort(1).to(flat.device)
    return flat.gather(2, order.expand(len(flat), -1, -1))
