"""What each patch-embedding filter is: colour, structure, Gabor fit; and the bank's components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.core.result import Result, or_none

if TYPE_CHECKING:
    import pandas as pd

COLOURS = ("grey", "tinted", "coloured")
"""Every colour word."""
TINTED, COLOURED = 0.01, 0.085
"""Chroma from which a filter is tinted, and coloured. Set on blind readings."""
BEYOND_BLOB = 0.07
"""Share of a map's energy that another picture must explain more than a blob. Set on readings."""
STRUCTURES = ("stripes", "edge", "bar", "blob", "other", "noise")
"""Every structure of a patch filter, in the order in which figures show them."""
PARAMETERS = (
    "centre_row",
    "centre_column",
    "orientation",
    "frequency",
    "sigma_across",
    "sigma_along",
    "phase",
    "amplitude",
)
"""Columns of `PatchFilterDescription.parameters`."""
OPPONENT_AXES = np.array(
    [
        np.array([1.0, 1.0, 1.0]) / np.sqrt(3),
        np.array([1.0, -1.0, 0.0]) / np.sqrt(2),
        np.array([1.0, 1.0, -2.0]) / np.sqrt(6),
    ]
)
"""Light, red-green and yellow-blue: unit vectors in RGB, orthogonal to one another."""
OPPONENT_AXES.flags.writeable = False


