"""The authors' ImageNet weights, and the checkpoints that come with this project, by name."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from viz.core.network import Config
from viz.network.convmixer import PAPER_CONFIGS
from viz.network.guards import CheckpointError


@dataclass(frozen=True)
class OfficialWeights:
    """Weights published by the paper's authors (MIT licence), as hosted on the hub by timm."""

    name: str
    config: Config
    top1: float  # ImageNet-1k validation accuracy, %
    sha256: str  # of model.safetensors; "" where unknown: the hub's then
    release: str  # name of the authors' own file
    other_sha256: tuple[str, ...] = ()  # of other files with the same weights

    @property
    def hub_id(self) -> str:
        """Repository on the Hugging Face hub."""
        return f"timm/{self.name}.in1k"

    @property
    def url(self) -> str:
        """Where a browser gets the file."""
        return f"https://huggingface.co/{self.hub_id}/resolve/main/model.safetensors"


OFFICIAL = {weights.name: weights for weights in (
    OfficialWeights(
        "convmixer_1536_20", PAPER_CONFIGS["convmixer_1536_20"], 81.38, "",
        "convmixer_1536_20_ks9_p7.pth.tar",
        ("eb26279e3674547ebb239967f8d8f8000ac18852a5e97bd61bf963ba3066a391",)),
    OfficialWeights(
        "convmixer_768_32", PAPER_CONFIGS["convmixer_768_32"], 80.16,
        "62ed5ec91004012a90d1a1ad043c4a74724ad444c82a277a6fff10803391743b",
        "convmixer_768_32_ks7_p7_relu.pth.tar",
        ("ba09b2db7517291bf983ff27a8d4921d752fbef6b6ae2fe3248aa0f8d54e9a8f",)),
    OfficialWeights(
        "convmixer_1024_20_ks9_p14", PAPER_CONFIGS["convmixer_1024_20_ks9_p14"], 76.94,
        "e9ee7c2d21eadc21b1538011aedb65d8122a368c5967ff01a1a9cbbaf8cc9571",
        "convmixer_1024_20_ks9_p14.pth.tar"),
)}  # fmt: skip
"""The paper's three ImageNet networks. The hashes are those shown on the hub's file pages."""

_FIRST = "imagenette-p7"
"""Of the shipped checkpoints, the one that examples are made with."""
_DECORATION = re.compile(r"^(hf[-_]hub:)?(timm/)?|(\.in1k)?$")


def user_folder() -> Path:
    """Return where weights fetched by hand lie: `$VIZ_CHECKPOINTS`, or a folder in the cache."""
    chosen = os.environ.get("VIZ_CHECKPOINTS")
    return Path(chosen) if chosen else Path.home() / ".cache" / "convmixer-viz"


def shipped_checkpoints() -> dict[str, Path]:
    """Return the checkpoints that come with this project, first the one that examples use."""
    package = Path(__file__).resolve().parents[1]
    folders = [package / "shipped"]
    if (package.parent / "pyproject.toml").is_file():
        folders.insert(0, package.parent / "checkpoints")
    found: dict[str, Path] = {}
    for folder in folders:
        paths = folder.glob("*.safetensors")
        for path in sorted(paths, key=lambda path: (path.stem != _FIRST, path.stem)):
            if path.stem not in OFFICIAL:
                found.setdefault(path.stem, path)
    return found


def official_name(text: str) -> str:
    """Return the official name meant by a text, such as a hub id, or ``""``."""
    name = _DECORATION.sub("", text)
    return name if name in OFFICIAL else ""


def official_by_path(path: Path) -> OfficialWeights | None:
    """Return the official weights that a file's name, or a hub cache's folder, claims to be."""
    for weights in sorted(OFFICIAL.values(), key=lambda w: -len(w.name)):
        folders = {weights.name, f"{weights.name}.in1k", f"models--timm--{weights.name}.in1k"}
        if path.name.startswith(weights.name) or folders & set(path.parts[:-1]):
            return weights
    return None


def official_by_hash(sha256: str) -> OfficialWeights | None:
    """Return the official weights with this hash."""
    for weights in OFFICIAL.values():
        if sha256 in (weights.sha256, *weights.other_sha256):
            return weights
    return None


@cache
def imagenet_classes() -> tuple[str, ...]:
    """Return the 1000 class names of ImageNet-1k, in the order of the networks' outputs."""
    text = (Path(__file__).parent / "imagenet_classes.txt").read_text(encoding="utf-8")
    return tuple(text.splitlines())


def on_this_machine(name: str) -> Path | None:
    """Return the file of official weights where it is here already; nobody else is asked."""
    weights = OFFICIAL[official_name(name)]
    own = user_folder() / f"{weights.name}.safetensors"
    if own.is_file():
        return own
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(weights.hub_id, "model.safetensors")
    return Path(found) if isinstance(found, str) else None


def to_download(text: str) -> str:
    """Return the official name meant by a text if its weights are not here yet, or ``""``."""
    name = "" if Path(text).exists() else official_name(text)
    return name if name and on_this_machine(name) is None else ""


def locate(name: str) -> Path:
    """Return the file of official weights, downloading it where it is not on this machine.

    Looked for in `user_folder`, then in the Hugging Face cache, then on the hub (resumed,
    with a progress bar, never where ``HF_HUB_OFFLINE`` is set)."""
    weights = OFFICIAL.get(official_name(name))
    if weights is None:
        raise CheckpointError(f"{name}: no official weights; expected {', '.join(OFFICIAL)}.")
    here = on_this_machine(name)
    if here is not None:
        return here
    from huggingface_hub import hf_hub_download

    own = user_folder() / f"{weights.name}.safetensors"
    try:
        return Path(hf_hub_download(weights.hub_id, "model.safetensors"))
    except Exception as error:
        # What lies behind "cannot find it locally" tells more: no connection, or offline mode.
        known = error.__cause__ or error
        first = re.split(r"[.!?:]?\s*(\n|$)|[.!?]\s", str(known).strip())[0]
        reason = f"{type(known).__name__}: {first[:160]}".rstrip(":. ")
        raise CheckpointError(
            f"{weights.name}: not on this machine and not to be had from the Hugging Face hub "
            f"({reason}); download {weights.url} on a machine that can, put it at {own}, and try "
            "again."
        ) from None


def check_hash(weights: OfficialWeights, path: Path, sha256: str) -> None:
    """Refuse a file whose hash is neither the published one nor, in a hub cache, its link's."""
    stated = path.resolve().name
    known = {weights.sha256, stated if re.fullmatch(r"[0-9a-f]{64}", stated) else ""} - {""}
    if known - {sha256}:
        raise CheckpointError(
            f"{weights.name}: {path} has the sha256 {sha256[:12]}..., expected "
            f"{min(known - {sha256})[:12]}...: damaged or not the published file; delete it and "
            "fetch it again."
        )


def check_architecture(weights: OfficialWeights, config: Config, label: str) -> None:
    """Refuse a file whose architecture is not that of the official weights it should be."""
    wanted = weights.config.to_dict()
    for name, value in config.to_dict().items():
        if name != "activation" and value != wanted[name]:
            raise CheckpointError(
                f"{label}: not {weights.name}: {name} is {value}, expected {wanted[name]}; delete "
                "it and fetch it again."
            )
