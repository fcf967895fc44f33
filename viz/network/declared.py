"""What a file says about its network beside the weights: never trusted over their shapes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any

from viz.core.network import ACTIVATIONS, Config, Preprocessing, split_activation
from viz.core.refusal import Refusal
from viz.network.guards import MAX_TENSORS, CheckpointError, TensorRecord, printable
from viz.network.saving import FORMAT
from viz.network.stand_ins import Name, Thing, as_mapping, last_name

_ACTIVATION_KEYS = ("activation", "act_layer", "act", "activation_function", "nonlinearity",
                    "act_fn", "act_cfg", "hidden_act", "nonlin")  # fmt: skip
_SIZE_KEYS = ("input_size", "img_size", "image_size", "input_shape", "input_resolution",
              "resolution", "imsize", "img_dim", "im_size")  # fmt: skip
_MEAN_KEYS = ("mean", "image_mean", "img_mean", "norm_mean", "normalize_mean", "pixel_mean")
_CLASS_KEYS = ("classes", "class_names", "CLASSES", "class_to_idx", "idx_to_class", "id2label",
               "label2id", "labels", "label_names", "categories")  # fmt: skip
_ARCHITECTURE_KEYS = ("arch", "architecture", "model", "model_name")
_METADATA_KEYS = re.compile(
    r"arg|conf|param|meta|recipe|setting|kwargs|^key$|cfg|data|transform|preproc|normali|opt(s|ions)?$"
    r"|backbone|model|net"
)
_DEFAULTS = re.compile(r"(default|pretrained)_cfg")
"""What these say is of the network that training began with: it yields to all else."""
_OTHER_NAMES = {
    "swish": "silu", "linear": "identity", "hswish": "hardswish", "hsigmoid": "hardsigmoid",
    "lrelu": "leaky_relu", "leaky": "leaky_relu", "gelunew": "gelu_tanh", "geluapprox": "gelu_tanh",
    "gelupytorchtanh": "gelu_tanh", **{name.replace("_", ""): name for name in ACTIVATIONS},
}  # fmt: skip
_MAX_SIDE = 8192
_MAX_NUMBER = 1e9
_MAX_CLASSES_FILE = 4 << 20
_MAX_STATEMENTS = 500


@dataclass
class Declared:
    """What a file states about its network."""

    activation: tuple[str, str] | None = None  # and where it is stated
    architecture: str = ""
    preprocessing: Preprocessing | None = None
    classes: tuple[str, ...] = ()
    training: Mapping[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def declared(
    outline: Any,
    metadata: Mapping[str, str],
    config: Config,
    label: str,
    told: Collection[str] = (),
    inside: Mapping[str, Sequence[float]] = MappingProxyType({}),
) -> Declared:
    """Collect what a file says, as far as it agrees with the weights."""
    said = Declared()
    training = _json(metadata.get("training", "")) if metadata.get("format") == FORMAT else None
    said.training = training if isinstance(training, dict) else {}
    places = list(_statements(outline, metadata))
    for _, values in places:
        for key in _ARCHITECTURE_KEYS:
            name = values.get(key)
            if not said.architecture and isinstance(name, str) and len(name) < 200:
                said.architecture = name

    def one(what: str, option: str, read: Callable[[Any], Any], keys: Iterable[str]) -> Any:
        """Return the one value that all statements agree on, and where it stands."""
        found: dict[Any, str] = {}
        for place, values in places:
            for key in keys:
                value = read(values[key]) if values.get(key) is not None else None
                if value is not None and not (_DEFAULTS.search(place) and found):
                    found.setdefault(value, f"{place}{key}")
        if len(found) > 1 and not {what} & set(told):
            (a, x), (b, y) = list(found.items())[:2]
            raise CheckpointError(
                f"{label}: it states two different values of {what.replace('_', ' ')}, {_brief(a)} "
                f"({x}) and {_brief(b)} ({y}); say which with --{option} (in Python {what}=)."
            )
        return next(iter(found.items()), (None, ""))

    if "activation" not in told:
        stated, place = one("activation", "activation", _activation_name, _ACTIVATION_KEYS)
        if stated:
            if _known(stated) is None:
                raise CheckpointError(
                    f"{label}: it states the activation {printable(stated, 60)!r} ({place}), which "
                    f"torch does not have; say which comes nearest with --activation, one of "
                    f"{', '.join(ACTIVATIONS)}."
                )
            said.activation = (_known(stated) or "", f"the checkpoint's metadata ({place})")
    if "classes" not in told and config.n_classes:
        names, place = one("classes", "classes", _class_names, _CLASS_KEYS)
        if names and len(names) == config.n_classes:
            said.classes = tuple(map(_clean, names))
        elif names:
            said.warnings.append(
                f"the file names {len(names)} classes ({place}), the head has {config.n_classes} "
                "outputs: names left out"
            )
    size, size_place = one("image_size", "image-size", partial(_side, config=config), _SIZE_KEYS)
    said.preprocessing = _stated_preprocessing(
        places, config.in_channels, size, size_place, one, inside
    )
    return said


def _brief(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return printable(text, 60)


def _statements(
    outline: Any, metadata: Mapping[str, str]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the mappings that may hold settings, with the place of each for messages."""
    queue: list[tuple[str, int, Any]] = [("", 0, outline), ("", 0, metadata)]
    seen: set[int] = set()
    for place, depth, value in islice(queue, _MAX_STATEMENTS):  # which grows
        value = _json(value) if isinstance(value, str) and value[:1] in ("{", "[") else value
        if isinstance(value, (list, tuple)) and len(value) < 50:
            queue += [(place, depth + 1, v) for v in value if not isinstance(v, (str, int, float))]
            continue
        values = as_mapping(value)
        if values is None or id(value) in seen or len(values) > (2000 if depth else MAX_TENSORS):
            continue
        seen.add(id(value))
        # OmegaConf keeps its settings in an entry, each in a node of its own.
        content = values.get("_content")
        values = content if isinstance(content, dict) else values
        values = {k: v.attributes.get("_val", v) if isinstance(v, Thing) else v
                  for k, v in values.items() if isinstance(k, str)}  # fmt: skip
        yield place, values
        if depth < 4 and not any(isinstance(v, TensorRecord) for v in values.values()):
            queue += [(f"{place}{printable(key, 40)}: ", depth + 1, v) for key, v in values.items()
                      if _METADATA_KEYS.search(key.lower()) and key not in _CLASS_KEYS]  # fmt: skip
        elif depth == 0:
            queue += [(f"{printable(key, 40)}: ", 1, v) for key, v in values.items()
                      if _METADATA_KEYS.search(key.lower())
                      and not isinstance(v, TensorRecord)]  # fmt: skip


