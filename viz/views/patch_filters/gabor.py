"""Gabor functions fitted to many small maps at once, in batches and with an exact Jacobian."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from viz.core.threads import one_thread

_CHUNK = 1 << 17  # elements of one array of a chunk: a dozen of them stay in the cache
_PATIENCE = 6
TWO_PI = 2 * np.pi


def pixel_grid(p: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """Return x to the right and y upward of each pixel, (p*p,), 0 in the middle of the map."""
    axis = torch.arange(p, dtype=dtype) - (p - 1) / 2
    y, x = torch.meshgrid(-axis, axis, indexing="ij")
    return x.reshape(-1), y.reshape(-1)


def _bounds(q: Tensor, p: int) -> tuple[Tensor, Tensor]:
    """Return the limits of parameters (b, 6) on p x p pixels.

    The centre lies within the patch. The frequency runs from a quarter of a cycle per patch to
    Nyquist along an axis (more along a diagonal), sigma from half a pixel, below which a Gaussian
    is one pixel, to the patch's side.
    """
    low, high = torch.empty_like(q), torch.empty_like(q)
    low[:, :2], high[:, :2] = -p / 2, p / 2
    low[:, 2], high[:, 2] = -torch.inf, torch.inf
    longest = torch.maximum(q[:, 2].cos().abs(), q[:, 2].sin().abs())
    low[:, 3], high[:, 3] = min(0.25 / p, 0.25), 0.5 / longest
    low[:, 4:], high[:, 4:] = np.log(0.5), np.log(p)
    return low, high


def _project(q: Tensor, p: int) -> Tensor:
    """Move parameters into their bounds."""
    low, high = _bounds(q, p)
    return torch.maximum(torch.minimum(q, high), low)


def _pinned(q: Tensor, descent: Tensor, p: int) -> Tensor:
    """Which parameters stand at a bound that the descent would cross, (b, 6)."""
    low, high = _bounds(q, p)
    slack = 1e-6
    return ((q <= low + slack) & (descent < 0)) | ((q >= high - slack) & (descent > 0))


def _basis(q: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return u across and v along the stripes, and the cosine and sine Gabor, each (b, p*p)."""
    dx, dy = x - q[:, 0, None], y - q[:, 1, None]
    cos, sin = q[:, 2, None].cos(), q[:, 2, None].sin()
    u, v = dx * cos + dy * sin, dy * cos - dx * sin
    weight = torch.exp(-2 * q[:, 4:])
    envelope = torch.exp(-0.5 * (u * u * weight[:, :1] + v * v * weight[:, 1:]))
    angle = TWO_PI * q[:, 3, None] * u
    return u, v, envelope * angle.cos(), envelope * angle.sin()


def _solve_pair(c: Tensor, s: Tensor, maps: Tensor) -> Tensor:
    """Least-squares amplitudes (b, 2) of the cosine and the sine Gabor."""
    cc, ss, cs = (c * c).sum(1), (s * s).sum(1), (c * s).sum(1)
    cm, sm = (c * maps).sum(1), (s * maps).sum(1)
    # A ridge far below the data keeps two parallel columns from cancelling at huge amplitudes.
    tiny = 1e-6 * (cc + ss) + 1e-30
    cc, ss = cc + tiny, ss + tiny
    det = cc * ss - cs * cs
    return torch.stack([(ss * cm - cs * sm) / det, (cc * sm - cs * cm) / det], 1)


