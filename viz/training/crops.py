"""Training images: random crops of images in class folders, their augmentation and mixing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from viz.images.reading import ImageError, find_images, read_image, resize_uint8

_FEWEST = 5
"""Images of a class of which every fifth is held out."""


@dataclass(frozen=True)
class Augmentation:
    """How much training crops are varied.

    No crop is smaller than what is fed, if the image is not: blurred crops teach blurred filters.
    """

    min_area: float = 0.3  # smallest share of the area that a crop covers
    colour: float = 0.3  # of brightness, contrast and saturation; a third of it for colour casts
    grey: float = 0.05  # share of crops turned grey
    pad: int = 0  # reflected pixels for random shifts of small images, instead of crops by area


def random_crop(image: Tensor, size: int, min_area: float, generator: Generator) -> Tensor:
    """Cut a random rectangle (share of area, aspect 3/4 to 4/3) and resize it to a square."""
    _, height, width = image.shape
    u = torch.rand(4, generator=generator).tolist()
    low = min(1.0, max(min_area, size**2 / (height * width)))
    area = (low + (1 - low) * u[0]) * height * width
    aspect = (3 / 4) * (16 / 9) ** u[1]
    h = min(height, max(size, round((area / aspect) ** 0.5)))
    w = min(width, max(size, round((area * aspect) ** 0.5)))
    top, left = int(u[2] * (height - h + 1)), int(u[3] * (width - w + 1))
    return resize_uint8(image[:, top : top + h, left : left + w], size, size)


def _centre(image: Tensor, size: int) -> Tensor:
    """Resize the largest square in the middle."""
    side = min(image.shape[1:])
    top, left = (image.shape[1] - side) // 2, (image.shape[2] - side) // 2
    return resize_uint8(image[:, top : top + side, left : left + side], size, size)


class ClassFolder:
    """Images of classes, decoded into memory, with a held-out set.

    What is over twice as large as ``image_size`` is shrunk to that when read.
    """

    def __init__(self, train: dict[Path, str], test: dict[Path, str], root: Path,
                 augmentation: Augmentation, image_size: int) -> None:  # fmt: skip
        self.classes = tuple(sorted(set(train.values())))
        self.augmentation, self.image_size = augmentation, image_size
        self._digest, skipped = sha256(), list[str]()
        self._train, self._labels = self._read(train, root, skipped)
        self._held, self.held_labels = self._read(test, root, skipped)
        self.skipped, self.n_train = tuple(skipped), len(self._train)
        self.fingerprint = self._digest.hexdigest()
        if len(set(self._labels.tolist())) < len(self.classes) or not self._held:
            raise ImageError(
                f"{root}: no readable image is left to train on of some class, or none to hold "
                f"out; files that cannot be read: {len(skipped)}, the first of them: {skipped[0]}"
            )
        if augmentation.pad:
            whole = torch.stack([_centre(image, image_size) for image in self._train])
            pads = (augmentation.pad,) * 4
            self._padded = F.pad(whole.float(), pads, mode="reflect").to(torch.uint8)

    def _read(
        self, files: dict[Path, str], root: Path, skipped: list[str]
    ) -> tuple[list[Tensor], Tensor]:
        """Decode files to uint8 (3, h, w); name the broken ones; hash names and pixels."""
        images, labels = [], []
        for path, name in files.items():
            try:
                pixels = read_image(path)
            except ImageError as error:
                skipped.append(str(error))
                continue
            self._digest.update(path.relative_to(root).as_posix().encode())
            self._digest.update(pixels.tobytes())
            image = torch.from_numpy(pixels).permute(2, 0, 1).contiguous()
            shrink = 2 * self.image_size / min(image.shape[1:])
            if shrink < 1:
                height, width = (round(side * shrink) for side in image.shape[1:])
                image = resize_uint8(image, height, width)
            images.append(image)
            labels.append(self.classes.index(name))
        return images, torch.tensor(labels)

    def train_batch(self, indices: Tensor, size: int, generator: Generator) -> Tensor:
        """Return random crops, or shifts of whole images, uint8 (n, 3, size, size)."""
        pad, n = self.augmentation.pad, len(indices)
        if not pad:
            area = self.augmentation.min_area
            return torch.stack(
                [random_crop(self._train[i], size, area, generator) for i in indices.tolist()]
            )
        shifts = [torch.randint(0, 2 * pad + 1, (n, 1), generator=generator) for _ in range(2)]
        if size < self.image_size:
            free = self.image_size - size + 1
            window = torch.randint(0, free, (2,), generator=generator)
        else:
            window = torch.zeros(2, dtype=torch.long)
        rows, columns = (
            shift + at + torch.arange(size) for shift, at in zip(shifts, window, strict=True)
        )
        return self._padded[indices[:, None, None, None], torch.arange(3)[None, :, None, None],
                            rows[:, None, :, None], columns[:, None, None, :]]  # fmt: skip

    def labels(self, indices: Tensor) -> Tensor:
        """Return the classes of these training images."""
        return self._labels[indices]

    def held_out(self, n: int = 100) -> Iterator[Tensor]:
        """Yield every held-out image's centre square, n at a time."""
        for i in range(0, len(self._held), n):
            yield torch.stack([_centre(im, self.image_size) for im in self._held[i : i + n]])


