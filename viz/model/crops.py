"""Training images: random crops of photographs or of class folders, and their augmentation."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from viz.images import ImageError, find_images, read_image, resize_uint8

__all__ = ["Augmentation", "ClassFolder", "Photographs", "augment", "open_training_folder"]

HELD_BACK = 0.2


class TrainingImages(Protocol):
    """What the training loop needs of a set of images."""

    classes: tuple[str, ...]
    fingerprint: str
    n_train: int
    skipped: tuple[str, ...]

    def train_batch(self, indices: Tensor, size: int, generator: Generator) -> Tensor:
        """Return random crops of these training images, uint8 (n, 3, size, size)."""

    def labels(self, indices: Tensor) -> Tensor:
        """Return the classes of these training images."""

    def test_set(self, size: int) -> tuple[Tensor, Tensor]:
        """Return all held-out images, uint8 (n, 3, size, size), and their classes."""


@dataclass(frozen=True)
class Augmentation:
    """How much training crops are varied.

    Parameters
    ----------
    min_area : float
        Smallest share of the area that a crop covers; the largest is 1.
    colour : float
        Strength of brightness, contrast and saturation changes; a third of it for colour casts.
    grey : float
        Share of crops turned grey.
    high_pass : float
        Share of crops from which most of the low spatial frequencies are taken out. Photographs
        hold most of their contrast there, so filters otherwise stay blobs and edges.
    pad : int
        For small class-folder images: pixels of reflection padding for random shifts, which
        then replace crops by area. 0 turns this off.
    """

    min_area: float = 0.15
    colour: float = 0.4
    grey: float = 0.1
    high_pass: float = 0.5
    pad: int = 0


def _read_all(paths: list[Path], root: Path) -> tuple[list[Path], list[Tensor], list[str], str]:
    """Decode files to uint8 (3, h, w); name the broken ones; hash names and pixels."""
    kept, images, skipped, digest = [], [], [], sha256()
    for path in paths:
        try:
            pixels = read_image(path)
        except ImageError as error:
            skipped.append(str(error))
            continue
        digest.update(str(path.relative_to(root) if path != root else path.name).encode())
        digest.update(pixels.tobytes())
        kept.append(path)
        images.append(torch.from_numpy(pixels).permute(2, 0, 1).contiguous())
    return kept, images, skipped, digest.hexdigest()


def random_crop(image: Tensor, size: int, min_area: float, generator: Generator) -> Tensor:
    """Cut a random rectangle (share of area, aspect 3/4 to 4/3) and resize it to a square."""
    _, height, width = image.shape
    u = torch.rand(4, generator=generator).tolist()
    area = (min_area + (1 - min_area) * u[0]) * height * width
    aspect = (3 / 4) * (16 / 9) ** u[1]
    h = min(height, max(1, round((area / aspect) ** 0.5)))
    w = min(width, max(1, round((area * aspect) ** 0.5)))
    top, left = int(u[2] * (height - h + 1)), int(u[3] * (width - w + 1))
    return resize_uint8(image[:, top : top + h, left : left + w], size, size)


class Photographs:
    """A flat folder of photographs; each is a class of its own.

    The last fifth of each photograph along its longer side is held back: no training crop
    touches it, and accuracy is measured on square crops of it.

    Parameters
    ----------
    paths : list of Path
        The photographs.
    root : Path
        Folder, for the names in the fingerprint.
    extra : list of Path
        Further photographs, such as scikit-learn's two.
    min_area : float
        Smallest share of the training area that a crop covers.
    """

    def __init__(self, paths: list[Path], root: Path, extra: list[Path], min_area: float) -> None:
        kept, images, skipped, digest = _read_all(paths, root)
        for path in extra:
            more, added, bad, hashed = _read_all([path], path.parent)
            kept, images, skipped = kept + more, images + added, skipped + bad
            digest = sha256((digest + hashed).encode()).hexdigest()
        if len(kept) < 2:
            raise ImageError(f"{root}: {len(kept)} readable photographs found, 2 or more needed.")
        self.classes = tuple(path.stem for path in kept)
        self.fingerprint, self.skipped, self.n_train = digest, tuple(skipped), len(kept)
        self.min_area = min_area
        self._train, self._held = [], []
        for image in images:
            along = 2 if image.shape[2] >= image.shape[1] else 1
            cut = round(image.shape[along] * (1 - HELD_BACK))
            self._train.append(image.narrow(along, 0, cut))
            self._held.append(image.narrow(along, cut, image.shape[along] - cut))

    def train_batch(self, indices: Tensor, size: int, generator: Generator) -> Tensor:
        """Return random crops of these photographs' training areas."""
        return torch.stack(
            [random_crop(self._train[i], size, self.min_area, generator) for i in indices.tolist()]
        )

    def labels(self, indices: Tensor) -> Tensor:
        """Return the classes of these photographs."""
        return indices

    def test_set(self, size: int) -> tuple[Tensor, Tensor]:
        """Return three square crops of each held-back area: both ends and the middle."""
        crops, labels = [], []
        for label, area in enumerate(self._held):
            side = min(area.shape[1:])
            free = max(area.shape[1:]) - side
            for start in (0, free // 2, free):
                along = 2 if area.shape[2] > area.shape[1] else 1
                crops.append(resize_uint8(area.narrow(along, start, side), size, size))
                labels.append(label)
        return torch.stack(crops), torch.tensor(labels)


class ClassFolder:
    """Images in one folder per class, with a held-out set.

    Parameters
    ----------
    train, test : list of Path
        Files, each inside a folder named as its class.
    root : Path
        Folder, for the names in the fingerprint.
    classes : tuple of str
        Class names, in the order of the head's outputs.
    augmentation : Augmentation
        ``pad`` above 0 shifts whole images; otherwise crops by area.
    """

    def __init__(
        self,
        train: list[Path],
        test: list[Path],
        root: Path,
        classes: tuple[str, ...],
        augmentation: Augmentation,
    ) -> None:
        index = {name: i for i, name in enumerate(classes)}
        kept, self._train, skipped, digest = _read_all(train, root)
        held, self._held, bad, hashed = _read_all(test, root)
        if not kept or not held:
            raise ImageError(f"{root}: no readable image left to train on or to hold out.")
        self._labels = torch.tensor([index[path.parent.name] for path in kept])
        self._held_labels = torch.tensor([index[path.parent.name] for path in held])
        self.classes, self.n_train, self.skipped = classes, len(kept), tuple(skipped + bad)
        self.fingerprint = sha256((digest + hashed).encode()).hexdigest()
        self.augmentation = augmentation
        self._stacked: Tensor | None = None

    def train_batch(self, indices: Tensor, size: int, generator: Generator) -> Tensor:
        """Return random crops, or random shifts of whole images, of these training images."""
        pad = self.augmentation.pad
        if not pad:
            area = self.augmentation.min_area
            return torch.stack(
                [random_crop(self._train[i], size, area, generator) for i in indices.tolist()]
            )
        if self._stacked is None:
            whole = torch.stack([resize_uint8(image, size, size) for image in self._train])
            self._stacked = F.pad(whole.float(), (pad,) * 4, mode="reflect").to(torch.uint8)
        n = len(indices)
        y, x = (torch.randint(0, 2 * pad + 1, (n, 1), generator=generator) for _ in range(2))
        rows, columns = y + torch.arange(size), x + torch.arange(size)
        batch = self._stacked[indices]
        return batch[torch.arange(n)[:, None, None, None], torch.arange(3)[None, :, None, None],
                     rows[:, None, :, None], columns[:, None, None, :]]  # fmt: skip

    def labels(self, indices: Tensor) -> Tensor:
        """Return the classes of these training images."""
        return self._labels[indices]

    def test_set(self, size: int) -> tuple[Tensor, Tensor]:
        """Return every held-out image's centre square."""
        crops = []
        for image in self._held:
            side = min(image.shape[1:])
            top, left = (image.shape[1] - side) // 2, (image.shape[2] - side) // 2
            crops.append(resize_uint8(image[:, top : top + side, left : left + side], size, size))
        return torch.stack(crops), self._held_labels


def open_training_folder(
    folder: Path, augmentation: Augmentation, extra: list[Path]
) -> TrainingImages:
    """Open a folder of photographs, of class folders, or of ``train`` and ``test`` folders.

    Parameters
    ----------
    folder : Path
        Flat: every photograph is a class. With class folders: those are the classes, and every
        fifth image of each is held out, unless ``train`` and ``test`` (or ``val``) say otherwise.
    augmentation : Augmentation
        How crops are cut.
    extra : list of Path
        Further photographs for a flat folder.

    Returns
    -------
    TrainingImages
        Decoded into memory.

    Raises
    ------
    ImageError
        If there is nothing to train on.
    """
    paths = find_images(folder)
    if all(path.parent == folder for path in paths):
        return Photographs(paths, folder, extra, augmentation.min_area)
    if extra:
        raise ImageError(f"{folder}: extra photographs only join a flat folder of photographs.")
    names = {path.relative_to(folder).parts[0] for path in paths}
    held_name = next((name for name in ("test", "val") if name in names), None)
    if "train" in names and held_name:
        train = [p for p in paths if p.relative_to(folder).parts[0] == "train"]
        test = [p for p in paths if p.relative_to(folder).parts[0] == held_name]
    else:
        by_class: dict[str, list[Path]] = {}
        for path in paths:
            by_class.setdefault(path.parent.name, []).append(path)
        test = [p for group in by_class.values() for p in group[4::5]]
        held = set(test)
        train = [p for p in paths if p not in held]
    classes = tuple(sorted({path.parent.name for path in train}))
    unknown = {path.parent.name for path in test} - set(classes)
    if unknown:
        raise ImageError(
            f"{folder}: class {sorted(unknown)[0]!r} has held-out images but no training image."
        )
    return ClassFolder(train, test, folder, classes, augmentation)


def _high_pass(x: Tensor, patch: int, generator: Generator) -> Tensor:
    """Take out part of what is coarser than about one patch, and restore some contrast."""
    n, _, h, w = x.shape
    reach = patch * (0.5 + torch.rand(1, generator=generator).item())
    small = (max(1, round(h / reach)), max(1, round(w / reach)))
    low = F.interpolate(x, small, mode="area")
    low = F.interpolate(low, (h, w), mode="bilinear", align_corners=False)
    strength = 0.8 + 0.2 * torch.rand(n, 1, 1, 1, generator=generator)
    mean = x.mean((2, 3), keepdim=True)
    return mean + (x - low + (1 - strength) * (low - mean)) * (1 + strength)


def augment(
    batch: Tensor, augmentation: Augmentation, patch_size: int, generator: Generator
) -> Tensor:
    """Flip, recolour and high-pass crops.

    Parameters
    ----------
    batch : torch.Tensor of uint8, (n, 3, h, w)
        Crops.
    augmentation : Augmentation
        How much.
    patch_size : int
        Of the network: the scale of the high-pass.
    generator : torch.Generator
        Source of all randomness.

    Returns
    -------
    torch.Tensor of float32, (n, 3, h, w)
        Around [0, 1], not clipped.
    """
    n = len(batch)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(n, *shape, generator=generator)

    x = batch.float() / 255
    flip = uniform(0, 1) < 0.5
    x[flip] = x[flip].flip(3)
    if augmentation.colour:
        s = augmentation.colour
        luma = (x * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1, keepdim=True)
        x = luma + (x - luma) * uniform(1 - s, 1 + s, 1, 1, 1)
        mean = luma.mean((2, 3), keepdim=True)
        x = mean + (x - mean) * uniform(1 - s, 1 + s, 1, 1, 1) + uniform(-s / 2, s / 2, 1, 1, 1)
        x = x * uniform(1 - s / 3, 1 + s / 3, 3, 1, 1)
    if augmentation.grey:
        grey = uniform(0, 1) < augmentation.grey
        x[grey] = x[grey].mean(1, keepdim=True)
    # Two independent halves would be slower: each choice is a random subset of the batch.
    if augmentation.high_pass:
        chosen = uniform(0, 1) < augmentation.high_pass
        if chosen.any():
            x[chosen] = _high_pass(x[chosen], patch_size, generator)
    return x
