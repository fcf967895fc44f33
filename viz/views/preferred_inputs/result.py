"""Whether a kernel's name tells what drives it most: predictions, checked on its input maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.core.result import Result, records
from viz.views.kernels.result import KERNEL_NAMES
from viz.views.preferred_inputs.predictions import ORIENTED
from viz.views.tables import mean_of_finite
from viz.views.wording import listed, n_images, plural

if TYPE_CHECKING:
    import pandas as pd

WHERE = ("top", "elsewhere", "shuffled")
"""Where a kernel's input map is looked at: where the kernel's response is largest; at random
positions of the same maps; where a kernel of the same taps in random order responds most."""
TESTS = ("orientation", "contrast")
"""What a name predicts: the orientation of a line or boundary, or that some taps stand out."""

_BOOTSTRAPS, _FEWEST = 1000, 5


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class PreferredInputs(Result):
    """For m named kernels of k x k taps, the patches of their input maps that drive them most.

    A kernel convolves its channel's map, not the image, so that patches are k x k pieces of that
    map as the convolution sees them, zeros beyond the border included. Kernels without name, and
    those that respond nowhere, are left out. First axes of 3 follow `WHERE`, those of 2 `TESTS`.

    Parameters
    ----------
    block, channel : ndarray of int64, (m,)
        Which kernels.
    name : ndarray of str, (m,)
        Of `viz.views.kernels.result.KERNEL_NAMES`.
    kernels, forms : ndarray of float32, (m, k, k)
        Taps, and the best single shape with its mean removed.
    preferred : ndarray of float32, (m, k, k)
        Mean of the patches at which the kernel responds most, one of each image.
    patches : ndarray of int64, (m,)
        How many there are.
    agreement : ndarray, (3, m)
        Share of the kernel's patches that are as the name predicts; nan where it predicts nothing.
    match : ndarray, (3, m)
        Mean correlation over taps of the patches with the best single shape.
    lift_name, lift_mean : ndarray, (m,)
        Shares of the best single shape, and of the mean of the kernel's taps, in what lifts the
        response from its mean over positions to its largest; the rest of the kernel has the rest.
    example : ndarray of int64, (L,)
        Of each name the kernel whose match at the top is the name's median.
    example_patches : ndarray of float32, (L, n, k, k)
        Its patches, the largest response first; nan where there are fewer.
    n_images, depth : int
        Images that were searched, and blocks of the network.
    """

    kind: ClassVar[str] = "preferred inputs"
    block: NDArray[np.int64]
    channel: NDArray[np.int64]
    name: NDArray[np.str_]
    kernels: NDArray[np.float32]
    forms: NDArray[np.float32]
    preferred: NDArray[np.float32]
    patches: NDArray[np.int64]
    agreement: NDArray[np.float64]
    match: NDArray[np.float64]
    lift_name: NDArray[np.float64]
    lift_mean: NDArray[np.float64]
    example: NDArray[np.int64]
    example_patches: NDArray[np.float32]
    n_images: int
    depth: int

    @property
    def names(self) -> tuple[str, ...]:
        """Names that occur, L of them."""
        return tuple(name for name in KERNEL_NAMES if (self.name == name).any())

    @property
    def count(self) -> NDArray[np.int64]:
        """Kernels of each name, (L,)."""
        return np.array([(self.name == name).sum() for name in self.names])

    @property
    def chance(self) -> NDArray[np.float64]:
        """Agreement of each name with a prediction made without looking, (L,)."""
        return np.where(np.isin(self.names, ORIENTED), 0.25, 0.5)

    @property
    def share(self) -> NDArray[np.float64]:
        """Mean agreement over each name's kernels, (3, L)."""
        of = [mean_of_finite(self.agreement[:, self.name == name]) for name in self.names]
        return np.stack(of, axis=1)

    @property
    def share_interval(self) -> NDArray[np.float64]:
        """Of that at the top, 95 %, (L, 2): bootstrap over kernels; nan with fewer than 5."""
        rng, found = np.random.default_rng(0), np.full((len(self.names), 2), np.nan)
        for i, name in enumerate(self.names):
            values = self.agreement[0, self.name == name]
            values = values[np.isfinite(values)]
            if len(values) >= _FEWEST:
                drawn = values[rng.integers(0, len(values), (_BOOTSTRAPS, len(values)))].mean(1)
                found[i] = np.quantile(drawn, (0.025, 0.975))
        return found

    @property
    def block_count(self) -> NDArray[np.int64]:
        """Kernels with each of `TESTS`, by block, (2, depth)."""
        return np.array([[some.sum() for some in row] for row in self._tested()])

    @property
    def block_share(self) -> NDArray[np.float64]:
        """Their mean agreement, (3, 2, depth); nan where there are none."""
        of = [[mean_of_finite(self.agreement[:, some]) for some in row] for row in self._tested()]
        return np.moveaxis(np.array(of), 2, 0)

    @property
    def block_lift(self) -> NDArray[np.float64]:
        """Quartiles over a block's kernels of ``lift_name`` and ``lift_mean``, (2, 3, depth)."""
        found = np.full((2, 3, self.depth), np.nan)
        for p, lift in enumerate((self.lift_name, self.lift_mean)):
            for b in range(self.depth):
                values = lift[(self.block == b) & np.isfinite(lift)]
                if len(values):
                    found[p, :, b] = np.quantile(values, (0.25, 0.5, 0.75))
        return found

    def _tested(self) -> list[list[NDArray[np.bool_]]]:
        """Return which kernels have each test, by block."""
        oriented = np.isin(self.name, ORIENTED)
        return [[some & (self.block == b) for b in range(self.depth)]
                for some in (oriented, ~oriented)]  # fmt: skip

    def to_frame(self) -> pd.DataFrame:
        """Return one row per kernel: block, channel, name, agreement, match and lifts."""
        import pandas as pd

        columns: dict[str, Any] = {
            "block": self.block, "channel": self.channel, "name": self.name,
            "patches": self.patches,
        }  # fmt: skip
        for name in ("agreement", "match"):
            for where, values in zip(WHERE, getattr(self, name), strict=True):
                columns[name if where == "top" else f"{name}_{where}"] = values
        return pd.DataFrame(columns | {"lift_name": self.lift_name, "lift_mean": self.lift_mean})

    def summary(self) -> dict[str, Any]:
        """Return the numbers by name and by block as plain JSON values."""
        import pandas as pd

        parts = ["match", "lift_name", "lift_mean"]
        medians = self.to_frame().groupby("name")[parts].median().reindex(list(self.names))
        low, high = self.share_interval.T
        names = pd.DataFrame({
            "name": self.names, "kernels": self.count, "chance": self.chance,
            "agreement": self.share[0], "agreement_low": low, "agreement_high": high,
            "agreement_elsewhere": self.share[1], "agreement_shuffled": self.share[2],
            **{f"{part}_median": medians[part].to_numpy() for part in parts},
        })  # fmt: skip
        columns: dict[str, Any] = {"block": np.arange(self.depth)}
        for t, test in enumerate(TESTS):
            columns[f"{test}_kernels"] = self.block_count[t]
            for w, where in enumerate(("", "_elsewhere", "_shuffled")):
                columns[f"{test}_agreement{where}"] = self.block_share[w, t]
        for p, part in enumerate(("lift_name", "lift_mean")):
            columns[f"{part}_median"] = self.block_lift[p, 1]
        return {"images": self.n_images, "kernels": len(self.block), "names": records(names),
                "blocks": records(pd.DataFrame(columns))}  # fmt: skip

    def sentence(self) -> str:
        """Return the finding in plain language, with its numbers and baselines."""
        rows = np.flatnonzero(np.isfinite(self.share[[0, 2]]).all(0))
        rows = rows[np.argsort(-self.count[rows], kind="stable")][:3]
        if not len(rows):
            return "0 kernels have a name whose prediction can be compared with shuffled taps."
        own = [f"{100 * self.share[0, i]:.0f} % ({plural(self.names[i])})" for i in rows]
        null = [f"{100 * self.share[2, i]:.0f} %" for i in rows]
        text = (
            f"On {n_images(self.n_images)} the patches to which a kernel responds strongly are as "
            f"its name predicts in {listed(own)} of the cases, against {listed(null)} for the same "
            "taps in random order."
        )
        lifts = self.block_lift[:, 1]
        lifts = 100 * lifts[:, np.isfinite(lifts).all(0)]
        if lifts.size:
            shape, mean = (f"{row.min():.0f} to {row.max():.0f} %" for row in lifts)
            text += (
                " Of the median kernel's rise from its mean response to its top one, one shape "
                f"alone makes up {shape} by block, and the mean of the taps {mean}."
            ).replace("-", "−")
        return text
