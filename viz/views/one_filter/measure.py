"""One patch filter: its kind, its fit, and its numbers among those of the others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from viz.core.refusal import NoSuch
from viz.views.one_filter.result import FilterFit
from viz.views.one_kernel.measure import among

if TYPE_CHECKING:
    from viz.views.patch_filters.result import PatchFilterDescription

_ANGLES = ("orientation", "phase")
_LEFT_OUT = ("channel", "colour", "structure")


def filter_fit(description: PatchFilterDescription, *, channel: int) -> FilterFit:
    """Take one filter out of the description of a bank.

    Where the kind is no Gabor, frequency, orientation and phase are undefined though a Gabor is
    fitted and drawn. Percentiles of angles are left out: angles go round.
    """
    n = len(description.filters)
    if not 0 <= channel < n:
        raise NoSuch(f"There is no patch filter {channel}: they are 0 to {n - 1}.")
    table = description.to_frame().drop(columns=list(_LEFT_OUT)).astype(np.float64)
    rank, middle = among(table, channel)
    round_ = np.isin(table.columns, _ANGLES)
    colour, structure = str(description.colour[channel]), str(description.structure[channel])
    same = (description.colour == colour) & (description.structure == structure)
    kind = f"{colour} {structure or '(too small to name)'}".strip()
    settings = {**description.source.settings, "channel": channel}
    return FilterFit(
        source=replace(description.source, settings=settings), channel=channel, filter_kind=kind,
        filter_weights=description.filters[channel].copy(),
        fitted=description.fitted[channel].astype(np.float32),
        colour_axis=description.colour_axis[channel].copy(),
        map=description.maps[channel].astype(np.float32),
        fitted_map=description.fitted_maps[channel].copy(), r2=float(description.r2[channel]),
        r2_map=float(description.r2_map[channel]), threshold=description.null_threshold,
        kind_share=float(same.mean()), names=tuple(map(str, table.columns)),
        values=table.loc[channel].to_numpy(), percentile=np.where(round_, np.nan, rank),
        median=np.where(round_, np.nan, middle),
    )  # fmt: skip
