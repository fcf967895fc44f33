"""What is seen of a network at first sight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.core.result import Result


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class FirstLook(Result):
    """Some kernels of every block, the patch filters, and what all kernels are called.

    Parameters
    ----------
    kernels : ndarray of float32, (m, k, k)
        The same channels of every block, first block first, neighbours alike.
    kernel_block, kernel_channel : ndarray of int64, (m,)
        Where they stand in the network.
    filters : ndarray of float32, (n, c, p, p)
        Patch filters, grey ones first, then by hue.
    filter_channel : ndarray of int64, (n,)
        Where they stand in the network.
    n_filters : int
        Patch filters of the network, shown or not.
    name : ndarray of str, (all,)
        Of every depthwise kernel; none where the kernels cannot be described.
    block : ndarray of int64, (all,)
        Of every depthwise kernel.
    finite : ndarray of bool, (all,)
        Which of them hold finite numbers alone.
    """

    kind: ClassVar[str] = "first look"
    kernels: NDArray[np.float32]
    kernel_block: NDArray[np.int64]
    kernel_channel: NDArray[np.int64]
    filters: NDArray[np.float32]
    filter_channel: NDArray[np.int64]
    n_filters: int
    name: NDArray[np.str_]
    block: NDArray[np.int64]
    finite: NDArray[np.bool_]
