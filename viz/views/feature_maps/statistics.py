"""How sparse maps are, and how many directions they use: numbers per image."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["effective_rank", "hoyer", "negative_mass", "off_share", "shuffled"]


def off_share(before: Tensor) -> Tensor:
    """Return the share of the units that an activation switches off.

    Parameters
    ----------
    before : torch.Tensor, (n, ...)
        What goes into the activation.

    Returns
    -------
    torch.Tensor of float64, (n,)
        Share that is at most 0. After ReLU these are the zeros; GELU and SiLU leave of each a
        remainder of at most 0.17 and 0.28, so `negative_mass` stands beside it.
    """
    return (before <= 0).flatten(1).double().mean(1)


def negative_mass(after: Tensor) -> Tensor:
    """Return the share of the absolute mass that is below zero.

    Parameters
    ----------
    after : torch.Tensor, (n, ...)
        What comes out of the activation.

    Returns
    -------
    torch.Tensor of float64, (n,)
        sum of ``|a|`` where a < 0, over sum of ``|a|``; 0 after ReLU, nan where all are 0.
    """
    flat = after.flatten(1).double()
    return (-flat).clamp(min=0).sum(1) / flat.abs().sum(1)


def hoyer(after: Tensor) -> Tensor:
    """Return Hoyer's sparsity, which does not change with scale.

    Parameters
    ----------
    after : torch.Tensor, (n, ...)
        What comes out of the activation.

    Returns
    -------
    torch.Tensor of float64, (n,)
        (sqrt N - l1/l2) / (sqrt N - 1) over the N values: 0 where all are alike in size, 1 where
        only one is not 0; nan where all are 0. Hoyer, JMLR 2004.
    """
    flat = after.flatten(1).double()
    root = math.sqrt(flat.shape[1])
    if root == 1:
        return torch.full((len(flat),), math.nan, dtype=torch.float64, device=flat.device)
    found: Tensor = (root - flat.abs().sum(1) / flat.norm(dim=1)) / (root - 1)
    return found


def effective_rank(maps: Tensor, *, centred: bool = False) -> Tensor:
    """Return how many directions the maps use, as the effective rank of channels x positions.

    Parameters
    ----------
    maps : torch.Tensor, (n, channels, ...)
        One matrix per image: channels by positions.
    centred : bool
        Remove every channel's mean over positions first: what remains does not change when a
        constant is added to a channel, as the shift of a batch norm does.

    Returns
    -------
    torch.Tensor of float64, (n,)
        exp(-sum p log p), p the singular values over their sum: 1 for one direction, the smaller
        side of the matrix where all are equally strong; 0 where all values are 0, nan where one
        is not finite. Roy and Vetterli, EUSIPCO 2007.
    """
    flat = maps.flatten(2).double()
    if centred:
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
    """Shuffle the positions of every channel on their own: same values, no structure.

    Parameters
    ----------
    maps : torch.Tensor, (n, channels, ...)
        Maps.
    seed : int
        Of the shuffle; each image of a batch is shuffled alike.

    Returns
    -------
    torch.Tensor, (n, channels, positions)
        On the same device.
    """
    flat = maps.flatten(2)
    generator = torch.Generator().manual_seed(seed)
    order = torch.rand(flat.shape[1:], generator=generator).argsort(1).to(flat.device)
    return flat.gather(2, order.expand(len(flat), -1, -1))
