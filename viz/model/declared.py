"""What a file says about its network beside the weights: never trusted over their shapes."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from viz.model.guards import CheckpointError
from viz.model.saving import FORMAT
from viz.results.network import ACTIVATIONS, Config, Preprocessing

__all__ = ["Declared", "declared", "default_preprocessing", "read_classes"]

_ACTIVATION_KEYS = ("activation", "act_layer", "act", "activation_function", "nonlinearity")
_ARCHITECTURE_KEYS = ("arch", "architecture", "model", "model_name")
_METADATA_KEYS = re.compile(r"arg|conf|param|meta|recipe|setting|kwargs|^key$|cfg")
_MAX_SIDE = 8192
_MAX_NUMBER = 1e9
_MAX_CLASSES_FILE = 4 << 20


@dataclass
class Declared:
    """What a file states about its network.

    Parameters
    ----------
    activation : tuple of str, optional
        The activation, and where it is stated.
    architecture : str
        The name of an architecture, as written, or ``""``.
    preprocessing : Preprocessing, optional
        How its input is made.
    classes : tuple of str
        Names of the outputs, or empty.
    training : mapping
        Recipe and results of a file written by this project, else empty.
    warnings : list of str
        Statements that cannot be true.
    """

    activation: tuple[str, str] | None = None
    architecture: str = ""
    preprocessing: Preprocessing | None = None
    classes: tuple[str, ...] = ()
    training: Mapping[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def declared(outline: Any, metadata: Mapping[str, str], config: Config) -> Declared:
    """Collect what a file says, as far as it agrees with the weights.

    Parameters
    ----------
    outline : object
        What the file holds, beside tensors.
    metadata : mapping of str to str
        Of a safetensors file.
    config : Config
        Read off the weights.

    Returns
    -------
    Declared
        Statements at odds with the weights are left out, with a warning.
    """
    if metadata.get("format") == FORMAT:
        return _own(metadata, config)
    said = Declared()
    for place, values in _statements(outline, metadata):
        if said.activation is None:
            for key in _ACTIVATION_KEYS:
                activation = _activation_name(values.get(key))
                if activation:
                    said.activation = (activation, f"the checkpoint's metadata ({place}{key})")
                    break
        for key in _ARCHITECTURE_KEYS:
            name = values.get(key)
            if not said.architecture and isinstance(name, str) and len(name) < 200:
                said.architecture = name
        if said.preprocessing is None:
            said.preprocessing = _timm_preprocessing(values, config.in_channels, place)
    return said


def _statements(
    outline: Any, metadata: Mapping[str, str]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the mappings that may hold settings, with the place of each for messages."""
    queue: list[tuple[str, Any]] = []
    for outer in (outline, metadata):
        if isinstance(outer, Mapping):
            queue.append(("", outer))
            queue += [(f"{key}: ", value) for key, value in outer.items() if _is_metadata(key)]
    for place, value in queue:
        values = getattr(value, "attributes", value)
        if isinstance(values, argparse.Namespace):
            values = vars(values)
        if isinstance(values, str):
            values = _json(values)
        if isinstance(values, Mapping):
            yield place, values
            for key in ("pretrained_cfg", "model_kwargs", "recipe"):
                if isinstance(values.get(key), Mapping):
                    yield f"{place}{key}: ", values[key]


