"""Filter banks whose answer is known, made by other formulas than the fit's."""

from __future__ import annotations

import numpy as np

GREY = np.array([1.0, 1.0, 1.0]) / np.sqrt(3)
RED_GREEN = np.array([1.0, -1.0, 0.0]) / np.sqrt(2)
YELLOW_BLUE = np.array([1.0, 1.0, -2.0]) / np.sqrt(6)
_SUB = 5


def _subpixels(p):
    """Row and column of a grid five times as fine as the pixels, (5p, 5p) each."""
    fine = (np.arange(p * _SUB) + 0.5) / _SUB - 0.5
    return np.meshgrid(fine, fine, indexing="ij")


def _area_mean(fine, p):
    """Average over each pixel's area, as a sensor does."""
    return fine.reshape(-1, p, _SUB, p, _SUB).mean((2, 4))


def gabor_maps(p, orientation, frequency, phase, centre, sigma, elongation):
    """Gabors of wave vector k and covariance S: Re exp(i k.r + i phase - r'S^-1 r / 2)."""
    row, column = _subpixels(p)
    out = []
    for angle, f, phi, (r0, c0), s, stretch in zip(
        orientation, frequency, phase, centre, sigma, elongation, strict=True
    ):
        # Stripes at 0 degrees are horizontal: their wave vector points up the screen.
        a = np.radians(angle)
        along = np.array([np.cos(a), np.sin(a)])  # (right, up)
        across = np.array([-np.sin(a), np.cos(a)])
        cov = s**2 * np.outer(across, across) + (s * stretch) ** 2 * np.outer(along, along)
        r = np.stack([column - c0, -(row - r0)], -1)
        mahalanobis = np.einsum("...i,ij,...j", r, np.linalg.inv(cov), r)
        wave = 1j * (2 * np.pi * f * (r @ across) + np.radians(phi))
        out.append(np.exp(wave - mahalanobis / 2).real)
    return _area_mean(np.array(out), p)


def blob_maps(p, centre, sigma, sign):
    """Gaussians, as products of two one-dimensional ones."""
    row, column = _subpixels(p)
    r0, c0 = (np.asarray(axis)[:, None, None] for axis in np.transpose(centre))
    s = np.asarray(sigma)[:, None, None]
    fine = np.exp(-((row - r0) ** 2) / (2 * s**2)) * np.exp(-((column - c0) ** 2) / (2 * s**2))
    return _area_mean(np.asarray(sign)[:, None, None] * fine, p)


def paint(maps, axis):
    """Spatial maps on a colour axis (c,): filters (n, c, p, p)."""
    return maps[:, None] * np.asarray(axis)[None, :, None, None]


def add_noise(filters, decibel, rng):
    """White noise so that each filter's energy is so many dB above the noise's."""
    noise = rng.standard_normal(filters.shape)
    size = np.sqrt((filters**2).sum((1, 2, 3)) / (noise**2).sum((1, 2, 3)))
    return filters + noise * (size * 10 ** (-decibel / 20))[:, None, None, None]


def random_gabors(rng, n, p):
    """Parameters of n Gabors of a cycle per patch and more, well inside the patch."""
    frequency = rng.uniform(1.0 / p, 0.35, n)
    return {
        "orientation": rng.uniform(0, 180, n),
        "frequency": frequency,
        "phase": rng.uniform(0, 360, n),
        "centre": (p - 1) / 2 + rng.uniform(-p / 8, p / 8, (n, 2)),
        "sigma": np.minimum(rng.uniform(0.35, 0.6, n) / frequency, p / 3),
        "elongation": rng.uniform(0.8, 1.6, n),
    }
