"""Image files to arrays, safely; to the network's input, and back."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from viz.core.network import Preprocessing
from viz.core.refusal import Refusal

# What Pillow would print beside the sentence that refuses a file.
logging.getLogger("PIL").addHandler(logging.NullHandler())

IMAGE_SUFFIXES = frozenset(
    {
        *(".bmp", ".dds", ".dib", ".gif", ".icns", ".ico", ".pcx", ".psd", ".qoi", ".ras", ".tga"),
        *(".apng", ".avif", ".mpo", ".png", ".tif", ".tiff", ".webp", ".xbm", ".xpm"),
        *(".jfif", ".jpe", ".jpeg", ".jpg"),
        *(".j2c", ".j2k", ".jp2", ".jpc", ".jpf", ".jpx"),
        ".npy",
        *(".bw", ".pbm", ".pfm", ".pgm", ".pnm", ".ppm", ".sgi"),
    }
)
"""What a folder is searched for; a file given by itself may end in anything."""
MAX_PIXELS = 64_000_000
_MAX_BANDS = 256
MAX_SIDE = 8000
"""Of the network's square input, in pixels."""


class ImageError(Refusal):
    """An image file that cannot be used; the message is one sentence for the user."""


class ImageWarning(UserWarning):
    """How the values of an image were scaled, where that is not a matter of course."""


def find_images(folder: str | Path, *, arrays: bool = False) -> list[Path]:
    """List the image files of a folder and its subfolders, in a fixed order."""
    root = Path(folder)
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise ImageError(f"{root}: no such file or folder; give an image or a folder of images.")
    found = sorted(
        path
        for path in root.rglob("*")
        if path.suffix.lower() in IMAGE_SUFFIXES - (set() if arrays else {".npy"})
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
        and path.is_file()
    )
    if not found:
        raise ImageError(f"{root}: found no image file here; expected files such as .jpg or .png.")
    return found


@cache
def _formats() -> tuple[str, ...]:
    """Every format PIL reads by itself: EPS and WMF are programs, drawn by another program."""
    Image.init()
    return tuple(name for name in Image.ID if name not in {"EPS", "WMF"})


def scaled(values: NDArray[Any]) -> tuple[NDArray[np.float32], str]:
    """Bring the values of an image to [0, 1] by a rule that is told.

    Whole numbers: white is the largest number of their bits, and those are the fewest of 8, 10, 12,
    14 and 16 that hold all values. Floats in [0, 1] stay; in [-1, 1] they are halved and shifted;
    larger ones are divided by the largest. What has values below zero otherwise, or more than
    16 bits, is stretched from its smallest to its largest value.
    """
    whole = values.dtype.kind in "iub"
    found = np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = (float(found.min()), float(found.max())) if found.size else (0.0, 0.0)
    if values.dtype.kind == "b" or (not whole and low >= 0 and high <= 1):
        return found.astype(np.float32), ""
    if low >= 0 and (not whole or high <= 65535):
        bits = 8 * values.dtype.itemsize
        if whole and bits > 8:
            used = next(n for n in (8, 10, 12, 14, 16) if high < 1 << n)
            bits, expected = used, 16
        else:
            expected = bits
        white = float((1 << bits) - 1) if whole else high
        note = "" if whole and bits == expected else (
            f"values up to {high:g}: {white:g} is taken as white")  # fmt: skip
        return (found / white).astype(np.float32), note
    if not whole and low >= -1 and high <= 1:
        return ((found + 1) / 2).astype(np.float32), "values from -1 to 1: -1 is taken as black"
    stretched = (found - low) / max(high - low, 1e-300)
    note = f"values from {low:g} to {high:g}: stretched from black to white"
    return stretched.astype(np.float32), note


