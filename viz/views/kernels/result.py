"""What each depthwise kernel looks like: its name, the shapes it is the sum of, plain numbers.

`DepthwiseDescription` is made by `measure`, one row per kernel. ``to_frame()`` is the
table, ``summary()`` the numbers by block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.core.result import Result, or_none

if TYPE_CHECKING:
    import pandas as pd

UNNAMED = "unnamed"
"""The name of a kernel that looks like nothing in particular, or like two things."""
KERNEL_NAMES = (
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
    "frame",
    "flat",
    UNNAMED,
)
"""Every name, in the order in which figures and tables show them."""
DESCRIPTORS = (
    "dc_share",
    "odd_energy",
    "rms_radius",
    "anisotropy",
    "spectral_centroid",
    "radial_sign_changes",
    "separability",
)
"""Numbers per kernel that need no name, computed on the raw taps."""
STATEMENTS = ("centre_r2", "halves_r2", "ring_r2", "late_r2")
"""What has been said about ConvMixers, each as the share of a kernel's energy that one such picture
explains: a positive centre in a negative surround; two halves of opposite sign; a ring; either of
the last two."""
STATEMENT_R2 = 0.5
"""Share of the energy from which a statement is said to be true of a kernel."""
_WORDS = {"dc_share": "DC share", "rms_radius": "RMS radius", "r2_one_shape": "R² of one shape"}

DEFINITIONS = (
    "DC share: share of a kernel's energy (its squared weights) in their mean; odd energy: in what "
    "changes sign under a half turn; RMS radius: root mean square distance of the energy from the "
    "middle; anisotropy: how elongated the energy lies, 0 round, 1 a line; spectral centroid: mean "
    "spatial frequency; radial sign changes: how often the sign changes from the middle outward; "
    "separability: share of the energy in the best product of a column and a row; R² of one shape: "
    "share of the energy that the best shape of the names explains."
)
"""What the descriptors are, for captions."""


def descriptor_words(name: str) -> str:
    """Return a descriptor's name as it stands in a sentence."""
    return _WORDS.get(name, name.replace("_", " "))


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class DepthwiseDescription(Result):
    """One row per depthwise kernel: what it looks like, and the shapes it is the sum of.

    Lengths are in taps. Offsets are from the kernel's middle, ``x`` to the right and ``y`` up
    (rows grow downward, so y = -row). ``orientation`` is the angle of the stripe or boundary line,
    [0, 180) degrees counter-clockwise on the screen, 0 = horizontal; ``direction``, [0, 360),
    points to an edge's positive side. R^2 is the share of the kernel's energy, its mean included.
    Up to A shapes are added; the first is the best picture of the guess, and columns of those that
    were not kept are empty (``""``, nan, -1, 0).

    Parameters
    ----------
    kernels : ndarray of float32, (n, k, k)
        What was described, as torch convolves it (cross-correlation, not flipped).
    block, channel : ndarray of int64, (n,)
        Where each kernel stands, 0-based.
    name : ndarray of str, (n,)
        One of `KERNEL_NAMES`: the guess where it is clear, else ``"unnamed"``.
    guess, second : ndarray of str, (n,)
        The likeliest name and the next likeliest, of every kernel.
    probability, margin : ndarray, (n,)
        Of the guess; and how far above that of anything else (noise and other included).
    likeness : ndarray, (n,)
        Cosine between the kernel and the guess's best picture.
    n_shapes : ndarray of int64, (n,)
        Shapes kept, 1 to A: each explains more than shuffled residuals let one expect; 0 for a
        kernel of zeros.
    shape_names : ndarray of str, (n, A)
        Name of each shape, as if it stood alone.
    shape_amplitude : ndarray, (n, A)
        Signed largest value of each shape, in the weights' unit.
    shape_scale : ndarray, (n, A)
        Sigma (blob, centre, bar, cross), the width of an edge's boundary, the radius of a ring, the
        wavelength of a grating; nan for the others.
    shape_orientation, shape_direction, shape_x, shape_y : ndarray, (n, A)
        Angles and position; nan where a shape has none.
    shape_picture, shape_factor : ndarray, (n, A)
        Which picture of the bank each shape is, and its factor in the weights' unit.
    fitted_by_shapes : ndarray of float32, (A, n, k, k)
        The sum of exactly 1, 2, ... A shapes, kept or not.
    r2_by_shapes : ndarray, (n, A)
        Of these sums; nan for a kernel of zeros.
    coefficients_by_shapes : ndarray of int64, (n, A)
        Numbers that these sums hold: every shape's amplitude and free parameters.
    halves_r2, centre_r2, ring_r2 : ndarray, (n,)
        Of `STATEMENTS`.
    dc_share, odd_energy, rms_radius, anisotropy, spectral_centroid, separability : ndarray, (n,)
        Descriptors of the raw taps (`viz.views.kernels.descriptors`).
    radial_sign_changes : ndarray of int64, (n,)
        Sign changes of the mean over rings around the middle, going out.
    init_names : ndarray of str, (m,)
        Names of m kernels drawn as torch initialises them, found in the same way.
    init_r2_by_shapes, shuffled_r2_by_shapes : ndarray, (m, A), (s, A)
        R^2 of some of those kernels, and of kernels with shuffled taps.
    """

    kind: ClassVar[str] = "depthwise description"
    kernels: NDArray[np.float32]
    block: NDArray[np.int64]
    channel: NDArray[np.int64]
    name: NDArray[np.str_]
    guess: NDArray[np.str_]
    second: NDArray[np.str_]
    probability: NDArray[np.float64]
    margin: NDArray[np.float64]
    likeness: NDArray[np.float64]
    n_shapes: NDArray[np.int64]
    shape_names: NDArray[np.str_]
    shape_amplitude: NDArray[np.float64]
    shape_scale: NDArray[np.float64]
    shape_orientation: NDArray[np.float64]
    shape_direction: NDArray[np.float64]
    shape_x: NDArray[np.float64]
    shape_y: NDArray[np.float64]
    shape_picture: NDArray[np.int64]
    shape_factor: NDArray[np.float64]
    fitted_by_shapes: NDArray[np.float32]
    r2_by_shapes: NDArray[np.float64]
    coefficients_by_shapes: NDArray[np.int64]
    halves_r2: NDArray[np.float64]
    centre_r2: NDArray[np.float64]
    ring_r2: NDArray[np.float64]
    dc_share: NDArray[np.float64]
    odd_energy: NDArray[np.float64]
    rms_radius: NDArray[np.float64]
    anisotropy: NDArray[np.float64]
    spectral_centroid: NDArray[np.float64]
    radial_sign_changes: NDArray[np.int64]
    separability: NDArray[np.float64]
    init_names: NDArray[np.str_]
    init_r2_by_shapes: NDArray[np.float64]
    shuffled_r2_by_shapes: NDArray[np.float64]

    @property
    def late_r2(self) -> NDArray[np.float64]:
        """Share of the energy that two halves or a ring explain, (n,)."""
        return np.maximum(self.halves_r2, self.ring_r2)

    @property
    def scale(self) -> NDArray[np.float64]:
        """Scale of the guess's best picture, (n,)."""
        return self.shape_scale[:, 0]

    @property
    def orientation(self) -> NDArray[np.float64]:
        """Orientation of the guess's best picture, (n,)."""
        return self.shape_orientation[:, 0]

    @property
    def _kept(self) -> NDArray[np.int64]:
        """Column of the sum of the shapes that are kept, (n,)."""
        return np.maximum(self.n_shapes, 1) - 1

    @property
    def fitted(self) -> NDArray[np.float32]:
        """The sum of the shapes kept, (n, k, k)."""
        return self.fitted_by_shapes[self._kept, np.arange(len(self.name))]

    @property
    def r2(self) -> NDArray[np.float64]:
        """R^2 of the sum of the shapes kept, (n,)."""
        return self.r2_by_shapes[np.arange(len(self.name)), self._kept]

    @property
    def coefficients(self) -> NDArray[np.int64]:
        """Numbers that the sum of the shapes kept holds, (n,)."""
        return self.coefficients_by_shapes[np.arange(len(self.name)), self._kept]

    @property
    def max_shapes(self) -> int:
        """Most shapes that a description may hold."""
        return int(self.r2_by_shapes.shape[1])

    @property
    def named(self) -> NDArray[np.bool_]:
        """Which kernels have a name, (n,)."""
        named: NDArray[np.bool_] = self.name != UNNAMED
        return named

    @property
    def finite(self) -> NDArray[np.bool_]:
        """Which kernels hold finite numbers alone, (n,); no share or median counts others."""
        finite: NDArray[np.bool_] = np.all(np.isfinite(self.kernels), axis=(1, 2))
        return finite

    @property
    def null_coverage(self) -> float:
        """Share of randomly initialised kernels that have a name; nan where none were drawn."""
        names = self.init_names
        return float((names != UNNAMED).mean()) if len(names) else float("nan")

    @property
    def null_shares(self) -> dict[str, float]:
        """Share of each name among the randomly initialised kernels."""
        return _shares(self.init_names)

    def order(self, rows: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """Return rows by name as figures list them; within a name, neighbours look alike."""
        rows = np.arange(len(self.name)) if rows is None else rows
        rank = np.array([KERNEL_NAMES.index(str(name)) for name in self.name[rows]])
        guess = np.array([KERNEL_NAMES.index(str(name)) for name in self.guess[rows]])
        turn = self.shape_direction[rows, 0]
        turn = np.where(np.isfinite(turn), turn, self.orientation[rows])
        angle = np.round(np.nan_to_num(turn, nan=-1.0) / 22.5)
        sign = np.sign(np.nan_to_num(self.shape_amplitude[rows, 0]))
        scale = np.nan_to_num(self.scale[rows])
        return rows[np.lexsort((-self.margin[rows], scale, sign, angle, guess, rank))]

    def shares(self, block: int | None = None) -> dict[str, float]:
        """Return the share of each name, in one block or in all."""
        rows = self.finite if block is None else self.finite & (self.block == block)
        return _shares(self.name[rows])

    def sentence(self, i: int) -> str:
        """Return what one kernel looks like, in words."""
        if not np.isfinite(self.kernels[i]).all():
            return "some taps are not finite numbers"
        if not self.n_shapes[i]:
            return "all taps are zero"
        if self.name[i] == UNNAMED:
            return f"unnamed: {self.guess[i]} or {self.second[i]}"
        parts = [_in_words(str(self.name[i]), float(self.orientation[i]))]
        for j in range(1, int(self.n_shapes[i])):
            words = _on_top(
                str(self.shape_names[i, j]),
                float(self.shape_amplitude[i, j]),
                float(self.shape_orientation[i, j]),
            )
            parts.append(f"{'with' if j == 1 else 'and'} {words}")
        return " ".join(parts)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per kernel; columns of shapes end in their number, as ``scale_2`` does."""
        import pandas as pd

        named = ("block", "channel", "name", "guess", "second", "probability", "margin", "likeness")
        columns: dict[str, Any] = {name: getattr(self, name) for name in (*named, "n_shapes")}
        for j in range(self.max_shapes):
            end = f"_{j + 1}" if j else ""
            columns[f"shape{end or '_1'}"] = self.shape_names[:, j]
            for part in ("scale", "orientation", "direction", "x", "y", "amplitude"):
                columns[f"{part}{end}"] = getattr(self, f"shape_{part}")[:, j]
        columns["r2"] = self.r2
        columns |= {f"r2_{j + 1}": r2 for j, r2 in enumerate(self.r2_by_shapes.T)}
        columns |= {name: getattr(self, name) for name in (*STATEMENTS, *DESCRIPTORS)}
        columns["description"] = [self.sentence(i) for i in range(len(self.name))]
        return pd.DataFrame(columns)

    def summary(self) -> dict[str, Any]:
        """Return the numbers by block as plain JSON values; what is undefined is None."""
        blocks = [self._numbers(self.block == b) | {"block": int(b)} for b in np.unique(self.block)]
        return {
            "n": len(self.name),
            "kernel_size": int(self.kernels.shape[-1]),
            "blocks": blocks,
            "network": self._numbers(np.ones(len(self.name), dtype=bool)),
            "null": {
                "init_n": len(self.init_names),
                "init_coverage": or_none(self.null_coverage),
                "init_shares": self.null_shares,
                "shuffled_n": len(self.shuffled_r2_by_shapes),
                "shuffled_r2_by_shapes": [_median(r2) for r2 in self.shuffled_r2_by_shapes.T],
            },
            "settings": {
                name: or_none(value) if isinstance(value, float) else value
                for name, value in self.source.settings.items()
            },
        }

    def _numbers(self, rows: NDArray[np.bool_]) -> dict[str, Any]:
        n, rows = int(rows.sum()), rows & self.finite
        varied = rows & (self.n_shapes > 0)
        return {
            "n": n,
            "not_finite": n - int(rows.sum()),
            "shares": _shares(self.name[rows]),
            "coverage": or_none(_mean(self.named[rows])),
            "r2": {
                "median": _median(self.r2[varied]),
                "by_shapes": [_median(r2) for r2 in self.r2_by_shapes[varied].T],
            },
            "descriptors": {d: _median(getattr(self, d)[rows]) for d in DESCRIPTORS},
            "statements": {
                s: or_none(_mean(getattr(self, s)[rows] >= STATEMENT_R2)) for s in STATEMENTS
            },
        }


def _shares(names: NDArray[np.str_]) -> dict[str, float]:
    return {name: float((names == name).mean()) if len(names) else 0.0 for name in KERNEL_NAMES}


def _mean(values: NDArray[Any]) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _median(values: NDArray[Any]) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else None


_PLAIN = {"blob+": "positive blob", "blob-": "negative blob"}


def _in_words(name: str, orientation: float) -> str:
    words = _PLAIN.get(name, name)
    return f"{words} at {orientation:.0f} degrees" if np.isfinite(orientation) else words


def _on_top(name: str, amplitude: float, orientation: float) -> str:
    """Name a shape that lies on another; single taps by their sign and place."""
    sign = "positive" if amplitude > 0 else "negative"
    taps = {"identity": f"a {sign} tap in the middle", "shift": f"a {sign} tap off the middle"}
    if name in taps:
        return taps[name]
    if name == "flat":
        return f"a {sign} constant"
    words = _in_words(name, orientation)
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"
