"""Image files to arrays, safely; to the network's input, and back."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
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

from viz.results.network import Preprocessing
from viz.results.refusal import Refusal

__all__ = [
    "IMAGE_SUFFIXES",
    "ImageError",
    "describe_preprocessing",
    "find_images",
    "prepare",
    "read_image",
    "told",
    "unnormalise",
]

IMAGE_SUFFIXES = frozenset(
    {
        *(".bmp", ".dds", ".dib", ".gif", ".icns", ".ico", ".pcx", ".psd", ".qoi", ".ras", ".tga"),
        *(".apng", ".avif", ".mpo", ".png", ".tif", ".tiff", ".webp", ".xbm", ".xpm"),
        *(".jfif", ".jpe", ".jpeg", ".jpg"),
        *(".j2c", ".j2k", ".jp2", ".jpc", ".jpf", ".jpx"),
        *(".bw", ".pbm", ".pfm", ".pgm", ".pnm", ".ppm", ".sgi"),
    }
)
"""What a folder is searched for; a file given by itself may end in anything."""
MAX_PIXELS = 64_000_000
MAX_SIDE = 8000
"""Of the network's square input, in pixels."""


class ImageError(Refusal):
    """An image file that cannot be used; the message is one sentence for the user."""


def find_images(folder: str | Path) -> list[Path]:
    """List the image files of a folder and its subfolders, in a fixed order.

    Parameters
    ----------
    folder : str or Path
        A folder, or one image file.

    Returns
    -------
    list of Path
        Sorted by path; hidden files and folders are left out.

    Raises
    ------
    ImageError
        If the path does not exist or holds no image.
    """
    root = Path(folder)
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise ImageError(f"{root}: no such file or folder; give an image or a folder of images.")
    found = sorted(
        path
        for path in root.rglob("*")
        if path.suffix.lower() in IMAGE_SUFFIXES
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


def _to_uint8(image: Image.Image) -> Image.Image:
    """Flatten alpha on white, stretch 16-bit and float modes, convert the rest to RGB."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        values = np.nan_to_num(np.asarray(image, dtype=np.float64), posinf=0.0, neginf=0.0)
        # 16-bit files say 65535 for white; a 32-bit mode has no white of its own.
        top = 65535.0 if image.mode != "F" else max(float(values.max(initial=0.0)), 1.0)
        scaled = np.clip(values / top * 255.0 + 0.5, 0, 255).astype(np.uint8)
        return Image.fromarray(scaled).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def read_image(path: str | Path, *, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """Read any image file as upright RGB.

    Parameters
    ----------
    path : str or Path
        Any file PIL reads: grey, palette, CMYK, 16-bit and transparent ones too.
    max_pixels : int
        Larger images are refused before they are decoded.

    Returns
    -------
    ndarray of uint8, (height, width, 3)
        EXIF rotation applied, transparency laid on white, first frame of an animation.

    Raises
    ------
    ImageError
        If the file is missing, no image, broken or too large.
    """
    path = Path(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_formats()) as image:
                if image.width * image.height > max_pixels:
                    raise ImageError(
                        f"{path.name}: {image.width} x {image.height} pixels found, at most "
                        f"{max_pixels // 1_000_000} million expected; shrink it first."
                    )
                upright = ImageOps.exif_transpose(image)
                return np.array(_to_uint8(upright))
    except ImageError:
        raise
    except FileNotFoundError:
        raise ImageError(f"{path.name}: no such file; check the path.") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageError(
            f"{path.name}: too many pixels found, at most {max_pixels // 1_000_000} million "
            "expected; shrink it first."
        ) from None
    except UnidentifiedImageError:
        raise ImageError(
            f"{path.name}: not an image that can be read; expected JPEG, PNG or the like."
        ) from None
    except Exception as error:  # PIL's parsers raise whatever a broken file makes them meet.
        raise ImageError(
            f"{path.name}: broken image ({error}); expected a complete file, save it again."
        ) from None


def prepare(
    images: Sequence[NDArray[np.uint8]], preprocessing: Preprocessing, *, in_channels: int = 3
) -> Tensor:
    """Turn RGB images into one batch of network input.

    The short side is resized to ``image_size / crop``, the centre is cut out, values in [0, 1]
    have the mean subtracted and are divided by the standard deviation.

    Parameters
    ----------
    images : sequence of ndarray of uint8, (height, width, 3)
        RGB.
    preprocessing : Preprocessing
        Of the checkpoint.
    in_channels : int
        1 turns the images grey (ITU-R 601 luma) first.

    Returns
    -------
    torch.Tensor, (n, in_channels, image_size, image_size)
        float32.

    Raises
    ------
    ImageError
        If the input would have more than 64 million pixels.
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
        image = Image.fromarray(array)
        if in_channels == 1:
            image = image.convert("L")
        scale = short / min(image.size)
        width, height = (max(size, round(side * scale)) for side in image.size)
        box = _centre(width, height, size)
        if width * height <= MAX_PIXELS:
            image = image.resize((width, height), resample).crop(box)
        else:
            # Long and thin: resized whole it might be gigabytes. PIL rounds differently here, by
            # a level or two of 255, so this is not the way for every image.
            across, down = image.width / width, image.height / height
            part = (box[0] * across, box[1] * down, box[2] * across, box[3] * down)
            image = image.resize((size, size), resample, box=part)
        pixels = np.array(image, dtype=np.float32)
        batch.append(torch.from_numpy(pixels.reshape(size, size, -1) / 255.0).permute(2, 0, 1))
    mean = torch.tensor(preprocessing.mean).view(-1, 1, 1)
    std = torch.tensor(preprocessing.std).view(-1, 1, 1)
    return ((torch.stack(batch) - mean) / std).contiguous()


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
    """Replace what the user told of a preprocessing, and say so in its ``known``.

    Parameters
    ----------
    preprocessing : Preprocessing
        Of the checkpoint.
    in_channels : int
        Of the network.
    image_size : int, optional
        Side of the input, in pixels.
    crop : float, optional
        Share of the resized image that the centre crop keeps, in (0, 1].
    mean, std : sequence of float, optional
        One per input channel, or one for all; std is positive.
    interpolation : str, optional
        ``"bicubic"`` or ``"bilinear"``.

    Returns
    -------
    Preprocessing
        The same one if nothing was told.

    Raises
    ------
    ImageError
        If a value cannot be used.
    """
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
    """Say in a sentence how images become network input, and how that is known.

    Parameters
    ----------
    preprocessing : Preprocessing
        Of the checkpoint, or as told.

    Returns
    -------
    str
        For the user.
    """

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

    Parameters
    ----------
    batch : torch.Tensor, (..., c, h, w)
        Normalised input.
    preprocessing : Preprocessing
        That made it.

    Returns
    -------
    torch.Tensor
        Same shape, clipped to [0, 1].
    """
    mean = torch.tensor(preprocessing.mean, device=batch.device).view(-1, 1, 1)
    std = torch.tensor(preprocessing.std, device=batch.device).view(-1, 1, 1)
    return (batch * std + mean).clamp(0, 1)


def resize_uint8(image: Tensor, height: int, width: int) -> Tensor:
    """Resize one uint8 image (c, h, w) with anti-aliasing, for training crops.

    Parameters
    ----------
    image : torch.Tensor of uint8, (c, h, w)
        Any size.
    height, width : int
        Of the result.

    Returns
    -------
    torch.Tensor of uint8, (c, height, width)
        Bilinear, anti-aliased.
    """
    return F.interpolate(image[None], (height, width), mode="bilinear", antialias=True)[0]
