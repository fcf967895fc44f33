"""A folder, a file, several files or none -> batches of network input, read as they are needed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from viz.core.network import Preprocessing
from viz.core.refusal import Refusal
from viz.images.reading import (
    ImageError,
    find_images,
    pixels_of,
    prepare,
    read_pixels,
    unnormalise,
)

Entry = Path | Tensor | Image.Image | NDArray[Any]
Picture = str | Path | Image.Image | NDArray[Any]
T = TypeVar("T")
Images = Picture | Sequence[Picture] | Tensor | None
"""What `open_images` takes."""


@dataclass(frozen=True)
class ImageBatch:
    """Some images of a set: ``inputs`` (n, in_channels, h, w), float32 on the CPU."""

    names: tuple[str, ...]
    inputs: Tensor
    preprocessing: Preprocessing

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """What the network sees, for display: (n, h, w, 3); grey is repeated."""
        shown = unnormalise(self.inputs, self.preprocessing).mul(255).round().to(torch.uint8)
        channels = shown.shape[1]
        if channels != 3:
            shown = shown[:, :1].expand(-1, 3, -1, -1)
        return shown.permute(0, 2, 3, 1).contiguous().numpy()


class ImageSet:
    """Images in a fixed order, of which only a batch is in memory at a time.

    An entry is a name and a file, pixels (h, w, channels), or network input (in_channels, h, w);
    `names`, `sha256` and `skipped` are complete once `batches` has been run through.
    """

    def __init__(
        self,
        entries: Sequence[tuple[str, Entry]],
        preprocessing: Preprocessing,
        in_channels: int = 3,
    ) -> None:
        self._entries = tuple(entries)
        self._sha256: dict[str, str] = {}
        self._skipped: dict[str, str] = {}
        self._notes: dict[str, str] = {}
        self.preprocessing = preprocessing
        self.in_channels = in_channels

    def __len__(self) -> int:
        return len(self.names)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the images not known to be broken."""
        return tuple(name for name, _ in self._entries if name not in self._skipped)

    @property
    def paths(self) -> dict[str, Path]:
        """Name to file, of the images that are files; a name may be written unlike its file's."""
        return {name: entry for name, entry in self._entries if isinstance(entry, Path)}

    @property
    def sha256(self) -> dict[str, str]:
        """Name to hash, of the images read so far: of the file, or of the numbers given."""
        return {n: self._sha256[n] for n, _ in self._entries if n in self._sha256}

    @property
    def skipped(self) -> dict[str, str]:
        """Name to reason, of the files that could not be read."""
        return {n: self._skipped[n] for n, _ in self._entries if n in self._skipped}

    @property
    def note(self) -> str:
        """A sentence on what was skipped, or scaled in an unusual way; empty if nothing was."""
        said = []
        if reasons := list(self.skipped.values()):
            n, more = len(reasons), f" and {len(reasons) - 3} more" if len(reasons) > 3 else ""
            said = [f"{n} of {len(self._entries)} images skipped: {' '.join(reasons[:3])}{more}"]
        if self._notes:
            name, note = next(iter(self._notes.items()))
            many = f"{len(self._notes)} images, first {name}" if len(self._notes) > 1 else name
            said.append(f"{many}: {note}.")
        return " ".join(said)

    def batches(self, n: int = 8) -> Iterator[ImageBatch]:
        """Read the images, so many at a time."""
        if n < 1:
            raise Refusal(f"a batch holds at least 1 image, not {n}.")
        names: list[str] = []
        inputs: list[Tensor] = []
        found = False
        for name, entry in self._entries:
            one = self._read(name, entry)
            if one is None:
                continue
            found = True
            names.append(name)
            inputs.append(one)
            if len(names) == n:
                yield ImageBatch(tuple(names), torch.stack(inputs), self.preprocessing)
                names, inputs = [], []
        if names:
            yield ImageBatch(tuple(names), torch.stack(inputs), self.preprocessing)
        if not found:
            raise self._nothing()

    def as_seen_by(self, preprocessing: Preprocessing, in_channels: int = 3) -> ImageSet:
        """Return the same images as another network takes them."""
        return ImageSet(self._entries, preprocessing, in_channels)

    def check(self) -> None:
        """Read images until one is good, so that a useless folder is refused before long work."""
        if all(self._read(name, entry) is None for name, entry in self._entries):
            raise self._nothing()

    def _nothing(self) -> ImageError:
        reasons = list(self.skipped.values())
        if len(reasons) == 1:
            return ImageError(reasons[0])
        return ImageError(f"none of {len(reasons)} images can be read; the first: {reasons[0]}")

    def only(self, names: Collection[str]) -> ImageSet:
        """Return the same images without those that are not named."""
        wanted = set(names)
        kept = [entry for entry in self._entries if entry[0] in wanted]
        return ImageSet(kept, self.preprocessing, self.in_channels)

    def all(self) -> ImageBatch:
        """Read every image into one batch; for a few images."""
        return next(self.batches(max(1, len(self._entries))))

    def _read(self, name: str, entry: Entry) -> Tensor | None:
        if isinstance(entry, Tensor):
            data = entry.detach().to("cpu", torch.float32).contiguous()
            self._sha256.setdefault(name, hashlib.sha256(data.numpy().tobytes()).hexdigest())
            return data
        try:
            if isinstance(entry, Path):
                pixels, note = read_pixels(entry, self.in_channels)
                if name not in self._sha256:
                    with entry.open("rb") as file:
                        self._sha256[name] = hashlib.file_digest(file, "sha256").hexdigest()
            else:
                pixels, note = pixels_of(entry, self.in_channels, name)
                raw = np.ascontiguousarray(entry).tobytes()
                self._sha256.setdefault(name, hashlib.sha256(raw).hexdigest())
        except ImageError as error:
            self._skipped[name] = str(error)
            return None
        except OSError as error:
            self._skipped[name] = f"{name}: {error.strerror or error}."
            return None
        if note:
            self._notes[name] = note
        self._skipped.pop(name, None)
        return prepare([pixels], self.preprocessing, in_channels=self.in_channels)[0]