def _activation_name(value: Any) -> str | None:
    """Return what is stated as an activation: a text, a class, or a setting with a type."""
    options: Any = value.attributes if isinstance(value, Thing) else {}
    if isinstance(value, Thing) and last_name(value) == "partial" and len(value.entries) == 4:
        value, _, options, _ = value.entries
    if isinstance(value, (Name, Thing)):
        name, options = last_name(value), options if isinstance(options, Mapping) else {}
        if options.get("approximate") == "tanh":
            return "gelu_tanh"
        number = options.get("negative_slope", options.get("alpha"))
        stated = f"{name}({number:g})" if type(number) is float else name
        # An enumeration's member is its class, called with its value.
        inside = value.args if isinstance(value, Thing) and not _known(stated) else ()
        if not inside or not isinstance(inside[0], str):
            return _known(stated) or stated
        value = inside[0]
    if isinstance(value, Mapping):
        value = value.get("type", value.get("name"))
    if not isinstance(value, str) or value.lower() in ("", "none", "default", "auto"):
        return None
    return _known(value) or value[:200]


def _known(text: str) -> str | None:
    """Return this project's name of an activation, however it is spelled."""
    found = re.fullmatch(r"(?:\w+\.)*(\w+)(?:\((.*)\))?", text.strip()[:200])
    if not found:
        return None
    name = _OTHER_NAMES.get(found[1].lower().replace("_", ""), "")
    arguments = re.sub(r"\s|inplace\s*=\s*\w+", "", found[2] or "").strip(",")
    if name == "gelu" and "tanh" in arguments:
        return "gelu_tanh"
    number = re.fullmatch(r"(?:\w+=)?(\d[\d.e-]*)", arguments)
    try:
        return (name and split_activation(f"{name}({number[1]})" if number else name) and (
            f"{name}({number[1]})" if number else name)) or None  # fmt: skip
    except Refusal:
        return None