def _classes(paths: list[Path], folder: Path) -> dict[Path, str]:
    """Return each file's class: the first folder below this one."""
    named = {}
    for path in paths:
        parts = path.relative_to(folder).parts
        if len(parts) < 2:
            raise ImageError(
                f"{folder}: {path.name} lies in no folder of its class; expected one folder of "
                "images per class, or train and test folders of such folders."
            )
        named[path] = parts[0]
    return named


def open_training_folder(folder: Path, augmentation: Augmentation, image_size: int) -> ClassFolder:
    """Open a folder of class folders, or of ``train`` and ``test`` folders of class folders.

    Every fifth image of each class is held out, unless ``test`` or ``val`` says otherwise.
    """
    paths = find_images(folder)
    tops = {path.relative_to(folder).parts[0] for path in paths}
    held = next((name for name in ("test", "val") if name in tops), None)
    if "train" in tops and held:
        train, test = (
            _classes([p for p in paths if p.is_relative_to(folder / part)], folder / part)
            for part in ("train", held)
        )
    else:
        train, test, seen = _classes(paths, folder), dict[Path, str](), Counter[str]()
        few, n = min(Counter(train.values()).items(), key=lambda pair: pair[1])
        if n < _FEWEST:
            raise ImageError(
                f"{folder}: class {few!r} has {n} image{'s' * (n != 1)}, {_FEWEST} or more are "
                "needed, because every fifth is held out; add images or remove the folder."
            )
        for path, name in list(train.items()):
            seen[name] += 1
            if seen[name] % 5 == 0:
                test[path] = train.pop(path)
    classes, unknown = set(train.values()), set(test.values()) - set(train.values())
    if unknown:
        raise ImageError(
            f"{folder}: class {min(unknown)!r} has held-out images but no training image."
        )
    if len(classes) < 2:
        raise ImageError(
            f"{folder}: one class found, {min(classes)!r}; two or more folders are needed, "
            "or there is nothing to tell apart."
        )
    return ClassFolder(train, test, folder, augmentation, image_size)


def augment(batch: Tensor, augmentation: Augmentation, generator: Generator) -> Tensor:
    """Flip and recolour crops, uint8 (n, 3, h, w), to float32 around [0, 1], not clipped."""
    n, s = len(batch), augmentation.colour

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(n, *shape, generator=generator)

    x = batch.float() / 255
    flip = uniform(0, 1) < 0.5
    x[flip] = x[flip].flip(3)
    luma = (x * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1, keepdim=True)
    x = luma + (x - luma) * uniform(1 - s, 1 + s, 1, 1, 1)
    mean = luma.mean((2, 3), keepdim=True)
    x = mean + (x - mean) * uniform(1 - s, 1 + s, 1, 1, 1) + uniform(-s / 2, s / 2, 1, 1, 1)
    x = x * uniform(1 - s / 3, 1 + s / 3, 3, 1, 1)
    grey = uniform(0, 1) < augmentation.grey
    x[grey] = x[grey].mean(1, keepdim=True)
    return x


def mixed(
    x: Tensor, y: Tensor, step: int, alpha: float, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Mix each image with its opposite in the batch: blended at odd steps, a square at even ones.

    Images are (n, c, s, s), labels shares of the classes (n, n_classes). The share that an image
    keeps is drawn from Beta(alpha, alpha) with the step as the seed.
    """
    kept, size = float(np.random.default_rng(step).beta(alpha, alpha)), x.shape[-1]
    other = x.flip(0)
    if step % 2:
        x = kept * x + (1 - kept) * other
    else:
        side = int(size * (1 - kept) ** 0.5)
        top, left = torch.randint(0, size - side + 1, (2,), generator=generator).tolist()
        square = (..., slice(top, top + side), slice(left, left + side))
        x = x.clone()
        x[square] = other[square]
        kept = 1 - side**2 / size**2
    return x, kept * y + (1 - kept) * y.flip(0)
