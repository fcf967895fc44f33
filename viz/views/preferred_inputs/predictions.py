"""What a kernel's name predicts of the patch that drives it, and whether a patch is so.

Nothing here looks at the kernel's taps. A line's or boundary's orientation is read off a patch by
its structure tensor (Bigun and Granlund 1987); of other shapes it is asked whether the taps in
which the shape is strong stand out from the rest, with the shape's sign.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from viz.views.kernels.result import DepthwiseDescription

Numbers = NDArray[np.float64]
ORIENTED = ("edge", "bar", "grating")
"""Names that predict an orientation; an edge also which side is larger."""
_BUMPS = {"blob+": 1.0, "blob-": -1.0, "on-centre": 1.0, "off-centre": -1.0}
"""Names of bumps, and their signs."""
WINDOW = 0.25
"""Standard deviation of the round window about a shape, in sides of the kernel."""


def _gradients(patches: Numbers) -> NDArray[np.complex128]:
    """Return x + i y of the gradient between every four taps; x to the right, y up."""
    low, high = patches[..., 1:, :], patches[..., :-1, :]
    across = ((low + high)[..., 1:] - (low + high)[..., :-1]) / 2
    up = ((high - low)[..., 1:] + (high - low)[..., :-1]) / 2
    found: NDArray[np.complex128] = across + 1j * up
    return found


def _window(k: int, x: Numbers, y: Numbers) -> Numbers:
    """Return a round Gaussian about (x, y), nan the middle, between taps, (m, 1, k - 1, k - 1)."""
    x, y = np.nan_to_num(x), np.nan_to_num(y)
    line = np.arange(k - 1) + 1 - k / 2
    apart = (line - x[:, None, None]) ** 2 + (-line[:, None] - y[:, None, None]) ** 2
    found: Numbers = np.exp(-apart / (2 * (WINDOW * k) ** 2))[:, None]
    return found


def _degrees(values: NDArray[np.complex128]) -> Numbers:
    """Return the angles of complex numbers; nan of 0."""
    return np.where(np.abs(values) > 0, np.degrees(np.angle(values)), np.nan)


def line_orientation(patches: Numbers, x: Numbers, y: Numbers) -> Numbers:
    """Return the orientation of the lines in patches.

    Shapes: ``patches`` (m, n, k, k); ``x, y`` (m,); returns (m, n).
    """
    weights = _window(patches.shape[-1], x, y)
    tensor = (weights * _gradients(patches) ** 2).sum((-1, -2))
    return (_degrees(tensor) / 2 + 90) % 180


def edge_direction(patches: Numbers, x: Numbers, y: Numbers) -> Numbers:
    """Return where patches are larger.

    Shapes: ``patches`` (m, n, k, k); ``x, y`` (m,); returns (m, n).
    """
    weights = _window(patches.shape[-1], x, y)
    return _degrees((weights * _gradients(patches)).sum((-1, -2))) % 360


def _strong_taps(
    forms: Numbers, named: NDArray[np.str_], x: Numbers, y: Numbers, scale: Numbers
) -> tuple[NDArray[np.bool_], Numbers]:
    """Return which taps should stand out, (m, 1, k k), and with which sign, (m, 1)."""
    m, k = len(forms), forms.shape[-1]
    flat = forms.reshape(m, 1, -1)
    largest = np.take_along_axis(flat, np.abs(flat).argmax(-1)[..., None], -1)
    inside = flat * np.sign(largest) > np.abs(largest) / 2
    sign = np.sign(largest[..., 0])
    # Of bumps the name itself tells place, size and sign: within half their height.
    line = np.arange(k) - (k - 1) / 2
    apart = np.hypot(line - x[:, None, None], -line[:, None] - y[:, None, None]).reshape(m, 1, -1)
    radius = np.clip(1.18 * scale, 0.71, k / 4)[:, None, None]
    disc = (apart <= radius) | (apart == apart.min(-1, keepdims=True))
    bump = np.isin(named, tuple(_BUMPS)) & np.isfinite(scale)
    signs = np.array([_BUMPS.get(str(name), 0.0) for name in named])
    return np.where(bump[:, None, None], disc, inside), np.where(bump, signs, sign[:, 0])[:, None]


def agreement(patches: Numbers, forms: Numbers, described: DepthwiseDescription,
              rows: NDArray[np.int64]) -> Numbers:  # fmt: skip
    """Tell which patches are as the names predict.

    Shapes: ``patches`` (m, n, k, k); ``forms`` (m, k, k); ``rows`` (m,); returns (m, n).
    """
    named = described.name[rows]
    x, y, scale, direction, orientation = (
        getattr(described, f"shape_{name}")[rows, 0]
        for name in ("x", "y", "scale", "direction", "orientation")
    )
    found = np.full(patches.shape[:2], np.nan)
    varied = np.ptp(patches, axis=(-2, -1)) > 0
    for some, angles, wanted, period in (
        (named == "edge", edge_direction, direction, 360),
        (np.isin(named, ("bar", "grating")), line_orientation, orientation, 180),
    ):
        if some.any():
            apart = angles(patches[some], x[some], y[some]) - wanted[some, None]
            apart = np.abs((apart + period / 2) % period - period / 2)
            found[some] = np.where(varied[some] & ~np.isnan(apart), apart <= period / 8, np.nan)
    some = ~np.isin(named, (*ORIENTED, "unnamed"))
    if some.any():
        inside, sign = _strong_taps(forms[some], named[some], x[some], y[some], scale[some])
        taps = patches[some].reshape(int(some.sum()), patches.shape[1], -1)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = [(taps * part).sum(-1) / part.sum(-1) for part in (inside, ~inside)]
        apart = sign * (means[0] - means[1])
        found[some] = np.where(varied[some] & ~np.isnan(apart), apart > 0, np.nan)
    return found


def match(patches: Numbers, forms: Numbers) -> Numbers:
    """Return the correlation over taps of patches with forms.

    Shapes: ``patches`` (m, n, k, k); ``forms`` (m, k, k); returns (m, n).
    """
    one = patches.reshape(*patches.shape[:2], -1)
    two = forms.reshape(len(forms), 1, -1)
    varied = (np.ptp(one, axis=-1) > 0) & (np.ptp(two, axis=-1) > 0)
    one, two = one - one.mean(-1, keepdims=True), two - two.mean(-1, keepdims=True)
    scale = np.sqrt((one**2).sum(-1) * (two**2).sum(-1))
    found = np.full(scale.shape, np.nan)
    np.divide((one * two).sum(-1), scale, out=found, where=varied & (scale > 0))
    return found