def peak_frequency(
    frequency: NDArray[np.float64],
    sigma_across: NDArray[np.float64],
    phase: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the frequency at which a Gabor responds most, cycles per pixel.

    With the carrier f and the phase, the amplitude at frequency k across the stripes is
    ``|exp(i phase) g(k - f) + exp(-i phase) g(k + f)|`` with ``g(d) = exp(-2 (pi sigma d)^2)``.

    Shapes: ``frequency`` (n,); ``sigma_across`` (n,); ``phase`` (n,); returns (n,).

    An edge without a second stripe is fitted as well by any low carrier, this maximum is not:
    of the derivative of a Gaussian it is 1 / (2 pi sigma) whatever the carrier.
    """
    k = np.arange(0, 0.708, 0.001)
    width, f = (np.pi * sigma_across)[:, None], frequency[:, None]
    near, far = np.exp(-2 * (width * (k - f)) ** 2), np.exp(-2 * (width * (k + f)) ** 2)
    power = near**2 + far**2 + 2 * near * far * np.cos(2 * np.radians(phase))[:, None]
    known = np.isfinite(power).all(1)
    return np.where(known, k[np.where(known[:, None], power, 0).argmax(1)], np.nan)


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class PatchFilterDescription(Result):
    """One row per patch-embedding filter, in the network's order, and the bank's components.

    Filters live in normalised-input space unless the settings say otherwise. Lengths are in
    pixels of the input, frequencies in cycles per pixel, angles in degrees. Rows grow downward,
    angles counter-clockwise on the screen. A filter that is zero or not finite was not fitted:
    its structure is ``"noise"``, its numbers are nan.

    Parameters
    ----------
    filters : ndarray of float32, (n, c, p, p)
        What was described, not flipped: what the network correlates its input with.
    colour : ndarray of str, (n,)
        One of `COLOURS`, by chroma; "" unless there are three channels.
    structure : ndarray of str, (n,)
        One of `STRUCTURES`; "" below 4 x 4 pixels: too small to name.
    colour_axis : ndarray, (n, c)
        Unit vector of the strongest colour component, its largest entry positive.
    share : ndarray, (n,)
        Share of the filter's energy in that component, 1/min(c, p^2) to 1.
    chroma : ndarray, (n,)
        Share of the energy off the grey axis, 0 to 1; nan for one channel.
    parameters : ndarray, (n, 8)
        The Gabor fit of the spatial map, columns as in `PARAMETERS`, of every filter whatever its
        name: the fitted map is ``amplitude * envelope * cos(2 pi frequency u + phase)``. Where
        there are no stripes, edge or bar, frequency, orientation and phase are a formula's, not the
        filter's.
    fitted_maps : ndarray of float32, (n, p, p)
        That fit on the filter's pixels; 0 where nothing was fitted.
    r2_map, r2 : ndarray, (n,)
        Share of the energy that the fit explains: of the spatial map, of the whole filter.
    null_r2_map : ndarray, (m,)
        ``r2_map`` of m white-noise filters of this shape, fitted in the same way.
    smooth_null_r2_map : ndarray, (m,)
        ``r2_map`` of m random maps with the bank's own second moments: as smooth as the filters
        are, without their shapes. Empty for fewer than 32 filters.
    components : ndarray of float32, (m, c, p, p)
        First principal components of the bank, unit norm, largest entry positive.
    component_shares : ndarray, (k,)
        Share of the variance of every principal component, largest first.
    """

    kind: ClassVar[str] = "patch filter description"
    filters: NDArray[np.float32]
    colour: NDArray[np.str_]
    structure: NDArray[np.str_]
    colour_axis: NDArray[np.float64]
    share: NDArray[np.float64]
    chroma: NDArray[np.float64]
    parameters: NDArray[np.float64]
    fitted_maps: NDArray[np.float32]
    r2_map: NDArray[np.float64]
    r2: NDArray[np.float64]
    null_r2_map: NDArray[np.float64]
    smooth_null_r2_map: NDArray[np.float64]
    components: NDArray[np.float32]
    component_shares: NDArray[np.float64]

    @property
    def maps(self) -> NDArray[np.float64]:
        """Spatial maps, (n, p, p): each filter's channels summed along its colour axis."""
        axis = np.nan_to_num(self.colour_axis)
        maps: NDArray[np.float64] = np.einsum("ncij,nc->nij", self.filters, axis)
        return maps

    @property
    def fitted(self) -> NDArray[np.float64]:
        """Fitted filters, (n, c, p, p): colour axis times fitted map, 0 where not fitted."""
        axis = np.nan_to_num(self.colour_axis)
        fitted: NDArray[np.float64] = axis[:, :, None, None] * self.fitted_maps[:, None]
        return fitted

    @property
    def oriented(self) -> NDArray[np.bool_]:
        """Which filters are stripes, an edge or a bar, (n,)."""
        oriented: NDArray[np.bool_] = np.isin(self.structure, STRUCTURES[:3])
        return oriented

    def _carrier(self, name: str) -> NDArray[np.float64]:
        column: NDArray[np.float64] = self.parameters[:, PARAMETERS.index(name)]
        return np.where(self.oriented, column, np.nan)

    @property
    def orientation(self) -> NDArray[np.float64]:
        """Angle of the stripes, [0, 180), 0 = horizontal; nan where there are none."""
        return self._carrier("orientation")

    @property
    def frequency(self) -> NDArray[np.float64]:
        """Cycles per pixel across the stripes; nan where there are none."""
        return self._carrier("frequency")

    @property
    def peak_frequency(self) -> NDArray[np.float64]:
        """Cycles per pixel at which the fit responds most (`peak_frequency`); nan as above.

        Prefer it to ``frequency`` for filters of less than a cycle: there the carrier is hardly
        determined, and often stands at its lower bound of a quarter of a cycle per patch.
        """
        sigma = self.parameters[:, PARAMETERS.index("sigma_across")]
        return peak_frequency(self.frequency, sigma, self.phase)

    @property
    def phase(self) -> NDArray[np.float64]:
        """Phase at the envelope's centre, [0, 360): 0 a bright stripe, 180 a dark one.

        90 and 270 are edges: at 90 the bright side lies against the direction ``orientation +
        90``, at 270 towards it. nan where there are no stripes.
        """
        return self._carrier("phase")

    @property
    def opponent(self) -> NDArray[np.float64]:
        """Colour axes on `OPPONENT_AXES`, (n, 3): light, red-green, yellow-blue.

        nan unless the filters have three channels.
        """
        if self.colour_axis.shape[1] != 3:
            return np.full((len(self.filters), 3), np.nan)
        opponent: NDArray[np.float64] = self.colour_axis @ OPPONENT_AXES.T
        return opponent

    @property
    def null_threshold(self) -> float:
        """``r2_map`` that a filter must exceed to be more than noise."""
        return float(self.source.settings["noise_r2_map"])

    def to_frame(self) -> pd.DataFrame:
        """Return one row per filter, named as the properties are."""
        import pandas as pd

        parameters = dict(zip(PARAMETERS, self.parameters.T, strict=True))
        opponent = self.opponent.T
        columns: dict[str, Any] = {
            "channel": np.arange(len(self.filters)),
            "colour": self.colour,
            "structure": self.structure,
            "orientation": self.orientation,
            "frequency": self.frequency,
            "peak_frequency": self.peak_frequency,
            "phase": self.phase,
            **{n: parameters[n] for n in (*PARAMETERS[:2], "sigma_across", "sigma_along")},
            "chroma": self.chroma,
            **{f"colour_axis_{i}": axis for i, axis in enumerate(self.colour_axis.T)},
            "light": opponent[0],
            "red_green": opponent[1],
            "yellow_blue": opponent[2],
            "share": self.share,
            "r2": self.r2,
            "r2_map": self.r2_map,
            "norm": np.linalg.norm(self.filters.reshape(len(self.filters), -1), axis=1),
        }
        return pd.DataFrame(columns)

    def summary(self) -> dict[str, Any]:
        """Return the bank's numbers as plain JSON values; undefined and infinite ones are None."""
        n, c, p, _ = self.filters.shape
        # Angles go round and have no median.
        table = self.to_frame().drop(
            columns=["channel", "colour", "structure", "orientation", "phase"]
        )
        null, smooth = self.null_r2_map, self.smooth_null_r2_map
        return {
            "n": n,
            "patch_size": p,
            "in_channels": c,
            "colours": {word: float((self.colour == word).mean()) for word in COLOURS},
            "structures": {word: float((self.structure == word).mean()) for word in STRUCTURES},
            "medians": {str(name): or_none(value) for name, value in table.median().items()},
            "null": {
                "n": len(null),
                "r2_map_median": or_none(float(np.median(null))),
                "r2_map_threshold": or_none(self.null_threshold),
                "smooth_r2_map_median": float(np.median(smooth)) if len(smooth) else None,
            },
            "settings": dict(self.source.settings),
        }