def normal_equations(
    maps: Tensor, q: Tensor, x: Tensor, y: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the squared residual (b,), and J^T J (b, 6, 6) and J^T r (b, 6) of the six parameters.

    The two amplitudes are solved for at every step (variable projection) and eliminated from
    J^T J by a Schur complement.
    """
    u, v, c, s = _basis(q, x, y)
    pair = _solve_pair(c, s, maps)
    a, b = pair[:, :1], pair[:, 1:]
    h, w = a * c + b * s, b * c - a * s
    cos, sin = q[:, 2, None].cos(), q[:, 2, None].sin()
    weight = torch.exp(-2 * q[:, 4:])
    omega = TWO_PI * q[:, 3, None]
    hu, hv = omega * w - u * h * weight[:, :1], -v * h * weight[:, 1:]
    rows = torch.empty((len(q), 9, maps.shape[1]), dtype=maps.dtype)
    rows[:, 0] = hv * sin - hu * cos
    rows[:, 1] = -(hu * sin + hv * cos)
    rows[:, 2] = hu * v - hv * u
    rows[:, 3] = TWO_PI * u * w
    rows[:, 4] = u * u * h * weight[:, :1]
    rows[:, 5] = v * v * h * weight[:, 1:]
    rows[:, 6], rows[:, 7] = c, s
    torch.sub(maps, h, out=rows[:, 8])
    gram = rows @ rows.transpose(1, 2)
    linear = gram[:, 6:8, 6:8] + 0
    tiny = 1e-6 * (linear[:, 0, 0] + linear[:, 1, 1]) + 1e-30
    linear[:, 0, 0] += tiny
    linear[:, 1, 1] += tiny
    cross = gram[:, 6:8, :6]
    schur = gram[:, :6, :6] - cross.transpose(1, 2) @ torch.linalg.solve(linear, cross)
    return gram[:, 8, 8], schur, gram[:, :6, 8]


def _in_chunks(maps: Tensor, q: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    size = max(1, _CHUNK // maps.shape[1])
    parts = [
        normal_equations(maps[i : i + size], q[i : i + size], x, y) for i in range(0, len(q), size)
    ]
    sse, hessian, descent = (torch.cat(part) for part in zip(*parts, strict=True))
    return sse, hessian, descent


def _step(hessian: Tensor, descent: Tensor, damping: Tensor, pinned: Tensor) -> Tensor:
    """Solve (J^T J + damping diag) step = J^T r over the parameters that are free."""
    free = (~pinned).to(hessian.dtype)
    diagonal = hessian.diagonal(dim1=1, dim2=2)
    floor = 1e-6 * diagonal.amax(1, keepdim=True) + 1e-20
    matrix = hessian * free[:, :, None] * free[:, None, :]
    matrix = matrix + torch.diag_embed(
        damping[:, None] * torch.maximum(diagonal, floor) + (1 - free) * floor + 1e-3 * floor
    )
    step, info = torch.linalg.solve_ex(matrix, (descent * free)[:, :, None])
    step = step[:, :, 0]
    return torch.where((info[:, None] == 0) & step.isfinite(), step, torch.zeros_like(step))


def fit(
    maps: Tensor, start: Tensor, p: int, *, iterations: int = 80, tolerance: float = 1e-5
) -> tuple[Tensor, Tensor]:
    """Fit one Gabor to each map from one start each, by bounded Levenberg-Marquardt.

    Shapes: ``maps`` (b, p*p); ``start`` (b, 6); returns q (b, 6), sse (b,).
    """
    x, y = pixel_grid(p, maps.dtype)
    q = _project(start, p)
    sse, hessian, descent = _in_chunks(maps, q, x, y)
    out_q, out_sse = q.clone(), sse.clone()
    alive = torch.arange(len(q))
    damping = torch.full_like(sse, 1e-2)
    stalled = torch.zeros(len(q), dtype=torch.int64)
    for _ in range(iterations):
        step = _step(hessian, descent, damping, _pinned(q, descent, p))
        # No further than the data reach: a tenth of Nyquist, a radian, a factor of e.
        reach = torch.tensor([p / 4, p / 4, 0.5, 0.1, 0.7, 0.7], dtype=q.dtype)
        trial = _project(q + step.clamp(-reach, reach), p)
        new, new_hessian, new_descent = _in_chunks(maps, trial, x, y)
        better = new < sse
        gain = torch.where(better, sse - new, torch.zeros_like(sse))
        q = torch.where(better[:, None], trial, q)
        hessian = torch.where(better[:, None, None], new_hessian, hessian)
        descent = torch.where(better[:, None], new_descent, descent)
        sse = torch.where(better, new, sse)
        damping = torch.where(better, damping * 0.2, damping * 5).clamp(1e-7, 1e7)
        stalled = torch.where(gain < tolerance, stalled + 1, torch.zeros_like(stalled))
        going = stalled < _PATIENCE
        out_q[alive], out_sse[alive] = q, sse
        if not going.any():
            break
        if going.float().mean() < 0.8:
            maps, q, sse, hessian, descent, damping, stalled, alive = (
                t[going] for t in (maps, q, sse, hessian, descent, damping, stalled, alive)
            )
    return out_q, out_sse


def starts(maps: NDArray[np.float64], p: int) -> NDArray[np.float64]:
    """Return seven starts per map, (n, 7, 6), as `fit` takes them.

    Carriers come from the two highest peaks of the zero-padded spectrum, and from low frequencies
    along and across the first (elongated blobs, whose spectrum peaks at zero); centres from the
    centroid of the energy and from the largest pixel.
    """
    n, size = len(maps), max(32, 2 * p)
    power = np.abs(np.fft.fft2(maps.reshape(n, p, p), s=(size, size))) ** 2
    steps = np.fft.fftfreq(size)
    fy, fx = np.meshgrid(-steps, steps, indexing="ij")
    half = (fx > 0) | ((fx == 0) & (fy >= 0))
    peak = half & np.ones(power.shape, dtype=bool)
    for shift in ((0, 1), (1, 0), (1, 1), (1, -1)):
        ahead = np.roll(power, shift, (1, 2))
        behind = np.roll(power, (-shift[0], -shift[1]), (1, 2))
        peak &= (power >= ahead) & (power >= behind)
    height = np.where(peak, power, 0).reshape(n, -1)
    best = np.argpartition(-height, 1, axis=1)[:, :2]
    best = np.take_along_axis(best, np.argsort(-np.take_along_axis(height, best, 1), 1), 1)
    carrier_x, carrier_y = fx.ravel()[best], fy.ravel()[best]
    frequency, theta = np.hypot(carrier_x, carrier_y), np.arctan2(carrier_y, carrier_x)
    x, y = (axis.numpy() for axis in pixel_grid(p))
    energy = maps**2
    largest = energy.argmax(1)
    middle = (energy @ x, energy @ y)
    top = (x[largest], y[largest])
    low, turned = np.full(n, 0.5 / p), theta[:, 0] + np.pi / 2
    wide, normal, narrow = p / 3, p / 4, p / 6
    rows = (
        (*middle, theta[:, 0], frequency[:, 0], wide),
        (*middle, theta[:, 0], frequency[:, 0], narrow),
        (*top, theta[:, 0], frequency[:, 0], narrow),
        (*middle, theta[:, 1], frequency[:, 1], normal),
        (*middle, turned, low, narrow),
        (*top, turned, low, narrow),
        (*top, theta[:, 0], low, narrow),
    )
    return np.stack(
        [
            np.stack([cx, cy, t, f, np.full(n, np.log(s)), np.full(n, np.log(s))], 1)
            for cx, cy, t, f, s in rows
        ],
        axis=1,
    )


def fit_maps(
    maps: NDArray[np.float64], p: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Fit a Gabor to each map: the best of seven starts.

    The map is ``amplitude * exp(-u^2 / 2 sigma_across^2 - v^2 / 2 sigma_along^2) * cos(2 pi
    frequency u + phase)``, u along the direction ``orientation + 90`` and v across it, both from
    the centre. No constant is added.

    Shapes: ``maps`` (n, p*p); returns parameters (n, 8), fitted (n, p*p), r2 (n,).

    The model: Daugman, J. Opt. Soc. Am. A 2 (1985); Jones and Palmer, J. Neurophysiol. 58 (1987).
    Amplitude and phase enter linearly and are solved for inside every step (variable projection,
    Golub and Pereyra 1973, with Kaufman's 1975 Jacobian), so that no starts over phase are needed.
    """
    if not len(maps):
        return np.zeros((0, 8)), np.zeros((0, p * p)), np.zeros(0)
    norm = np.linalg.norm(maps, axis=1, keepdims=True)
    unit = maps / norm
    begin = torch.from_numpy(starts(unit, p)).float()
    per_map = begin.shape[1]
    exact = torch.from_numpy(unit)
    repeated = exact.float().repeat_interleave(per_map, 0)
    with one_thread():
        q, sse = fit(repeated, begin.reshape(-1, 6), p)
        best = sse.view(-1, per_map).argmin(1)
        winner = q.view(-1, per_map, 6)[torch.arange(len(unit)), best].double()
        # Single precision finds the minimum, double precision its last digits.
        winner, _ = fit(exact, winner, p, iterations=40, tolerance=1e-9)
    fitted, pair = _render(exact, winner, p)
    values, a, b = winner.numpy(), pair[:, 0].numpy(), pair[:, 1].numpy()
    direction = np.degrees(values[:, 2]) % 360
    orientation = (direction - 90) % 180
    orientation = np.where(orientation >= 180, 0.0, orientation)
    # The carrier points to orientation + 90; one that points the other way has the phase negated.
    turned = np.abs((direction - orientation - 90 + 180) % 360 - 180) > 90
    phase = np.degrees(np.arctan2(np.where(turned, b, -b), a)) % 360
    phase = np.where(phase >= 360, 0.0, phase)
    middle = (p - 1) / 2
    parameters = np.stack(
        [
            middle - values[:, 1],
            middle + values[:, 0],
            orientation,
            values[:, 3],
            np.exp(values[:, 4]),
            np.exp(values[:, 5]),
            phase,
            np.hypot(a, b) * norm[:, 0],
        ],
        axis=1,
    )
    r2 = 1 - ((unit - fitted.numpy()) ** 2).sum(1)
    return parameters, fitted.numpy() * norm, r2


def _render(maps: Tensor, q: Tensor, p: int) -> tuple[Tensor, Tensor]:
    """Return the best fitted maps (b, p*p) at given parameters, and their amplitudes (b, 2)."""
    x, y = pixel_grid(p, maps.dtype)
    _, _, c, s = _basis(q, x, y)
    pair = _solve_pair(c, s, maps)
    return pair[:, :1] * c + pair[:, 1:] * s, pair
