"""Sums that need float64, on devices that may have none."""

from __future__ import annotations

import torch
from torch import Tensor


def wide(values: Tensor) -> Tensor:
    """Return values in float64: where they are, or on the CPU if their device (mps) has none."""
    return (values.cpu() if values.device.type == "mps" else values).to(torch.float64)
