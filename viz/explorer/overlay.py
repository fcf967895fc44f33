"""Pictures made without a drawing: maps over a photograph, tiles, the key to the colours."""

from __future__ import annotations

import html
import io

import numpy as np
from matplotlib.colors import to_hex
from numpy.typing import NDArray
from PIL import Image

from viz.plot.mosaic import enlarge, signed_tiles
from viz.plot.overlay import laid_over, pale
from viz.plot.style import SIGNED

_SIDE = 448
"""Pixels that a picture has at least, so that a browser does not smooth it."""


def as_png(picture: NDArray[np.uint8]) -> bytes:
    """Return pixels as a PNG, enlarged by whole pixels to what a screen shows."""
    out = io.BytesIO()
    zoom = max(1, -(-_SIDE // max(picture.shape[:2])))
    Image.fromarray(enlarge(picture, zoom)).save(out, format="PNG", compress_level=1)
    return out.getvalue()


def photo(image: NDArray[np.uint8]) -> bytes:
    """Return a photograph as the network sees it."""
    return as_png(image)


def over(image: NDArray[np.uint8], values: NDArray[np.floating], limit: float, patch: int) -> bytes:
    """Return a map on patches over the photograph, which is grey below it."""
    below = pale(image)
    colours = enlarge(laid_over(values, limit), patch)  # type: ignore[arg-type]
    high, wide = colours.shape[:2]
    share = colours[..., 3:]
    below[:high, :wide] = share * colours[..., :3] + (1 - share) * below[:high, :wide]
    return as_png((255 * below).round().astype(np.uint8))


def tile(values: NDArray[np.floating], limit: float | None = None) -> bytes:
    """Return a kernel or a map in signed colours; by default up to its own largest value."""
    values = np.nan_to_num(values)
    end = float(np.abs(values).max()) if limit is None else limit
    return as_png(signed_tiles(values[None], np.array([end or 1.0]))[0])


def ramp() -> list[str]:
    """Return the signed colours from the negative to the positive end."""
    return [to_hex(SIGNED(step)) for step in np.linspace(0, 1, 21)]


def key(limit: float, unit: str) -> str:
    """Return the key to the colours of maps, in HTML."""
    gradient = f"linear-gradient(to right, {','.join(ramp())})"
    bar = f"width:9rem;height:.7rem;border:1px solid #8888;background:{gradient}"
    return (
        '<div style="display:flex;flex-wrap:wrap;gap:.2rem .5rem;align-items:center;'
        f'font-size:.8rem"><span>−{limit:.2g}</span><span style="{bar}"></span>'
        f"<span>+{limit:.2g}</span><span>{html.escape(unit)}</span></div>"
    )
