"""Kernels with a known answer, made without the program's own formulas.

Half of each bank is Bessel-sampled, T(n; t) = exp(-t) I_n(t), whose variance is t exactly
(Lindeberg, "Scale-space for discrete signals", 1990), at whole taps, its derivatives finite
differences steered to an angle. The other half lies between taps: Gaussians of variance t - 1/12
averaged over each tap's square, which makes their variance t again, and their derivatives are
differences of two such kernels a short way apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, ive, j0

Array = NDArray[np.float64]
PAD = 12


@dataclass
class Bank:
    """Planted kernels (n, k, k) and the truth about each, nan where there is none."""

    kernels: Array
    clean: Array
    label: NDArray[np.str_]
    scale: Array
    orientation: Array
    direction: Array
    x: Array
    y: Array


def bessel(k: int, sigma_x: Array, sigma_y: Array) -> Array:
    """Discrete Gaussians on k + 2 PAD taps a side, unit sum, standard deviations exact."""
    n = np.abs(np.arange(k + 2 * PAD) - (k - 1) // 2 - PAD)
    row = ive(n[None], np.asarray(sigma_y)[:, None] ** 2)
    column = ive(n[None], np.asarray(sigma_x)[:, None] ** 2)
    return row[:, :, None] * column[:, None, :]


def along(big: Array, angle: Array) -> Array:
    """Central finite difference in the direction of each angle (degrees, y up)."""
    dx = (np.roll(big, -1, 2) - np.roll(big, 1, 2)) / 2
    dy = (np.roll(big, 1, 1) - np.roll(big, -1, 1)) / 2
    a = np.deg2rad(angle)[:, None, None]
    return np.cos(a) * dx + np.sin(a) * dy


def second(big: Array, angle: Array) -> Array:
    """Second difference between next neighbours along angles that are multiples of 45 degrees."""
    step = np.round(angle / 45).astype(int) % 4
    neighbours = [(0, 1), (-1, 1), (-1, 0), (-1, -1)]
    both = np.stack(
        [np.roll(big, (y, x), (1, 2)) + np.roll(big, (-y, -x), (1, 2)) for y, x in neighbours]
    )
    return both[step, np.arange(len(big))] - 2 * big


def averaged(k: int, shape: Callable[[Array, Array], Array], fine: int = 7) -> Array:
    """Average shape(x, y) over every tap's square."""
    line = (np.arange(k * fine) + 0.5) / fine - k / 2
    y, x = np.meshgrid(-line, line, indexing="ij")
    values = shape(x[None], y[None])
    n = len(values)
    return values.reshape(n, k, fine, k, fine).mean((2, 4))


def crop(big: Array, x: Array, y: Array) -> Array:
    """Cut the middle out of padded kernels after moving them by whole taps."""
    k = big.shape[1] - 2 * PAD
    row, column = PAD + y.astype(int), PAD - x.astype(int)
    take = np.arange(k)
    n = np.arange(len(big))[:, None, None]
    return big[n, (row[:, None] + take)[:, :, None], (column[:, None] + take)[:, None, :]]


def bump(k: int, sigma: Array, x: Array, y: Array) -> Array:
    """Gaussians of unit sum between taps, averaged over each tap; variance sigma^2 exactly."""
    width = np.sqrt(2 * (sigma**2 - 1 / 12))[:, None]
    edges = np.arange(k + 1) - k / 2
    across = np.diff(erf((edges - x[:, None]) / width), axis=1) / 2
    down = np.diff(erf((edges + y[:, None]) / width), axis=1) / 2
    return down[:, :, None] * across[:, None, :]


def slope(k: int, sigma: Array, x: Array, y: Array, angle: Array, order: int) -> Array:
    """First or second difference of such Gaussians, a twentieth of a tap apart."""
    h = 0.05
    dx, dy = h * np.cos(np.deg2rad(angle)), h * np.sin(np.deg2rad(angle))
    up, down = bump(k, sigma, x - dx, y - dy), bump(k, sigma, x + dx, y + dy)
    if order == 1:
        return (up - down) / (2 * h)
    return (up - 2 * bump(k, sigma, x, y) + down) / h**2


def noisy(clean: Array, rng: np.random.Generator, decibel: tuple[float, float]) -> Array:
    """Add white noise: energy of signal over energy of noise, in decibels."""
    n = len(clean)
    noise = rng.standard_normal(clean.shape)
    level = 10 ** (-rng.uniform(*decibel, n) / 20)
    ratio = np.linalg.norm(clean.reshape(n, -1), axis=1) / np.linalg.norm(
        noise.reshape(n, -1), axis=1
    )
    return clean + noise * (level * ratio)[:, None, None]