def _to_uint8(image: Image.Image) -> tuple[Image.Image, str]:
    """Flatten alpha on white, scale 16-bit and float modes, convert the rest to RGB."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        values, note = scaled(np.asarray(image))
        return Image.fromarray((values * 255 + 0.5).astype(np.uint8)).convert("RGB"), note
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB"), ""
    return image.convert("RGB"), ""


def _bands(image: Image.Image) -> NDArray[Any]:
    """Return all bands of an image: its own, or one of each page."""
    pages = getattr(image, "n_frames", 1)
    if pages == 1:
        return np.atleast_3d(np.asarray(image))
    found = []
    for page in range(min(pages, _MAX_BANDS)):
        image.seek(page)
        found.append(np.asarray(image.convert("L") if image.mode == "P" else image))
    return np.dstack(found)


def _numbers(values: NDArray[Any], name: str) -> NDArray[Any]:
    """Return an array if it may be an image."""
    if values.ndim not in (2, 3) or 0 in values.shape or values.dtype.kind not in "biuf":
        raise ImageError(
            f"{name}: an array of shape {values.shape} of {values.dtype} found, expected numbers "
            "of (height, width), (height, width, channels) or (channels, height, width)."
        )
    return values


def read_array(path: Path) -> NDArray[Any]:
    """Read a file of numpy.save: numbers alone, nothing in it is executed."""
    values = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(values, np.ndarray):
        raise ImageError(f"{path.name}: several arrays found in it; expected one.")
    values = _numbers(values, path.name)
    if values.size > MAX_PIXELS * 3:
        raise ImageError(f"{path.name}: {values.size:,} values found; shrink it first.")
    return np.array(values)


def read_pixels(path: str | Path, in_channels: int = 3) -> tuple[NDArray[Any], str]:
    """Read an image with as many channels as a network takes, and how its values were scaled.

    Shapes: returns pixels (height, width, channels).
    """
    path = Path(path)

    def read() -> tuple[NDArray[Any], str]:
        if path.suffix.lower() == ".npy":
            return pixels_of(read_array(path), in_channels, path.name)
        with Image.open(path, formats=_formats()) as image:
            bands = 1 if in_channels in (1, 3) else in_channels
            if image.width * image.height * bands > MAX_PIXELS:
                raise ImageError(
                    f"{path.name}: {image.width} x {image.height} pixels found, at most "
                    f"{MAX_PIXELS // 1_000_000} million expected; shrink it first."
                )
            return pixels_of(image, in_channels, path.name)

    return _reading(path, read)


def pixels_of(
    image: Image.Image | NDArray[Any], in_channels: int, name: str
) -> tuple[NDArray[Any], str]:
    """Return the pixels of a PIL image or an array, and how they were scaled."""
    if isinstance(image, Image.Image) and in_channels in (1, 3):
        flat, note = _to_uint8(ImageOps.exif_transpose(image))
        return np.array(flat), note
    values = _bands(image) if isinstance(image, Image.Image) else np.asarray(image)
    placed = _placed(_numbers(values, name), in_channels, name)
    return (placed, "") if placed.dtype == np.uint8 and in_channels == 3 else scaled(placed)


def _placed(values: NDArray[Any], in_channels: int, name: str) -> NDArray[Any]:
    """Put channels last; grey serves a network of three channels."""
    shape = values.shape
    values = values[..., None] if values.ndim == 2 else values
    if values.shape[-1] != in_channels and values.shape[0] == in_channels:
        values = np.moveaxis(values, 0, -1)
    if values.shape[-1] == 1 and in_channels == 3:
        values = values.repeat(3, axis=-1)
    if values.shape[-1] != in_channels:
        raise ImageError(
            f"{name}: an image of shape {shape} found, expected {in_channels} channels; the "
            "network takes files of numpy.save (.npy) and TIFF files with as many bands or pages."
        )
    return values


def read_image(path: str | Path) -> NDArray[np.uint8]:
    """Read any image file as upright RGB.

    Shapes: returns (height, width, 3).
    """
    pixels, note = read_pixels(path)
    if note:
        warnings.warn(f"{Path(path).name}: {note}.", ImageWarning, stacklevel=2)
    if pixels.dtype != np.uint8:
        pixels = (pixels * 255 + 0.5).astype(np.uint8)
    return pixels


def _reading(path: Path, read: Callable[[], tuple[NDArray[Any], str]]) -> tuple[NDArray[Any], str]:
    """Put whatever goes wrong with a file in a sentence."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return read()
    except ImageError:
        raise
    except FileNotFoundError:
        raise ImageError(f"{path.name}: no such file; check the path.") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageError(
            f"{path.name}: too many pixels found, at most {MAX_PIXELS // 1_000_000} million "
            "expected; shrink it first."
        ) from None
    except UnidentifiedImageError:
        tiff = path.suffix.lower() in (".tif", ".tiff")
        bands = ", a TIFF file with a page for each band, or a .npy array" if tiff else ""
        raise ImageError(
            f"{path.name}: not an image that can be read; expected JPEG, PNG or the like{bands}."
        ) from None
    except Exception as error:  # PIL's parsers raise whatever a broken file makes them meet.
        raise ImageError(
            f"{path.name}: broken image ({error}); expected a complete file, save it again."
        ) from None


