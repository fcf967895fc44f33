"""What was measured: numpy arrays, a table, a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.core.result import Result


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Template(Result):
    """Norms of the depthwise kernels.

    Parameters
    ----------
    block : ndarray of int, (B,)
        0-based.
    norm : ndarray, (B, d)
        Euclidean norm of each kernel.
    initialised : ndarray, (n,)
        Norms of kernels as torch initialises them.
    """

    kind: ClassVar[str] = "template"
    block: NDArray[np.int64]
    norm: NDArray[np.float64]
    initialised: NDArray[np.float64]

    def to_frame(self) -> Any:
        """Return a row per block: its quartiles."""
        import pandas as pd

        low, median, high = np.quantile(self.norm, (0.25, 0.5, 0.75), axis=1)
        return pd.DataFrame({"block": self.block, "low": low, "median": median, "high": high})

    def sentence(self) -> str:
        """Return the answer, its number, its baseline."""
        first, last = np.median(self.norm[0]), np.median(self.norm[-1])
        return (
            f"The median kernel has a norm of {first:.2f} in block {self.block[0]} and of "
            f"{last:.2f} in block {self.block[-1]}, against {np.median(self.initialised):.2f} as "
            "initialised."
        )