def plant(
    label: str,
    n: int,
    k: int,
    rng: np.random.Generator,
    *,
    decibel: tuple[float, float] = (10, 30),
    reach: float = 1.0,
) -> Bank:
    """One atom per kernel: its label's formula over scales, angles and places.

    ``reach`` is the largest offset from the middle along x and y, in taps.
    """
    nan = np.full(n, np.nan)
    x, y = rng.uniform(-reach, reach, n), rng.uniform(-reach, reach, n)
    half = n // 2
    whole = np.arange(n) < half
    x[whole], y[whole] = np.round(x[whole]), np.round(y[whole])
    theta = rng.uniform(0, 180, n)
    sign = rng.choice([-1.0, 1.0], n)
    orientation, direction, scale = nan, nan, nan
    first, last = slice(0, half), slice(half, n)

    def both(on_taps: Callable[[slice], Array], between: Callable[[slice], Array]) -> Array:
        return np.concatenate([crop(on_taps(first), x[first], y[first]), between(last)])

    if label in ("blob+", "blob-"):
        scale = rng.uniform(0.55, k / 4.5, n)
        clean = both(
            lambda i: bessel(k, scale[i], scale[i]), lambda i: bump(k, scale[i], x[i], y[i])
        )
        clean = clean if label == "blob+" else -clean
    elif label in ("on-centre", "off-centre"):
        scale = rng.uniform(0.6, k / 7, n)
        wide = scale * rng.uniform(1.6, 2.6, n)
        weight = rng.uniform(0.75, 1.0, n)[:, None, None]
        clean = both(
            lambda i: bessel(k, scale[i], scale[i]) - weight[i] * bessel(k, wide[i], wide[i]),
            lambda i: bump(k, scale[i], x[i], y[i]) - weight[i] * bump(k, wide[i], x[i], y[i]),
        )
        clean = clean if label == "on-centre" else -clean
    elif label == "edge":
        scale = rng.uniform(0.6, k / 5, n)
        direction = np.where(sign > 0, theta + 90, theta + 270) % 360
        # The derivative of a bump is positive on the near side.
        clean = -both(
            lambda i: along(bessel(k, scale[i], scale[i]), direction[i]),
            lambda i: slope(k, scale[i], x[i], y[i], direction[i], 1),
        )
        orientation = theta
    elif label == "bar":
        scale = rng.uniform(0.7, k / 6, n)
        theta[whole] = 45 * rng.integers(0, 4, half)
        clean = both(
            lambda i: second(bessel(k, scale[i], scale[i]), theta[i] + 90),
            lambda i: slope(k, scale[i], x[i], y[i], theta[i] + 90, 2),
        )
        clean, orientation = clean * sign[:, None, None], theta
    elif label == "ring":
        # A Bessel function under a window: zeros at 2.405 and 5.520 over kappa.
        scale = rng.uniform(0.1, 0.15, n) * k
        kappa, spread = 2.405 / scale, scale * rng.uniform(1.5, 2.0, n)

        def rings(px: Array, py: Array) -> Array:
            r = np.hypot(px - x[:, None, None], py - y[:, None, None])
            window = np.exp(-(r**2) / (2 * spread[:, None, None] ** 2))
            return j0(kappa[:, None, None] * r) * window

        clean = averaged(k, rings) * sign[:, None, None]
    elif label == "cross":
        scale = rng.uniform(0.5, 0.9, n) * k / 9
        length = rng.uniform(2.5, 4.0, n) * scale
        orientation = rng.uniform(0, 90, n)
        a = np.deg2rad(orientation)[:, None, None]

        def arms(px: Array, py: Array) -> Array:
            dx, dy = px - x[:, None, None], py - y[:, None, None]
            u, v = dx * np.cos(a) + dy * np.sin(a), dy * np.cos(a) - dx * np.sin(a)
            # Averaging over the taps widens by 1/12 in variance.
            s, w = np.sqrt(np.stack([scale, length])[:, :, None, None] ** 2 - 1 / 12)
            one = np.exp(-(u**2) / (2 * w**2) - v**2 / (2 * s**2))
            return one + np.exp(-(v**2) / (2 * w**2) - u**2 / (2 * s**2))

        clean = averaged(k, arms) * sign[:, None, None]
    elif label == "grating":
        scale = rng.uniform(2.4, k / 2.3, n)
        spread = rng.uniform(0.75, 1.2, n) * scale
        phase = rng.uniform(0, 2 * np.pi, n)
        a = np.deg2rad(theta)[:, None, None]

        def stripes(px: Array, py: Array) -> Array:
            dx, dy = px - x[:, None, None], py - y[:, None, None]
            across = dy * np.cos(a) - dx * np.sin(a)
            wave = 2 * np.pi * across / scale[:, None, None] + phase[:, None, None]
            return np.cos(wave) * np.exp(-(dx**2 + dy**2) / (2 * spread[:, None, None] ** 2))

        clean, orientation = averaged(k, stripes, 5), theta
    elif label in ("identity", "shift"):
        middle = (k - 1) // 2
        clean = np.zeros((n, k, k))
        row, column = np.full(n, middle), np.full(n, middle)
        if label == "shift":
            step = rng.integers(0, 8, n)
            turn = np.deg2rad(45 * step)
            row = middle - np.round(np.sin(turn)).astype(int)
            column = middle + np.round(np.cos(turn)).astype(int)
        clean[np.arange(n), row, column] = sign
        x, y = (column - middle).astype(float), (middle - row).astype(float)
    else:
        raise ValueError(label)
    return Bank(
        noisy(clean, rng, decibel),
        clean,
        np.full(n, label, dtype="<U12"),
        scale,
        orientation,
        direction,
        x,
        y,
    )