def prepare(
    images: Sequence[NDArray[Any]], preprocessing: Preprocessing, *, in_channels: int = 3
) -> Tensor:
    """Turn images into one batch of network input.

    The short side is resized to ``image_size / crop``, the centre is cut out, values in [0, 1]
    have the mean subtracted and are divided by the standard deviation.

    Shapes: returns (n, in_channels, image_size, image_size).
    """
    size = preprocessing.image_size
    if size > MAX_SIDE:
        raise ImageError(
            f"an image size of {size} pixels found, at most {MAX_SIDE} expected; "
            "choose a smaller one."
        )
    short = round(size / preprocessing.crop)
    resample = {
        "bicubic": Image.Resampling.BICUBIC,
        "bilinear": Image.Resampling.BILINEAR,
    }[preprocessing.interpolation]
    batch = []
    for array in images:
        if array.dtype == np.uint8:
            image = Image.fromarray(array)
            layers = [image.convert("L") if in_channels == 1 else image]
        else:
            layers = [Image.fromarray(layer) for layer in np.moveaxis(array, -1, 0)]
        pixels = np.dstack([
            np.array(_cut(layer, size, short, resample), dtype=np.float32) for layer in layers
        ])  # fmt: skip
        pixels = pixels / np.float32(255) if array.dtype == np.uint8 else pixels
        batch.append(torch.from_numpy(pixels).permute(2, 0, 1))
    mean = torch.tensor(preprocessing.mean, dtype=torch.float32).view(-1, 1, 1)
    std = torch.tensor(preprocessing.std, dtype=torch.float32).view(-1, 1, 1)
    return ((torch.stack(batch) - mean) / std).contiguous()


def _cut(image: Image.Image, size: int, short: int, resample: Image.Resampling) -> Image.Image:
    """Resize the short side and cut out the centre."""
    scale = short / min(image.size)
    width, height = (max(size, round(side * scale)) for side in image.size)
    box = _centre(width, height, size)
    if width * height <= MAX_PIXELS:
        return image.resize((width, height), resample).crop(box)
    # Long and thin: resized whole it might be gigabytes. PIL rounds differently here, by a level or
    # two of 255, so this is not the way for every image.
    across, down = image.width / width, image.height / height
    part = (box[0] * across, box[1] * down, box[2] * across, box[3] * down)
    return image.resize((size, size), resample, box=part)


def _centre(width: int, height: int, size: int) -> tuple[int, int, int, int]:
    left, top = (width - size) // 2, (height - size) // 2
    return left, top, left + size, top + size


def told(
    preprocessing: Preprocessing,
    in_channels: int = 3,
    *,
    image_size: int | None = None,
    crop: float | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    interpolation: str | None = None,
) -> Preprocessing:
    """Replace what the user told of a preprocessing, and say so in its ``known``."""
    changes: dict[str, Any] = {"image_size": image_size, "crop": crop, "mean": mean, "std": std,
                               "interpolation": interpolation}  # fmt: skip
    changes = {name: value for name, value in changes.items() if value is not None}
    if not changes:
        return preprocessing
    for name in {"mean", "std"} & changes.keys():
        values = tuple(float(value) for value in changes[name])
        values = values * in_channels if len(values) == 1 else values
        if len(values) != in_channels or not np.isfinite(values).all():
            raise ImageError(
                f"{name} of {len(values)} values found, expected {in_channels} finite numbers: one "
                "per input channel."
            )
        changes[name] = values
    if min(changes.get("std", (1.0,))) <= 0:
        raise ImageError(f"std {changes['std']} found, expected positive numbers.")
    if changes.get("image_size", 1) < 1 or not 0 < changes.get("crop", 1.0) <= 1:
        raise ImageError("an image size of at least 1 pixel and a crop in (0, 1] are expected.")
    if changes.get("interpolation", "bicubic") not in ("bicubic", "bilinear"):
        raise ImageError(f"interpolation {interpolation!r} found, expected bicubic or bilinear.")
    names = ", ".join(name.replace("_", " ") for name in changes)
    known = f"{names} as told"
    if len(changes) < 5:
        known += f", the rest from: {preprocessing.known}"
    return replace(preprocessing, **changes, known=known)


def describe_preprocessing(preprocessing: Preprocessing) -> str:
    """Say in a sentence how images become network input, and how that is known."""

    def few(values: Sequence[float]) -> str:
        return ", ".join(f"{value:.4g}" for value in values)

    size = preprocessing.image_size
    return (
        f"short side resized to {round(size / preprocessing.crop)} px "
        f"({preprocessing.interpolation}), centre {size} x {size} px, "
        f"mean {few(preprocessing.mean)}, std {few(preprocessing.std)} ({preprocessing.known})."
    )


def unnormalise(batch: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Turn network input back into values in [0, 1] for display.

    Shapes: ``batch`` (..., c, h, w).
    """
    mean = torch.tensor(preprocessing.mean, device=batch.device, dtype=batch.dtype).view(-1, 1, 1)
    std = torch.tensor(preprocessing.std, device=batch.device, dtype=batch.dtype).view(-1, 1, 1)
    return (batch * std + mean).clamp(0, 1)


def resize_uint8(image: Tensor, height: int, width: int) -> Tensor:
    """Resize one uint8 image (c, h, w) with anti-aliasing, for training crops.

    Shapes: ``image`` (c, h, w); returns (c, height, width).
    """
    return F.interpolate(image[None], (height, width), mode="bilinear", antialias=True)[0]
