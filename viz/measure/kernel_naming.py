"""The name of a kernel: that of its strongest atom, where it is better than chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from viz.measure import kernel_null
from viz.measure.atom_fit import RIDGE
from viz.measure.atom_selection import Chosen, Sums, coefficients
from viz.measure.atoms import evaluate, tap_grid
from viz.measure.kernel_labels import TAP_SHARE, Names, name_atoms

__all__ = ["SHUFFLED", "SURROUND_T", "NamedKernels", "name_kernels", "unit_rows"]

Taps = NDArray[np.float64]
Bools = NDArray[np.bool_]
SURROUND_T: Final = 3.0
"""Standard errors that a constant must stand off 0 to count as a bump's surround."""
SHUFFLED: Final = -1
"""Block of kernels whose taps are shuffled."""
_UP = ["identity", "shift", "blob+", "on-centre"]
_DOWN = ["identity", "shift", "blob-", "off-centre"]


def unit_rows(raw: Taps) -> tuple[Taps, Bools, NDArray[np.float64], NDArray[np.float64]]:
    """Return rows without their mean and of unit energy, which have any, and mean and norm.

    Parameters
    ----------
    raw : ndarray, (n, t)
        Kernels.

    Returns
    -------
    tuple of ndarray
        Rows (n, t), 0 where all taps are equal; where they are not, the means and the norms, (n,).
    """
    largest = np.abs(raw).max(1, initial=0.0)
    scaled = raw / np.where(largest > 0, largest, 1)[:, None]
    mean = scaled.mean(1)
    centred = scaled - mean[:, None]
    norm = np.linalg.norm(centred, axis=1)
    alive = norm > 1e-6
    unit = centred / np.where(alive, norm, 1)[:, None] * alive[:, None]
    return unit, alive, mean * largest, np.where(alive, norm * largest, 0.0)


@dataclass
class NamedKernels:
    """What `name_kernels` finds.

    Parameters
    ----------
    chosen : Chosen
        The atoms kept.
    atoms : Names
        What each is.
    label : ndarray of str, (n,)
        Of the kernels.
    earned : ndarray of bool, (n,)
        Whether the label is better than chance.
    level, norm : ndarray, (n,)
        Mean that was taken off each kernel, and norm by which it was divided.
    """

    chosen: Chosen
    atoms: Names
    label: NDArray[np.str_]
    earned: Bools
    level: NDArray[np.float64]
    norm: NDArray[np.float64]


def _surround(chosen: Chosen, level: Tensor, k: int) -> Tensor:
    """Return the constant of each kernel where it is one beyond doubt, else 0.

    It counts as the strongest atom's surround only if setting it to 0 and refitting the amplitudes
    costs more than t = 3 standard errors; ``level`` is the mean that was taken off the rows.
    """
    n, most = chosen.family.shape
    x, y = tap_grid(k)
    used = chosen.family >= 0
    family = chosen.family.clamp_min(0).reshape(-1)
    atoms = evaluate(family, chosen.shape.reshape(n * most, -1), x, y)
    atoms = atoms.reshape(n, most, -1) * used[:, :, None]
    columns = torch.cat([torch.ones(n, 1, k * k), atoms], 1).double()
    gram = columns @ columns.transpose(1, 2)
    gram += torch.diag_embed(torch.cat([torch.zeros(n, 1), (~used).double()], 1))
    gram += RIDGE * torch.diag_embed(gram.diagonal(dim1=1, dim2=2))
    constant = (chosen.constant + level).double()
    free = (k * k - coefficients(chosen.family.clamp_min(0), used)).clamp_min(1)
    variance = chosen.sse.double() / free * torch.linalg.inv(gram)[:, 0, 0]
    return torch.where(constant.square() > SURROUND_T**2 * variance, constant, 0.0).float()


def _placed(
    chosen: Chosen, label: NDArray[np.str_], raw: Taps, group: NDArray[np.int64], k: int
) -> tuple[Bools, NDArray[np.int64]]:
    """Return which kernels' peaks are well placed and told by ``label``, and every peak's index.

    One tap on a flat rest is told by any label. On a rest that is not flat only the place of the
    peak is established: the strongest atom must be a bump of its sign that makes more than half of
    its height.
    """
    single, high, peak = kernel_null.peaks(raw)
    placed = kernel_null.well_placed(single, peak, group, k)
    level = kernel_null.PLACE_LEVEL / 5
    rows = np.flatnonzero(kernel_null.well_placed(high, peak, group, k, level))
    tap = raw[rows, peak[rows]]
    height = (tap - np.median(raw[rows], axis=1)) / unit_rows(raw[rows])[3]
    where = torch.from_numpy(rows)
    atom = evaluate(chosen.family[where, 0], chosen.shape[where, 0], *tap_grid(k))
    there = (atom * chosen.amplitude[where, :1]).double().numpy()[np.arange(len(rows)), peak[rows]]
    same = there * np.sign(height) > 0.5 * np.abs(height)
    bump = np.where(height > 0, np.isin(label[rows], _UP), np.isin(label[rows], _DOWN))
    placed[rows] |= same & bump
    return placed, peak


def name_kernels(
    sums: Sums, raw: Taps, group: NDArray[np.int64], beats: Bools, k: int
) -> NamedKernels:
    """Name the atoms kept, strongest first, and the kernels; of shuffled ones nothing.

    Parameters
    ----------
    sums : Sums
        Fits of the kernels' unit rows.
    raw : ndarray, (n, k^2)
        Their taps as they are.
    group : ndarray of int64, (n,)
        Block of each; `SHUFFLED` is not named.
    beats : ndarray of bool, (n,)
        Whether each fits better than shuffled ones.
    k : int
        Side of the kernels.

    Returns
    -------
    NamedKernels
        One row per kernel.
    """
    n, most = sums.strength.shape
    chosen = sums.chosen()
    _, alive, level, norm = unit_rows(raw)
    used = chosen.family >= 0
    constant = torch.zeros(n, most)
    constant[:, 0] = _surround(
        chosen, torch.from_numpy(level / np.where(norm > 0, norm, 1)).float(), k
    )
    told = used & torch.from_numpy(group != SHUFFLED)[:, None]
    flat = told.reshape(-1)
    names = name_atoms(
        chosen.family.reshape(-1)[flat],
        chosen.shape.reshape(n * most, -1)[flat],
        chosen.amplitude.reshape(-1)[flat],
        constant.reshape(-1)[flat],
        k=k,
    )
    atoms = names.spread(told.numpy())
    placed, peak = _placed(chosen, atoms.label[:, 0], raw, group, k)
    earned = alive & (beats | placed)
    label = np.where(earned, atoms.label[:, 0], "unclassified")
    energy = raw**2
    tap = energy[np.arange(n), peak] >= TAP_SHARE * energy.sum(1)
    tap &= placed & ~np.isin(label, ["on-centre", "off-centre"])
    label = np.where(tap, np.where(peak == (k - 1) // 2 * (k + 1), "identity", "shift"), label)
    return NamedKernels(chosen, atoms, label, earned, level, norm)