def _is_metadata(key: Any) -> bool:
    return isinstance(key, str) and bool(_METADATA_KEYS.search(key.lower()))


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _activation_name(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 100:
        return ""
    name = value.lower().removesuffix("()").rpartition(".")[2]
    name = {"swish": "silu", "linear": "identity"}.get(name, name)
    return name if name in ACTIVATIONS else ""


def _own(metadata: Mapping[str, str], config: Config) -> Declared:
    said = Declared()
    stated = _json(metadata.get("config", ""))
    if isinstance(stated, dict):
        activation = _activation_name(stated.get("activation"))
        if activation:
            said.activation = (activation, "the checkpoint's metadata")
        real = config.to_dict()
        wrong = [k for k, v in real.items() if k != "activation" and stated.get(k, v) != v]
        if wrong:
            said.warnings.append(
                f"the metadata says {wrong[0]} {stated[wrong[0]]!r}, the weights have "
                f"{real[wrong[0]]}: the weights are believed"
            )
    fields = _json(metadata.get("preprocessing", ""))
    if isinstance(fields, dict):
        said.preprocessing = _preprocessing(fields, config.in_channels, "the checkpoint's metadata")
        if said.preprocessing is None:
            said.warnings.append("the metadata's preprocessing is not usable and left out")
    names = _json(metadata.get("classes", ""))
    if isinstance(names, list):
        if len(names) == config.n_classes and all(isinstance(n, str) for n in names):
            said.classes = tuple(_clean(n) for n in names)
        else:
            said.warnings.append(
                f"the metadata names {len(names)} classes, the head has {config.n_classes} "
                "outputs: names left out"
            )
    training = _json(metadata.get("training", ""))
    if isinstance(training, dict):
        said.training = training
    return said


def _clean(name: str) -> str:
    return "".join(c if c.isprintable() else " " for c in name)[:200].strip()


def _numbers(value: Any, n: int) -> tuple[float, ...] | None:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != n:
        return None
    if not all(isinstance(v, (int, float)) and abs(v) < _MAX_NUMBER for v in value):
        return None
    return tuple(float(v) for v in value)


def _preprocessing(fields: Mapping[str, Any], in_channels: int, known: str) -> Preprocessing | None:
    mean, std = (_numbers(fields.get(k), in_channels) for k in ("mean", "std"))
    size, crop = fields.get("image_size"), fields.get("crop", 1.0)
    interpolation = fields.get("interpolation", "bicubic")
    if mean is None or std is None or min(std) <= 0:
        return None
    if type(size) is not int or not 1 <= size <= _MAX_SIDE:
        return None
    if not isinstance(crop, (int, float)) or not 0.05 <= crop <= 1:
        return None
    if interpolation not in ("bicubic", "bilinear"):
        return None
    return Preprocessing(size, float(crop), mean, std, interpolation, known)


def _timm_preprocessing(
    values: Mapping[str, Any], in_channels: int, place: str
) -> Preprocessing | None:
    """Read timm's names of the settings, which are None where its defaults were used."""
    size = values.get("input_size") or values.get("img_size")
    if isinstance(size, Sequence) and not isinstance(size, str) and size:
        size = size[-1]
    fields = {
        "image_size": size or 224,
        "crop": values.get("crop_pct") or 1.0,
        "mean": values.get("mean"),
        "std": values.get("std"),
        "interpolation": values.get("interpolation"),
    }
    if fields["interpolation"] not in ("bicubic", "bilinear"):
        fields["interpolation"] = "bicubic"
    return _preprocessing(fields, in_channels, f"the checkpoint's metadata ({place}mean, std)")


def default_preprocessing(in_channels: int) -> Preprocessing:
    """Return what to assume where a file does not say how its input was made.

    Parameters
    ----------
    in_channels : int
        Of the network.

    Returns
    -------
    Preprocessing
        ImageNet's for colour; values in [0, 1] as they are for any other number of channels.
    """
    if in_channels == 3:
        return Preprocessing()
    return Preprocessing(
        mean=(0.0,) * in_channels,
        std=(1.0,) * in_channels,
        known="assumed: values in [0, 1] as they are",
    )


def read_classes(
    classes: str | Path | Sequence[str] | None, n_classes: int, label: str
) -> tuple[str, ...]:
    """Return class names given by the user.

    Parameters
    ----------
    classes : sequence of str, str or Path, optional
        The names, or a file: one per line, or a JSON list, or a JSON object of index to name.
    n_classes : int
        Outputs of the head.
    label : str
        The checkpoint's name in messages.

    Returns
    -------
    tuple of str
        Empty where none are given.

    Raises
    ------
    CheckpointError
        If the file cannot be read, or the number of names is not the number of outputs.
    """
    if classes is None:
        return ()
    origin = "the class names given"
    if isinstance(classes, (str, Path)):
        origin = str(classes)
        classes = _class_file(Path(classes), origin)
    names = tuple(_clean(str(name)) for name in classes)
    if len(names) != n_classes:
        raise CheckpointError(
            f"{label}: {origin}: {len(names)} class names, but the head has {n_classes} outputs; "
            "give one name for each."
        )
    return names


def _class_file(path: Path, origin: str) -> list[str]:
    try:
        if path.stat().st_size > _MAX_CLASSES_FILE:
            raise CheckpointError(f"{origin}: too large for a list of class names.")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(
            f"{origin}: cannot be read as text ({type(error).__name__}); expected one class name "
            "per line."
        ) from None
    if text.lstrip()[:1] in ("[", "{"):
        listed = _json(text)
        if isinstance(listed, dict) and all(str(k).isdigit() for k in listed):
            listed = [listed[k] for k in sorted(listed, key=int)]
        if not isinstance(listed, list) or not all(isinstance(n, str) for n in listed):
            raise CheckpointError(f"{origin}: expected a JSON list of class names.")
        return listed
    return [line for line in text.splitlines() if line.strip()]
