"""One patch filter among the others: its kind, its Gabor fit, what is left, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.core.result import Result

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class FilterFit(Result):
    """A patch filter as a colour axis times a Gabor, and its numbers beside the other filters'.

    Lengths are in pixels, angles in degrees, as in `viz.views.patch_filters.result`.

    Parameters
    ----------
    channel : int
        0-based.
    filter_kind : str
        Colour and structure in words.
    filter_weights, fitted : ndarray of float32, (c, p, p)
        The filter, and colour axis times fitted map.
    colour_axis : ndarray, (c,)
        Of the strongest colour component, of unit length.
    map, fitted_map : ndarray of float32, (p, p)
        The filter along that axis, and the Gabor fitted to it.
    r2, r2_map : float
        Share of the energy explained: of the filter, of its map; nan where nothing was fitted.
    threshold : float
        ``r2_map`` that white noise rarely exceeds: below it a filter is called noise.
    kind_share : float
        Share of the filters that are of this kind.
    names : tuple of str
        Columns of the table of all filters.
    values, percentile, median : ndarray, (d,)
        Of this filter; share of the filters that have less, ties counting half, in percent (nan
        for angles); median of all (nan for angles).
    """

    kind: ClassVar[str] = "patch filter and its fit"
    channel: int
    filter_kind: str
    filter_weights: NDArray[np.float32]
    fitted: NDArray[np.float32]
    colour_axis: NDArray[np.float64]
    map: NDArray[np.float32]
    fitted_map: NDArray[np.float32]
    r2: float
    r2_map: float
    threshold: float
    kind_share: float
    names: tuple[str, ...]
    values: NDArray[np.float64]
    percentile: NDArray[np.float64]
    median: NDArray[np.float64]

    @property
    def residual(self) -> NDArray[np.float32]:
        """Filter minus fit, (c, p, p)."""
        left: NDArray[np.float32] = self.filter_weights - self.fitted
        return left

    def to_frame(self) -> pd.DataFrame:
        """Return one row per number: value, percentile among the filters, median."""
        import pandas as pd

        return pd.DataFrame(
            {
                "number": list(self.names),
                "value": self.values,
                "percentile": self.percentile,
                "median": self.median,
            }
        )
