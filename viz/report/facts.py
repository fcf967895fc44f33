"""What a report is made from: checkpoints, images, settings, versions."""

from __future__ import annotations

import hashlib
import json
import platform
import shlex
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viz import __version__
from viz.report.names import without_paths
from viz.report.plan import ReportError
from viz.views.first_look.words import accuracy

if TYPE_CHECKING:
    from viz.images.sets import ImageSet
    from viz.network.checkpoint import Checkpoint

_LIBRARIES = (
    "captum", "latex2mathml", "matplotlib", "numpy", "pandas", "pillow", "pypdf", "reportlab",
    "scikit-learn", "scipy", "torch",
)  # fmt: skip


def sha256(path: Path) -> str:
    """Return the hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def code_hash() -> str:
    """Return the hash of what measures and draws, so that a change of the code is noticed."""
    root = Path(__file__).parents[1]
    found = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if not name.startswith(("cli/", "explorer/")):
            found.update(f"{name}\0".encode())
            found.update(path.read_bytes())
    return found.hexdigest()


def versions() -> dict[str, str]:
    """Return the versions of this package, its code, Python, the libraries and the machine."""
    return {
        "convmixer-viz": __version__,
        "code": code_hash(),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        **{name: version(name) for name in _LIBRARIES},
    }


def about_checkpoint(checkpoint: Checkpoint) -> dict[str, Any]:
    """Describe a network: where it came from, its architecture, its parts."""
    config, source = checkpoint.config, checkpoint.source
    facts = {
        "name": source.name,
        "sha256": source.sha256,
        "config": config.to_dict(),
        "parameters": config.n_parameters,
        "parts": _parts(checkpoint),
        "source": {
            name: value
            for name, value in source.to_dict().items()
            if name in ("layout", "activation_source", "wrapper", "prefix", "dtype", "warnings")
        }
        | {"dropped": len(source.dropped)},
        "preprocessing": checkpoint.preprocessing.to_dict(),
        "classes": len(checkpoint.classes),
        "class_names_sha256": hashlib.sha256("\n".join(checkpoint.classes).encode()).hexdigest(),
        "training": dict(checkpoint.training),
        "accuracy": accuracy(checkpoint),
    }
    # A file may say anything of its training, numbers that JSON does not hold too.
    told: dict[str, Any] = without_paths(
        json.loads(json.dumps(facts), parse_constant=lambda name: None)
    )
    return told


def _parts(checkpoint: Checkpoint) -> list[dict[str, Any]]:
    """Return a row per part of the network: its weights' shape, how many there are."""
    c = checkpoint.config
    d, k, p = c.dim, c.kernel_size, c.patch_size
    rows = [
        ("patch embedding", 1, f"{d} filters of {c.in_channels} x {p} x {p}, stride {p}",
         d * (c.in_channels * p * p + 1)),
        ("depthwise kernels", c.depth, f"{d} kernels of {k} x {k}", d * (k * k + 1)),
        ("pointwise weights", c.depth, f"{d} x {d}", d * (d + 1)),
        ("batch norms", 2 * c.depth + 1, f"{d} scales and {d} shifts", 2 * d),
        ("head", 1, f"{c.n_classes} x {d}", c.n_classes * (d + 1)),
    ]  # fmt: skip
    return [
        {"part": part, "times": times, "shape": shape, "parameters": times * n,
         "share": times * n / c.n_parameters}
        for part, times, shape, n in rows
    ]  # fmt: skip


def about_images(images: ImageSet, found: int, folder: Path | None) -> dict[str, Any]:
    """Describe the images; every one is read once for it."""
    for _ in images.batches():
        pass
    used = len(images) + len(images.skipped)
    notes = []
    if used < found:
        notes.append(
            f"{used} of the {found} images found were taken, evenly spread over their order."
        )
    if images.note:
        notes.append(images.note)
    return {
        "folder": "scikit-learn's photographs" if folder is None else folder.absolute().name,
        "names": list(images.names),
        "sha256": images.sha256,
        "found": found,
        "note": without_paths(" ".join(notes), [folder.absolute()] if folder else []),
    }


def command_line(names: Sequence[str], options: Mapping[str, Any]) -> str:
    """Write the command that makes this report, with names instead of paths."""
    words = ["viz", "report", *names]
    for option, value in options.items():
        if value is None or value is False or value == ():
            continue
        if value is True:
            words.append(option)
            continue
        for each in value if isinstance(value, (tuple, list)) else (value,):
            words += [option, Path(each).absolute().name if isinstance(each, Path) else str(each)]
    return shlex.join(words)


def difference(mine: Mapping[str, Any], kept: Mapping[str, Any]) -> str:
    """Name what differs between two reports' beginnings."""
    mine, kept = json.loads(json.dumps(mine)), json.loads(json.dumps(kept))
    names = [n for n in dict.fromkeys([*mine, *kept]) if mine.get(n) != kept.get(n)]
    return ", ".join(names)


def about_sweep(path: Path | None) -> dict[str, str] | None:
    """Name a sweep's file and its hash."""
    if path is None:
        return None
    if not path.is_file():
        raise ReportError(f"{path.name}: no such file; a sweep is made by viz sweep.")
    return {"name": path.name, "sha256": sha256(path)}