def default_images() -> tuple[Path, ...]:
    """Return the two photographs that serve when none are given: scikit-learn's."""
    # Found, not imported, which takes a second.
    folder = Path(str(getattr(find_spec("sklearn"), "origin", ""))).parent / "datasets" / "images"
    return tuple(folder / name for name in ("china.jpg", "flower.jpg"))


def open_images(
    images: Images | ImageSet,
    preprocessing: Preprocessing,
    in_channels: int = 3,
    *,
    limit: int | None = None,
) -> ImageSet:
    """Find images; none is read yet."""
    if isinstance(images, ImageSet):
        return images.as_seen_by(preprocessing, in_channels)
    entries: list[tuple[str, Entry]]
    if isinstance(images, Tensor):
        if images.ndim != 4 or images.shape[1] != in_channels or not len(images):
            raise ImageError(
                f"network input of shape {tuple(images.shape)} found, expected at least one image "
                f"of {in_channels} channels: (n, {in_channels}, height, width)."
            )
        entries = [(f"input {i}", one) for i, one in enumerate(images)]
        return ImageSet(spread(entries, limit), preprocessing, in_channels)
    if images is None and in_channels not in (1, 3):
        raise ImageError(
            f"the network takes {in_channels} channels, photographs hold 3 or 1; give files of "
            "numpy.save (.npy) or TIFF files with as many bands, or in Python a tensor."
        )
    if images is None:
        images = default_images()
    one = isinstance(images, (str, Path, Image.Image, np.ndarray))
    given: Any = [images] if one else images
    entries = []
    for number, root in enumerate(given):
        if isinstance(root, (Image.Image, np.ndarray)):
            name = Path(getattr(root, "filename", "") or f"image {number}").name
            pixels_of(root, in_channels, name)
            entries.append((name, root))
        else:
            found = find_images(root, arrays=in_channels not in (1, 3))
            entries += [(_name(path, Path(root)), path) for path in found]
    if not entries:
        raise ImageError("no image was given; give a file or a folder of images.")
    return ImageSet(spread(_distinct(entries), limit), preprocessing, in_channels)


def image_set(images: Any, preprocessing: Preprocessing, in_channels: int) -> ImageSet:
    """Return a set of images as it is; open anything else as a network takes it."""
    if isinstance(images, ImageSet):
        return images
    return open_images(images, preprocessing, in_channels)


def opener(
    images: Images | ImageSet,
    preprocessing: Preprocessing,
    in_channels: int = 3,
    *,
    limit: int | None = None,
) -> Callable[[], ImageSet] | None:
    """Return what opens images anew as often as asked, one of which is good; None for none."""
    if images is None:
        return None

    def opened() -> ImageSet:
        return open_images(images, preprocessing, in_channels, limit=limit)

    opened().check()
    return opened


def _name(path: Path, root: Path) -> str:
    """Name an image; bytes that are no UTF-8 are written as escapes, so that it can be told."""
    name = path.name if path == root else path.relative_to(root).as_posix()
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _distinct(entries: list[tuple[str, Entry]]) -> list[tuple[str, Entry]]:
    """Tell equal names of different folders apart; a file given twice counts once."""
    seen: set[Path] = set()
    taken: dict[str, Entry] = {}
    for name, entry in entries:
        if isinstance(entry, Path):
            if entry.resolve() in seen:
                continue
            seen.add(entry.resolve())
        unique, count = name, 1
        while unique in taken:
            count += 1
            unique = f"{name} ({count})"
        taken[unique] = entry
    return list(taken.items())


def spread(entries: list[T], limit: int | None) -> list[T]:
    """Take so many, evenly spread over all."""
    if limit is None or limit >= len(entries):
        return entries
    if limit < 1:
        raise ImageError(f"at least 1 image is needed, not {limit}.")
    chosen = np.linspace(0, len(entries) - 1, limit).round().astype(int)
    return [entries[i] for i in chosen]
