"""Kernels whose name is known, from formulas of their own, not from the bank."""

import numpy as np

PLANTED = (
    *("identity", "shift", "blob+", "blob-", "on-centre", "off-centre", "edge", "bar"),
    *("ring", "cross", "grating", "frame", "flat"),
)


def _tap(rng, k, shifted):
    taps, middle = np.zeros((k, k)), k // 2
    row = column = middle
    # A window of an even side has four taps in its middle.
    while shifted and max(abs(2 * row - k + 1), abs(2 * column - k + 1)) < 2:
        row, column = rng.integers(0, k, 2)
    taps[row, column] = 1
    return taps


def picture(name, k, rng):
    """Draw one kernel of this name, k x k, positions, sizes and angles at random."""
    r = (k - 1) / 2
    y, x = np.mgrid[-r : r + 1, -r : r + 1]
    y, u = -y, rng.uniform
    angle, sign = u(0, np.pi), rng.choice([-1, 1])
    if name in ("identity", "shift"):
        return sign * _tap(rng, k, name == "shift")
    if name == "flat":
        return sign * np.ones((k, k))
    if name == "frame":
        sides = rng.random(4) < 0.6
        sides[rng.integers(4)] = True
        border = np.zeros((k, k))
        for chosen, part in zip(
            sides, (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]), strict=True
        ):
            border[part] = np.maximum(border[part], chosen)
        return sign * border
    cx, cy = u(-0.2, 0.2, 2) * r
    along = np.cos(angle) * (x - cx) + np.sin(angle) * (y - cy)
    across = np.cos(angle) * (y - cy) - np.sin(angle) * (x - cx)
    square = along**2 + across**2
    if name.startswith("blob"):
        s = u(0.8, max(1.0, k / 7))
        return (1 if name == "blob+" else -1) * np.exp(-square / (2 * s * s))
    if name.endswith("centre"):
        s = u(0.85, max(1.0, k / 9))
        near = (x - cx / 3) ** 2 + (y - cy / 3) ** 2
        # A Laplacian of a Gaussian, its surround as deep as its definition makes it.
        mexican = (1 - near / (2 * s * s)) * np.exp(-near / (2 * s * s))
        return (1 if name == "on-centre" else -1) * mexican
    if name == "edge":
        if rng.random() < 0.5:
            return np.sign(across + 1e-9) * np.minimum(np.abs(across) / u(0.5, 1.5), 1)
        s = u(0.8, max(1.0, k / 6))
        return across * np.exp(-square / (2 * s * s))
    if name == "bar":
        s = u(0.5, max(0.7, k / 10))
        line = (1 - u(0, 1) * (across / s) ** 2) * np.exp(-((across / s) ** 2) / 2)
        return sign * line * (1 if rng.random() < 0.5 else np.exp(-((along / s) ** 2) / 18))
    if name == "ring":
        radius = u(0.5, 0.62) * r if k > 5 else 1.4
        away = np.hypot(x - cx / 4, y - cy / 4)
        ring = np.exp(-((away - radius) ** 2) / 0.72)
        return sign * (ring - u(0.2, 0.8) * np.exp(-(away**2) / (0.5 * radius**2)))
    if name == "cross":
        w = u(0.4, max(0.5, k / 14))
        arms = np.exp(-np.minimum(along**2, across**2) / (2 * w * w))
        return sign * arms * np.exp(-square / (2 * (0.8 * r) ** 2))
    wave = u(2.2, k / 2.2)
    return np.cos(2 * np.pi * across / wave + u(0, 2 * np.pi))


def planted(name, k, count, seed=0, decibels=12.0):
    """Return kernels (count, k, k) of one name in white noise."""
    rng = np.random.default_rng([seed, k, PLANTED.index(name)])
    clean = np.stack([picture(name, k, rng) for _ in range(count)])
    noise = rng.standard_normal(clean.shape)
    size = np.linalg.norm(clean, axis=(1, 2)) / np.linalg.norm(noise, axis=(1, 2))
    return clean + noise * (size * 10 ** (-decibels / 20))[:, None, None]