def strengths(parts: Array) -> Array:
    """R^2 lost, (m, n), when one of m known parts (m, n, k, k) goes and the others are rescaled."""
    m, n = parts.shape[:2]
    flat = parts.reshape(m, n, -1).transpose(1, 0, 2)
    total = flat.sum(1)
    energy = ((total - total.mean(1, keepdims=True)) ** 2).sum(1)
    lost = np.empty((m, n))
    for j in range(m):
        for i in range(n):
            others = np.vstack([np.delete(flat[i], j, 0), np.ones(flat.shape[-1])]).T
            left = total[i] - others @ np.linalg.lstsq(others, total[i], rcond=None)[0]
            lost[j, i] = (left**2).sum() / energy[i]
    return lost


def overlaps(parts: Array) -> Array:
    """Largest cosine, (n,), between the absolute taps, mean removed first, of two parts of m."""
    flat = np.abs(parts - parts.mean((2, 3), keepdims=True)).reshape(*parts.shape[:2], -1)
    flat /= np.linalg.norm(flat, axis=2, keepdims=True)
    cosine = np.einsum("ant,bnt->abn", flat, flat)
    cosine[np.arange(len(parts)), np.arange(len(parts))] = 0
    return cosine.max((0, 1))


def plant_sums(
    labels: list[str],
    n: int,
    k: int,
    rng: np.random.Generator,
    *,
    atoms: int,
    decibel: tuple[float, float] = (10, 30),
    reach: float = 2.0,
    clear: float = 1.5,
    overlap: float = 1.0,
) -> tuple[Bank, Array]:
    """Sums of atoms of different energy; the truth is the strongest's, and the losses (m, n).

    Only sums are kept whose strongest part loses ``clear`` times as much as the next, and whose
    parts lie side by side: the cosine between the absolute taps of any two is at most ``overlap``.
    """
    banks, lost = [], []
    while sum(len(b.kernels) for b in banks) < n:
        each = [mixed(labels, 8 * n, k, rng, reach) for _ in range(atoms)]
        energy = np.linalg.norm([b.clean for b in each], axis=(2, 3), keepdims=True)
        weight = rng.uniform(0.5, 1.0, (atoms, 8 * n, 1, 1))
        parts = np.stack([b.clean for b in each]) / energy * weight
        apart = np.flatnonzero(overlaps(parts) <= overlap)[: 4 * n]
        loss = strengths(parts[:, apart])
        order = np.sort(loss, axis=0)
        keep = order[-1] >= clear * order[-2]
        rows, top = apart[keep], loss.argmax(0)[keep]
        if not len(rows):
            continue
        pick = {
            f: np.stack([getattr(b, f) for b in each])[top, rows]
            for f in ("label", "scale", "orientation", "direction", "x", "y")
        }
        clean = parts.sum(0)[rows]
        banks.append(Bank(kernels=noisy(clean, rng, decibel), clean=clean, **pick))
        lost.append(loss[:, keep])
    bank, losses = joined(banks), np.concatenate(lost, axis=1)
    return Bank(*(getattr(bank, f)[:n] for f in Bank.__dataclass_fields__)), losses[:, :n]


def mixed(labels: list[str], n: int, k: int, rng: np.random.Generator, reach: float) -> Bank:
    """Single atoms of labels drawn at random, without noise."""
    banks = [plant(name, n, k, rng, decibel=(200, 201), reach=reach) for name in labels]
    which, row = rng.integers(len(labels), size=n), rng.permutation(n)
    return Bank(
        *(np.stack([getattr(b, f) for b in banks])[which, row] for f in Bank.__dataclass_fields__)
    )


def joined(banks: list[Bank]) -> Bank:
    return Bank(
        *(np.concatenate([getattr(b, f) for b in banks]) for f in Bank.__dataclass_fields__)
    )
