"""What each depthwise kernel is: a label, the atoms it is the sum of, and numbers free of labels.

`DepthwiseDescription` is made by `viz.measure.depthwise`. With n kernels of k x k taps and at most
A atoms each, the fields most used are ``label`` (n,), ``block`` (n,), ``kernels`` and ``fitted``
(n, k, k), ``fitted_by_atoms`` (A, n, k, k), ``r2`` (n,), ``r2_by_atoms`` (n, A), ``atom_labels``
(n, A) and the descriptors, one number per kernel; ``init_labels`` holds the labels of kernels
drawn as a new network draws them. ``to_frame()`` is the table, ``summary()`` the numbers by block.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.results.base import Result, or_none
from viz.results.weights import DepthwiseKernels

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DESCRIPTORS", "LABELS", "PREDICATES", "DepthwiseDescription", "descriptor_words"]

LABELS = (
    "identity",
    "shift",
    "blob+",
    "blob-",
    "on-centre",
    "off-centre",
    "edge",
    "bar",
    "ring",
    "cross",
    "grating",
    "unclassified",
)
"""Every label, in the order in which figures and tables show them."""
DESCRIPTORS = (
    "dc_share",
    "odd_energy",
    "rms_radius",
    "anisotropy",
    "spectral_centroid",
    "radial_sign_changes",
    "separability",
)
"""Label-free numbers per kernel, computed on the raw taps."""
PREDICATES = (
    "positive_centre_negative_rest",
    "half_positive_half_negative",
    "positive_inside_negative_around",
)
"""Label-free yes or no per kernel, on the raw taps: what has been said about ConvMixers."""
_WORDS = {"dc_share": "DC share", "rms_radius": "RMS radius", "r2_one_atom": "R² of one atom"}


def descriptor_words(name: str) -> str:
    """Return a descriptor's name as it stands in a sentence.

    Parameters
    ----------
    name : str
        One of `DESCRIPTORS`, or another measure's.

    Returns
    -------
    str
        Such as ``"RMS radius"``.
    """
    return _WORDS.get(name, name.replace("_", " "))


@dataclass(frozen=True, eq=False, kw_only=True)
class DepthwiseDescription(Result):
    """One row per depthwise kernel: a constant plus one to A named atoms, and cheap descriptors.

    Lengths are in taps. Offsets are from the kernel's middle, ``x`` to the right and ``y`` up
    (rows grow downward, so y = -row). ``orientation`` is the angle of the stripe or boundary line,
    [0, 180) degrees counter-clockwise on the screen, 0 = horizontal; ``direction``, [0, 360),
    points to an edge's positive side. Atoms are ordered by strength, the strongest first;
    ``label`` is that of the strongest and is ``"unclassified"`` where the fit is no better than
    that of shuffled taps. R^2 is about the kernel's mean: a constant alone explains 0.

    Parameters
    ----------
    kernels : ndarray of float32, (n, k, k)
        What was described, as torch convolves it (cross-correlation, not flipped).
    block, channel : ndarray of int64, (n,)
        Where each kernel stands, 0-based.
    label : ndarray of str, (n,)
        One of `LABELS`.
    scale : ndarray, (n,)
        Of the strongest atom, in taps: sigma (blob, edge, bar), the centre's sigma (on-centre,
        off-centre), sigma across the arm (cross), radius of the first zero (ring), wavelength
        (grating). nan where the kernel is unclassified or a single tap.
    orientation, direction : ndarray, (n,)
        Degrees, of the strongest atom; nan where it has none.
    offset_x, offset_y : ndarray, (n,)
        Position of the strongest atom, taps from the middle; nan where unclassified.
    constant : ndarray, (n,)
        The description's constant, in the weights' unit.
    n_atoms : ndarray of int64, (n,)
        Atoms kept (the fewest by BIC), 1 to A; 0 for a kernel whose taps are all equal.
    atom_labels : ndarray of str, (n, A)
        Label of each atom kept, ``""`` where there is none. Read as if the atom stood alone, also
        where the kernel as a whole is unclassified.
    atom_amplitude : ndarray, (n, A)
        Signed largest value of each atom, in the weights' unit; nan where there is none.
    atom_strength : ndarray, (n, A)
        R^2 lost when the atom is removed and the others are rescaled.
    atom_scale, atom_orientation, atom_direction, atom_x, atom_y : ndarray, (n, A)
        As ``scale`` and so on, of each atom kept.
    fitted : ndarray of float32, (n, k, k)
        The description: constant plus the atoms kept, also of unclassified kernels.
    fitted_by_atoms : ndarray of float32, (A, n, k, k)
        Constant plus exactly 1, 2, ... A atoms, whether they are earned or not.
    r2 : ndarray, (n,)
        Of ``fitted``.
    r2_by_atoms : ndarray, (n, A)
        Of ``fitted_by_atoms``.
    coefficients : ndarray of int64, (n,)
        Numbers that the description of each kernel holds: the constant and every atom's amplitude
        and free shape parameters.
    coefficients_by_atoms : ndarray of int64, (n, A)
        The same of ``fitted_by_atoms``.
    null_statistic, null_threshold : ndarray, (n,)
        How far the fit stands above those of shuffled taps, and where the 0.5 % begins.
    earned : ndarray of bool, (n,)
        Fit better than that of shuffled taps, or a peak where more of the block's peaks are than
        chance puts there.
    dc_share, odd_energy, rms_radius, anisotropy, spectral_centroid, separability : ndarray, (n,)
        Descriptors of the raw taps (`viz.measure.kernel_descriptors`).
    radial_sign_changes : ndarray of int64, (n,)
        Sign changes of the mean over rings around the middle, going out.
    positive_centre_negative_rest, half_positive_half_negative : ndarray of bool, (n,)
        Label-free predicates of the raw taps.
    positive_inside_negative_around : ndarray of bool, (n,)
        Likewise.
    init_labels : ndarray of str, (m,)
        Labels of m kernels drawn as torch initialises them, described in the same way against the
        same thresholds.
    init_r2_by_atoms, shuffled_r2_by_atoms : ndarray, (m, A), (s, A)
        R^2 of those kernels, and of the kernels with shuffled taps that set the thresholds.
    atom_family, atom_shape, atom_factor : ndarray, (n, A), (n, A, 6), (n, A)
        What each atom kept is drawn from (`viz.measure.atoms`): its family, -1 where there is no
        atom, its numbers, and its factor in the weights' unit. Empty where they are not known.
    """

    kind: ClassVar[str] = "depthwise description"
    kernels: NDArray[np.float32]
    block: NDArray[np.int64]
    channel: NDArray[np.int64]
    label: NDArray[np.str_]
    scale: NDArray[np.float64]
    orientation: NDArray[np.float64]
    direction: NDArray[np.float64]
    offset_x: NDArray[np.float64]
    offset_y: NDArray[np.float64]
    constant: NDArray[np.float64]
    n_atoms: NDArray[np.int64]
    atom_labels: NDArray[np.str_]
    atom_amplitude: NDArray[np.float64]
    atom_strength: NDArray[np.float64]
    atom_scale: NDArray[np.float64]
    atom_orientation: NDArray[np.float64]
    atom_direction: NDArray[np.float64]
    atom_x: NDArray[np.float64]
    atom_y: NDArray[np.float64]
    fitted: NDArray[np.float32]
    fitted_by_atoms: NDArray[np.float32]
    r2: NDArray[np.float64]
    r2_by_atoms: NDArray[np.float64]
    coefficients: NDArray[np.int64]
    coefficients_by_atoms: NDArray[np.int64]
    null_statistic: NDArray[np.float64]
    null_threshold: NDArray[np.float64]
    earned: NDArray[np.bool_]
    dc_share: NDArray[np.float64]
    odd_energy: NDArray[np.float64]
    rms_radius: NDArray[np.float64]
    anisotropy: NDArray[np.float64]
    spectral_centroid: NDArray[np.float64]
    radial_sign_changes: NDArray[np.int64]
    separability: NDArray[np.float64]
    positive_centre_negative_rest: NDArray[np.bool_]
    half_positive_half_negative: NDArray[np.bool_]
    positive_inside_negative_around: NDArray[np.bool_]
    init_labels: NDArray[np.str_]
    init_r2_by_atoms: NDArray[np.float64]
    shuffled_r2_by_atoms: NDArray[np.float64]
    atom_family: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 0), np.int64))
    atom_shape: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0, 6)))
    atom_factor: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))

    @property
    def offset(self) -> NDArray[np.float64]:
        """Distance of the strongest atom from the kernel's middle, (n,), in taps."""
        return np.hypot(self.offset_x, self.offset_y)

    @property
    def amplitude(self) -> NDArray[np.float64]:
        """Signed largest value of the strongest atom, (n,), in the weights' unit."""
        return self.atom_amplitude[:, 0]

    @property
    def max_atoms(self) -> int:
        """Most atoms that a description may hold."""
        return int(self.r2_by_atoms.shape[1])

    @property
    def classified(self) -> NDArray[np.bool_]:
        """Which kernels have a label, (n,)."""
        classified: NDArray[np.bool_] = self.label != "unclassified"
        return classified

    @property
    def coverage(self) -> float:
        """Share of kernels that have a label."""
        return float(self.classified.mean())

    @property
    def null_coverage(self) -> float:
        """The same of randomly initialised kernels; nan where none were drawn."""
        labels = self.init_labels
        return float((labels != "unclassified").mean()) if len(labels) else float("nan")

    @property
    def null_shares(self) -> dict[str, float]:
        """Share of each label among the randomly initialised kernels."""
        return _shares(self.init_labels)

    def bank(self, per_block: int | None = 64, *, seed: int = 0) -> DepthwiseKernels:
        """Return the kernels without their description, as they stand in the network.

        Parameters
        ----------
        per_block : int or None
            How many of each block (the same channels in every block), or None for all.
        seed : int
            Of the choice.

        Returns
        -------
        DepthwiseKernels
            First block first.
        """
        rows = np.lexsort((self.channel, self.block))
        channels = np.unique(self.channel)
        if per_block is not None and per_block < len(channels):
            rng = np.random.default_rng(seed)
            chosen = rng.choice(len(channels), per_block, replace=False)
            rows = rows[np.isin(self.channel[rows], channels[chosen])]
        return DepthwiseKernels(
            source=self.source,
            kernels=self.kernels[rows],
            block=self.block[rows],
            channel=self.channel[rows],
            order="index",
        )

    def shares(self, block: int | None = None) -> dict[str, float]:
        """Return the share of each label, in one block or in all.

        Parameters
        ----------
        block : int or None
            0-based; all blocks together by default.

        Returns
        -------
        dict
            Every one of `LABELS`, in that order.
        """
        return _shares(self.label if block is None else self.label[self.block == block])

    def sentence(self, i: int) -> str:
        """Return one kernel's description in words.

        Parameters
        ----------
        i : int
            Row.

        Returns
        -------
        str
            Such as ``"off-centre on an edge at 90 degrees"``; atoms after the strongest are named
            in order of strength.
        """
        if self.label[i] == "unclassified":
            return "unclassified"
        parts = [_in_words(str(self.label[i]), float(self.orientation[i]))]
        for j in range(1, int(self.n_atoms[i])):
            words = _in_words(str(self.atom_labels[i, j]), float(self.atom_orientation[i, j]))
            article = "an" if words[0] in "aeiou" else "a"
            parts.append(f"{'on' if j == 1 else 'and'} {article} {words}")
        return " ".join(parts)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per kernel, columns named as the fields are.

        Atoms from the second on are ``label_2``, ``amplitude_2``, ...; R^2 by number of atoms is
        ``r2_1``, ``r2_2``, ...
        """
        import pandas as pd

        columns: dict[str, Any] = {
            "block": self.block,
            "channel": self.channel,
            "label": self.label,
            "scale": self.scale,
            "orientation": self.orientation,
            "direction": self.direction,
            "offset": self.offset,
            "offset_x": self.offset_x,
            "offset_y": self.offset_y,
            "amplitude": self.amplitude,
            "strength": self.atom_strength[:, 0],
            "n_atoms": self.n_atoms,
        }
        for j in range(1, self.max_atoms):
            columns[f"label_{j + 1}"] = self.atom_labels[:, j]
            columns[f"amplitude_{j + 1}"] = self.atom_amplitude[:, j]
            columns[f"strength_{j + 1}"] = self.atom_strength[:, j]
            columns[f"scale_{j + 1}"] = self.atom_scale[:, j]
            columns[f"orientation_{j + 1}"] = self.atom_orientation[:, j]
        columns |= {"constant": self.constant, "r2": self.r2}
        columns |= {f"r2_{j + 1}": r2 for j, r2 in enumerate(self.r2_by_atoms.T)}
        columns |= {name: getattr(self, name) for name in (*DESCRIPTORS, *PREDICATES)}
        columns["description"] = [self.sentence(i) for i in range(len(self.label))]
        return pd.DataFrame(columns)

    def summary(self) -> dict[str, Any]:
        """Return the numbers by block as plain JSON values; what is undefined is None.

        Returns
        -------
        dict
            ``blocks``: per block ``block``, ``n``, ``shares`` by label, ``coverage``,
            ``null_coverage``, ``r2`` (``median``, and ``by_atoms``: medians for 1 to A atoms, of
            kernels whose taps are not all equal), ``descriptors`` (medians of kernels that are not
            zero) and ``predicates`` (shares); ``network``: the same over all blocks; ``null``: the
            randomly initialised and the shuffled kernels; ``settings``.
        """
        blocks = [self._numbers(self.block == b) | {"block": int(b)} for b in np.unique(self.block)]
        return {
            "n": len(self.label),
            "kernel_size": int(self.kernels.shape[-1]),
            "blocks": blocks,
            "network": self._numbers(np.ones(len(self.label), dtype=bool)),
            "null": {
                "init_n": len(self.init_labels),
                "init_coverage": or_none(self.null_coverage),
                "init_shares": self.null_shares,
                "init_r2_by_atoms": _medians(self.init_r2_by_atoms),
                "shuffled_n": len(self.shuffled_r2_by_atoms),
                "shuffled_r2_by_atoms": _medians(self.shuffled_r2_by_atoms),
            },
            "settings": {
                name: or_none(value) if isinstance(value, float) else value
                for name, value in self.source.settings.items()
            },
        }

    def _numbers(self, rows: NDArray[np.bool_]) -> dict[str, Any]:
        varied = rows & (self.n_atoms > 0)
        return {
            "n": int(rows.sum()),
            "shares": _shares(self.label[rows]),
            "coverage": float(self.classified[rows].mean()),
            "null_coverage": or_none(self.null_coverage),
            "r2": {
                "median": _median(self.r2[varied]),
                "by_atoms": [_median(r2) for r2 in self.r2_by_atoms[varied].T],
            },
            "descriptors": {d: _median(getattr(self, d)[rows]) for d in DESCRIPTORS},
            "predicates": {p: float(getattr(self, p)[rows].mean()) for p in PREDICATES},
        }


def _shares(labels: NDArray[np.str_]) -> dict[str, float]:
    return {name: float((labels == name).mean()) if len(labels) else 0.0 for name in LABELS}


def _medians(columns: NDArray[np.float64]) -> list[float]:
    return [float(np.median(c)) for c in columns.T] if len(columns) else []


def _median(values: NDArray[Any]) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else None


def _in_words(label: str, orientation: float) -> str:
    name = {"blob+": "positive blob", "blob-": "negative blob"}.get(label, label)
    return f"{name} at {orientation:.0f} degrees" if np.isfinite(orientation) else name
