"""Torch as the measures expect it, whatever a caller has set for all of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def own_torch() -> Iterator[None]:
    """Compute in float32 unless told, with gradients where a measure asks for them.

    A context manager and a decorator: ``torch.set_default_dtype`` and ``torch.inference_mode`` of
    the caller hold again afterwards.
    """
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        torch.set_default_dtype(before)
