"""What one pass over a folder of images has collected of every channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.core.refusal import NoSuch
from viz.core.result import Result, or_none

if TYPE_CHECKING:
    import pandas as pd

STAGES = ("patch embedding", "depthwise", "residual", "pointwise")
"""What is looked at: the outputs of the three kinds of activation, before batch norm, and the sum
of a block's input and its depthwise part."""


def sweep_rows(depth: int) -> tuple[NDArray[np.int64], NDArray[np.str_]]:
    """Return block and stage of every row of a sweep.

    Shapes: returns block (1 + 3 depth,), stage (1 + 3 depth,).
    """
    block = np.concatenate([[-1], np.repeat(np.arange(depth), 3)]).astype(np.int64)
    return block, np.array([STAGES[0], *STAGES[1:] * depth], dtype=np.str_)


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Sweep(Result):
    """Numbers of every channel over a folder of images; r rows (a block's stage each), n kept.

    What was not asked for is empty (its first axis is 0 long). Row 0 is the patch embedding; then
    come three rows per block: depthwise, residual, pointwise. All values are those of the
    activations' outputs, before batch norm shifts and scales them, and of the residual sum.
    """

    kind: ClassVar[str] = "sweep"
    block: NDArray[np.int64]  # (r,), 0-based; -1 for the patch embedding
    stage: NDArray[np.str_]  # (r,), of `STAGES`
    n_images: int  # that were looked at
    image_size: tuple[int, int]  # height and width of the network's input
    grid: tuple[int, int]  # height and width of the maps, in patches
    patch_size: int
    kernel_size: int
    mean: NDArray[np.float64]  # (r, dim), over images and positions, as the variance
    variance: NDArray[np.float64]
    # Share of values that are at most 0; nan for residual rows and without an activation.
    sparsity: NDArray[np.float64]
    # (r, dim, n): the largest values, at most one per image, the largest first, nan where there are
    # fewer images; where in ``image_names``, and row times the grid's width plus column, -1: none.
    top_value: NDArray[np.float32]
    top_image: NDArray[np.int64]
    top_position: NDArray[np.int64]
    image_names: tuple[str, ...]  # of the images in top_image; source.images holds their hashes
    class_names: tuple[str, ...]  # folders of the images, where each is a class; else empty
    class_count: NDArray[np.int64]  # images of each
    # (r, dim): Morcos' index of the mean positive part per class, 0 (alike in all) to 1 (one class
    # only), nan in residual rows; the same for a channel that knows no classes but varies as much
    # between images; the class whose mean is the largest, -1 for none.
    selectivity: NDArray[np.float64]
    selectivity_null: NDArray[np.float64]
    selected_class: NDArray[np.int64]
    field_images: int  # that the effective receptive field was measured on; 0 for none
    field_radius_px: NDArray[np.float64]  # (depth,), holds 90 % of it
    field_interval_px: NDArray[np.float64]  # (depth, 2), 95 %
    skipped: Mapping[str, str] = field(default_factory=dict)  # unreadable images: at most 1000
    n_skipped: int = 0  # how many there are
    failed: tuple[str, ...] = ()  # sentences about shards that are missing
    n_missing: int = 0  # images in these

    @property
    def depth(self) -> int:
        """Blocks of the network."""
        return int(self.block[-1]) + 1

    @property
    def dim(self) -> int:
        """Channels of every stage."""
        return int(self.mean.shape[1])

    def row(self, block: int, stage: str) -> int:
        """Return the row of a block's stage."""
        rows = np.flatnonzero((self.block == block) & (self.stage == stage))
        if not len(rows):
            raise NoSuch(
                f"there is no {stage!r} of block {block}: blocks are 0 to {self.depth - 1} with "
                f"{', '.join(STAGES[1:])}, and -1 with {STAGES[0]}."
            )
        return int(rows[0])

    def to_frame(self) -> pd.DataFrame:
        """Return one row per block, stage and channel; ``block`` is -1 for the patch embedding.

        Columns: ``mean``, ``variance``, ``sparsity``, ``top_value``, ``top_image`` (a name),
        ``top_row``, ``top_column``, ``selectivity``, ``selectivity_null``, ``selected_class``;
        those that were not measured are left out.
        """
        import pandas as pd

        rows, dim = self.mean.shape
        columns: dict[str, Any] = {
            "block": np.repeat(self.block, dim),
            "stage": np.repeat(self.stage, dim),
            "channel": np.tile(np.arange(dim), rows),
            "mean": self.mean.ravel(),
            "variance": self.variance.ravel(),
        }
        if len(self.sparsity):
            columns["sparsity"] = self.sparsity.ravel()
        if len(self.top_value):
            names = np.array([*self.image_names, ""], dtype=object)
            first = self.top_position[..., 0].ravel()
            columns["top_value"] = self.top_value[..., 0].ravel()
            columns["top_image"] = names[self.top_image[..., 0].ravel()]
            columns["top_row"] = np.where(first < 0, -1, first // self.grid[1])
            columns["top_column"] = np.where(first < 0, -1, first % self.grid[1])
        if len(self.selectivity):
            columns["selectivity"] = self.selectivity.ravel()
            columns["selectivity_null"] = self.selectivity_null.ravel()
            classes = np.array([*self.class_names, ""], dtype=object)
            columns["selected_class"] = classes[self.selected_class.ravel()]
        return pd.DataFrame(columns)

    def summary(self) -> dict[str, Any]:
        """Return the numbers by row as plain JSON values; what is undefined is None."""
        rows = []
        for r in range(len(self.block)):
            row: dict[str, Any] = {"block": int(self.block[r]), "stage": str(self.stage[r])}
            for name in ("mean", "variance", "sparsity", "selectivity", "selectivity_null"):
                values = getattr(self, name)
                row[f"{name}_median"] = _median(values[r]) if len(values) else None
            if len(self.top_value):
                row["top_value_median"] = _median(self.top_value[r, :, 0])
            rows.append(row)
        return {
            "images": self.n_images,
            "skipped": dict(self.skipped),
            "n_skipped": self.n_skipped,
            "failed": list(self.failed),
            "n_missing": self.n_missing,
            "classes": len(self.class_names),
            "rows": rows,
            "field_images": self.field_images,
            "field": [
                {"block": b, "radius_px": or_none(self.field_radius_px[b]),
                 "interval_px": [or_none(v) for v in self.field_interval_px[b]]}
                for b in range(len(self.field_radius_px))
            ],
        }  # fmt: skip


def _median(values: NDArray[Any]) -> float | None:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else None