def _class_names(value: Any) -> tuple[str, ...] | None:
    value = _json(value) if isinstance(value, str) else value
    values = as_mapping(value)
    if values and all(isinstance(v, str) for v in values.values()):
        if all(str(k).isdecimal() and len(str(k)) < 10 for k in values):
            return tuple(values[k] for k in sorted(values, key=int))
        return None
    if values and all(isinstance(k, str) for k in values):
        if sorted(map(str, values.values())) != sorted(map(str, range(len(values)))):
            return None
        return tuple(sorted(map(str, values), key=lambda k: int(values[k])))
    value = value.entries if isinstance(value, Thing) else value
    if isinstance(value, (list, tuple)) and value and all(isinstance(v, str) for v in value):
        return tuple(value)
    return None


def _side(value: Any, config: Config) -> int | None:
    """Return the side of a square input: stated as a number, or as a shape with it."""
    value = value.entries or value.args if isinstance(value, Thing) else value
    if isinstance(value, (list, tuple)) and 0 < len(value) <= 4:
        sides = list(value)[1:] if len(value) == 4 else list(value)
        if len(sides) == 3:
            sides = sides[:2] if sides[0] == sides[1] != sides[2] else sides[1:]
        value = sides[-1] if len(set(map(str, sides))) == 1 else None
    return value if type(value) is int and 1 <= value <= _MAX_SIDE else None


def _stated_preprocessing(
    places: Sequence[tuple[str, Mapping[str, Any]]],
    in_channels: int,
    size: int | None,
    size_place: str,
    one: Callable[..., Any],
    inside: Mapping[str, Sequence[float]],
) -> Preprocessing | None:
    """Read mean and std, crop and interpolation, which are None where defaults were used."""
    read = partial(_channels, n=in_channels)
    mean, place = one("mean", "mean", read, _MEAN_KEYS)
    std, _ = one("std", "std", read, [key.replace("mean", "std") for key in _MEAN_KEYS])
    if mean is None and std is None and inside:
        # A mean and a standard deviation among the file's tensors, by their keys.
        place, _ = inside
        mean, std = (_numbers([float(f"{v:.7g}") for v in each], in_channels)
                     for each in inside.values())  # fmt: skip
    if size is None and (mean is None or std is None or min(std) <= 0):
        return None
    found: dict[str, Any] = {"image_size": size or 224, "crop": 1.0}
    for _, values in places:
        crop = values.get("crop_pct", values.get("crop"))
        if isinstance(crop, float) and 0.05 <= crop <= 1:
            found["crop"] = crop
        if values.get("interpolation") in ("bicubic", "bilinear"):
            found["interpolation"] = values["interpolation"]
    if mean is None or std is None or min(std) <= 0:
        usual = default_preprocessing(in_channels)
        known = f"the image size: the checkpoint's metadata ({size_place}); mean and std assumed"
        return Preprocessing(mean=usual.mean, std=usual.std, known=known, **found)
    scaled = max(map(abs, mean)) > 2 or max(std) > 2
    if scaled:
        mean, std = (tuple(v / 255 for v in values) for values in (mean, std))
    where = f"{place}, std{', given for values up to 255' if scaled else ''}"
    known = f"the checkpoint's metadata ({where}){'' if size else '; 224 px assumed'}"
    return Preprocessing(mean=mean, std=std, known=known, **found)


def _channels(value: Any, n: int) -> tuple[float, ...] | None:
    value = value.entries if isinstance(value, Thing) else value
    if n == 1 and type(value) in (int, float):
        value = [value]
    return _numbers(value, n)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _clean(name: str) -> str:
    return "".join(c if c.isprintable() else " " for c in name)[:200].strip()


def _numbers(value: Any, n: int) -> tuple[float, ...] | None:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != n:
        return None
    if not all(isinstance(v, (int, float)) and abs(v) < _MAX_NUMBER for v in value):
        return None
    return tuple(float(v) for v in value)


def default_preprocessing(in_channels: int) -> Preprocessing:
    """Return what to assume where a file does not say how its input was made."""
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
    """Return class names given by the user."""
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


def _class_file(path: Path, origin: str) -> tuple[str, ...]:
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
        names = _class_names(text)
        if names is None:
            raise CheckpointError(f"{origin}: expected a JSON list of class names.")
        return names
    return tuple(line for line in text.splitlines() if line.strip())
