"""Python's short way: one verb per view, on a loaded network or on an array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from viz.network.checkpoint import Checkpoint
    from viz.views.kernels.result import DepthwiseDescription
    from viz.views.patch_filters.result import PatchFilterDescription

__all__ = ["kernels", "patch_filters"]


def kernels(x: Checkpoint | ArrayLike, **options: Any) -> DepthwiseDescription:
    """Name depthwise kernels by what they look like, and split them into shapes.

    Parameters
    ----------
    x : Checkpoint or array_like, (n, k, k)
        A network from `viz.load`, or kernels as torch convolves them, 3 <= k <= 31.
    **options
        As of `viz.views.kernels.measure.describe_checkpoint` or ``describe``: ``blocks``, ``seed``,
        ``progress``.

    Returns
    -------
    DepthwiseDescription
        One row per kernel; ``to_frame()`` is the table.

    Raises
    ------
    ValueError
        If an array is not of that shape.

    Notes
    -----
    Kernels that look like nothing in particular, or like two things, stay ``"unnamed"``.
    Definitions and agreement with blind readings: ``docs/methods/kernels.md``.
    """
    from viz.network.checkpoint import Checkpoint
    from viz.views.kernels import measure as depthwise

    if isinstance(x, Checkpoint):
        return depthwise.describe_checkpoint(x, **options)
    return depthwise.describe(x, **options)


def patch_filters(x: Checkpoint | ArrayLike, **options: Any) -> PatchFilterDescription:
    """Name patch-embedding filters by colour and structure, and measure them.

    Parameters
    ----------
    x : Checkpoint or array_like, (n, c, p, p)
        A network from `viz.load`, or filters.
    **options
        As of `viz.views.patch_filters.measure.describe_checkpoint` or ``describe``.

    Returns
    -------
    PatchFilterDescription
        One row per filter; ``to_frame()`` is the table.

    Raises
    ------
    ValueError
        If an array is not of that shape.

    Notes
    -----
    Filters live in the space of the normalised input. Definitions:
    ``docs/methods/patch-filters.md``.
    """
    from viz.network.checkpoint import Checkpoint
    from viz.views.patch_filters import measure as measured

    if isinstance(x, Checkpoint):
        return measured.describe_checkpoint(x, **options)
    return measured.describe(x, **options)
