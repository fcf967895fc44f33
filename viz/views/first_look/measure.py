"""Choosing what is seen of a network at first sight."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from viz.core.refusal import Refusal
from viz.views.described import depthwise_description
from viz.views.first_look.result import FirstLook
from viz.views.weights.measure import depthwise_kernels, patch_filters

if TYPE_CHECKING:
    from viz.network.checkpoint import Checkpoint
    from viz.views.base import Given

PER_BLOCK = 16
"""Kernels shown of each block."""
_FILTERS = 256
"""Patch filters shown; more would be specks."""


def look(checkpoint: Checkpoint, given: Given) -> FirstLook:
    """Take some kernels of every block and the patch filters; name all kernels."""
    shown = depthwise_kernels(checkpoint, per_block=PER_BLOCK, order="similarity")
    bank = patch_filters(checkpoint, order="hue")
    n = len(bank.filters)
    some = np.linspace(0, n - 1, min(n, _FILTERS)).round().astype(np.int64)
    name, block, finite = np.array([""])[:0], np.zeros(0, np.int64), np.zeros(0, np.bool_)
    # Kernels that cannot be described are a picture without a sentence.
    with suppress(Refusal):
        named = depthwise_description(checkpoint, given)
        name, block, finite = named.name, named.block, named.finite
    return FirstLook(
        source=replace(checkpoint.source, settings={"per_block": PER_BLOCK, "seed": given.seed}),
        kernels=shown.kernels,
        kernel_block=shown.block,
        kernel_channel=shown.channel,
        filters=bank.filters[some],
        filter_channel=bank.channel[some],
        n_filters=n,
        name=name,
        block=block,
        finite=finite,
    )
