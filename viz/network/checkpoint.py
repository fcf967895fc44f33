"""A file, a name, a state dict or a network in memory -> `Checkpoint`, read safely."""

from __future__ import annotations

import difflib
import json
import os
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from viz.core.network import ACTIVATIONS, Config, Preprocessing, Source, split_activation
from viz.core.refusal import Refusal
from viz.images.reading import told
from viz.network import zoo
from viz.network.activation import Choice, choose_activation, contradiction, evidence
from viz.network.convmixer import ConvMixer
from viz.network.declared import Declared, declared, default_preprocessing, read_classes
from viz.network.guards import (
    MAX_WEIGHTS,
    CheckpointError,
    CheckpointWarning,
    TensorRecord,
    printable,
)
from viz.network.in_memory import Seen, compare, look_at_module
from viz.network.reading import Reading, open_checkpoint, outline_of, sha256_of_tensors
from viz.network.recognise import Fit
from viz.network.unwrapping import Found, axes, find_network

_IN_MEMORY = "in memory"
_MAX_CONFIG_FILE = 1 << 20


@dataclass(frozen=True, repr=False)
class Checkpoint:
    """A trained ConvMixer, ready to be looked at.

    Parameters
    ----------
    model : ConvMixer
        In evaluation mode, without gradients for its weights, on the device asked for, its first
        convolution in channels_last (its outputs follow).
    config : Config
        Its architecture.
    source : Source
        Where it came from, and how it was understood.
    preprocessing : Preprocessing
        How its input is made, and how that is known.
    classes : tuple of str
        Names of its outputs, empty when unknown.
    training : mapping
        Recipe and results, of files written by this project; else empty.
    parts : tuple of str
        One line per part of the network: what the file calls it; then what was assumed.
    """

    model: ConvMixer
    config: Config
    source: Source
    preprocessing: Preprocessing
    classes: tuple[str, ...] = ()
    training: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple[str, ...] = ()

    def __repr__(self) -> str:
        c = self.config
        return (
            f"<ConvMixer-{c.dim}/{c.depth} of {self.source.name}: {c.kernel_size} x "
            f"{c.kernel_size} kernels, patches of {c.patch_size} px, {c.n_classes} classes, "
            f"{c.activation}, {c.n_parameters:,} parameters>"
        )


@dataclass(frozen=True)
class _Target:
    """What is to be loaded: its name in messages, and what its name claims."""

    label: str
    name: str
    path: Path | None = None
    official: zoo.OfficialWeights | None = None
    required: bool = False


@dataclass(frozen=True)
class _Understood:
    """All that is known of a network before its weights are read."""

    found: Found
    said: Declared
    seen: Seen
    stored: str


def load(
    source: str | os.PathLike[str] | Mapping[str, Any] | nn.Module,
    *,
    activation: str | None = None,
    ema: bool | None = None,
    classes: str | Path | Sequence[str] | None = None,
    image_size: int | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    crop: float | None = None,
    interpolation: str | None = None,
    device: str | torch.device = "cpu",
    dtype: torch.dtype | None = None,
) -> Checkpoint:
    """Load a trained ConvMixer from whatever holds it; nothing in a file is ever executed.

    Parameters
    ----------
    source : str, Path, mapping or torch.nn.Module
        A file (.pth, .pt, .pth.tar, .bin, .ckpt, .safetensors: told apart by content), the name
        of official weights (``"convmixer_1536_20"``: fetched where they are not on this machine)
        or of a shipped checkpoint (``"imagenette-p7"``), a state dict, or a network in memory,
        which is copied and never changed. A file in the way of a name wins.
    activation : str, optional
        As in `Config`. Default: what the file states, else its official name, else what the
        batch-norm statistics show, else GELU with a warning.
    ema : bool, optional
        Take averaged (EMA) weights (True) or the others (False); default: averaged ones where
        there are any.
    classes : sequence of str, str or Path, optional
        Names of the outputs, or a file with one per line or a JSON list.
    image_size : int, optional
        Side of the network's input, in pixels; default: what the file states, else 224.
    mean, std : sequence of float, optional
        One number per input channel, or one for all: subtracted from values in [0, 1], then
        divided out; default: what the file states, else ImageNet's.
    crop : float, optional
        Share of the resized image that the centre crop keeps, in (0, 1].
    interpolation : str, optional
        ``"bicubic"`` or ``"bilinear"``.
    device : str or torch.device
        Where to put the network.
    dtype : torch.dtype, optional
        Type of its floating-point weights; default float32, whatever the file holds.

    Returns
    -------
    Checkpoint
        The architecture is read off the tensors' shapes; ``.source`` says what was found.

    Raises
    ------
    CheckpointError
        If it is not a ConvMixer, or not safe to read; one sentence that names the file, what was
        found, what was expected and what to do.
    ValueError
        If the activation is none of torch's, or the type not a floating-point one.

    Warns
    -----
    CheckpointWarning
        For whatever a user should know: a guessed activation, dropped entries, weights that are
        not finite. The same texts are in ``.source.warnings``.
    """
    if activation is not None:
        split_activation(activation)
    dtype = dtype or torch.float32
    if not dtype.is_floating_point:
        raise Refusal(f"dtype must be a floating-point type, not {dtype}.")
    target = _resolve(source)
    given = {"activation": activation, "classes": classes, "image_size": image_size, "mean": mean,
             "std": std}  # fmt: skip
    chosen = {name for name, value in given.items() if value is not None}
    # What a caller has set for all of torch changes nothing here.
    with torch.inference_mode(False), torch.device("cpu"), _opened(source, target) as reading:
        known = _understand(source, reading, target, ema, chosen)
        names = read_classes(classes, known.found.fit.config.n_classes, target.label)
        fit = known.found.fit
        state = _fetch(reading, known.found, dtype, target.label)
        sha256 = reading.sha256() or sha256_of_tensors(state)
    if target.required and target.official and target.path:
        zoo.check_hash(target.official, target.path, sha256)
    official = zoo.official_by_hash(sha256) or target.official
    if not _alike(official, fit.config, "in_channels"):
        official = None
    found = evidence(state)
    stated = known.said.activation
    if known.seen.activations:
        stated = known.seen.activations[0], "the network's own layers"
    if activation is None and known.said.activation and not known.seen.activations:
        against = contradiction(known.said.activation[0], found)
        if against:
            raise CheckpointError(
                f"{target.label}: {against[0]}, and yet {known.said.activation[1]} says so; say "
                "which with --activation (in Python activation=)."
            )
    choice = choose_activation(
        found,
        argument=activation,
        declared=stated,
        claimed=_claimed_activation(known, official, fit.config),
    )
    with torch.inference_mode(False):
        model = _build(replace(fit.config, activation=choice.activation), state, known.seen.eps)
        if isinstance(source, nn.Module):
            model, choice, unsure = _compared(
                model, source, known, choice, activation, target.label
            )
        else:
            unsure = ()
    config = model.config
    unseen = () if isinstance(source, nn.Module) else fit.assumed
    said = (
        *_notes(known),
        *(f"the file does not say {line}" for line in unseen),
        *unsure,
        *choice.warnings,
        *_bad_values(state, fit),
    )
    notes = tuple(printable(note, 800) for note in said)
    for note in notes:
        warnings.warn(f"{target.label}: {note}.", CheckpointWarning, stacklevel=2)
    usual = default_preprocessing(config.in_channels)
    if official:
        usual = Preprocessing(known="the official weights' configuration")
    preprocessing = told(
        known.said.preprocessing or usual, config.in_channels,
        image_size=image_size, crop=crop, mean=mean, std=std, interpolation=interpolation,
    )  # fmt: skip
    check_size(config, image_size)
    imagenet = official is not None and config.n_classes == official.config.n_classes
    return Checkpoint(
        model.to(device),
        config,
        Source(
            name=target.name,
            sha256=sha256,
            layout=printable(fit.layout),
            activation_source=choice.source,
            dropped=tuple(map(printable, known.found.dropped)),
            wrapper=printable(".".join(known.found.path)),
            prefix=printable(fit.prefix),
            dtype=known.stored,
            warnings=notes,
        ),
        preprocessing,
        names or known.said.classes or (zoo.imagenet_classes() if imagenet else ()),
        known.said.training,
        (
            *map(printable, fit.parts()),
            *(f"assumed: {line}" for line in (*fit.assumed, *_unseen(source, known))),
            *(f"not taken: {printable(other)}" for other in known.found.others),
        ),
    )


def _usual_epsilon(found: Found) -> str:
    """Return the epsilon of batch norms in the library that a file's kernels are from."""
    shape = found.tensors[found.fit.keys["blocks.0.depthwise.weight"]].shape
    return "1e-3" if found.turned and shape[3] == 1 else "1e-5"


def _unseen(source: Any, known: _Understood) -> tuple[str, ...]:
    """Say what no tensor tells: how the network of a stranger's file computes with them."""
    if isinstance(source, nn.Module) or known.said.training:
        return ()
    return (
        "it computes as a ConvMixer does: a residual around depthwise convolution, activation and "
        f"norm, the average over positions before the head, epsilon {_usual_epsilon(known.found)}",
    )


def adapted(
    checkpoint: Checkpoint,
    *,
    activation: str | None = None,
    classes: str | Path | Sequence[str] | None = None,
    image_size: int | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> Checkpoint:
    """Return a loaded checkpoint as `load` with these options would have, sharing its weights."""
    config, model, source = checkpoint.config, checkpoint.model, checkpoint.source
    if activation is not None and activation != config.activation:
        config = replace(config, activation=activation)
        eps = {name: norm.eps for name, norm in model.named_modules()
               if isinstance(norm, nn.BatchNorm2d)}  # fmt: skip
        model = _build(config, model.state_dict(), eps)
        source = replace(source, activation_source="the argument")
    names = read_classes(classes, config.n_classes, source.name) or checkpoint.classes
    preprocessing = told(
        checkpoint.preprocessing, config.in_channels, image_size=image_size, mean=mean, std=std
    )
    check_size(config, image_size)
    return replace(checkpoint, config=config, model=model, source=source, classes=names,
                   preprocessing=preprocessing)  # fmt: skip


def check_size(config: Config, image_size: int | None) -> None:
    """Refuse images that hold no patch."""
    if image_size is not None and image_size < config.patch_size:
        raise CheckpointError(
            f"an image size of {image_size} pixels found, at least one patch of "
            f"{config.patch_size} expected; give a larger --image-size."
        )


def _compared(
    model: ConvMixer, source: nn.Module, known: _Understood, choice: Choice, argument: str | None,
    label: str,
) -> tuple[ConvMixer, Choice, tuple[str, ...]]:  # fmt: skip
    """Compare with the network in memory, under each activation that it may have."""
    fit, refused = known.found.fit, None
    seen = known.seen.activations
    # A lone identity may stand for anything that was taken out.
    unseen = () if set(seen) - {"identity"} else (choice.activation, *ACTIVATIONS)
    possible = [argument] if argument else [*seen, *unseen]
    for name in dict.fromkeys(possible):
        trial = _build(replace(fit.config, activation=name), model.state_dict(), known.seen.eps)
        try:
            problem = compare(trial, source, fit, label)
        except CheckpointError as error:
            refused = refused or error
            continue
        if problem:
            return trial, choice, (f"{problem}, so that it computes the same is an assumption",)
        how = "the argument" if argument else "the network's own layers" if seen else (
            "found by running the network and comparing")  # fmt: skip
        return trial, Choice(name, how, choice.warnings if argument else ()), ()
    assert refused is not None
    if len(seen) > 1:
        raise CheckpointError(
            f"{label}: its blocks have different activations ({', '.join(sorted(seen))}); expected "
            "one throughout."
        )
    raise refused


def _resolve(source: Any) -> _Target:
    if isinstance(source, nn.Module):
        return _Target(f"the {type(source).__name__} in memory", _IN_MEMORY)
    if isinstance(source, Mapping):
        return _Target("the state dict in memory", _IN_MEMORY)
    if not isinstance(source, (str, os.PathLike)):
        raise CheckpointError(
            f"an object of type {type(source).__name__} cannot be loaded: expected a path, a "
            "name, a state dict or a network."
        )
    text = os.fspath(source)
    path = Path(os.path.expanduser(text))  # noqa: PTH111 (an unknown ~user is left as it is)
    if not text:
        raise CheckpointError("an empty path; expected a file or the name of a checkpoint.")
    # Unlike Path.is_file, this answers for every text, too long or not a path at all.
    if not os.path.isfile(path) and isinstance(source, str):  # noqa: PTH113
        official = zoo.official_name(text)
        if official:
            located = zoo.locate(official)
            label, weights = str(located), zoo.OFFICIAL[official]
            return _Target(label, official, located, weights, required=True)
        shipped = zoo.shipped_checkpoints()
        if text in shipped:
            return _Target(text, shipped[text].name, shipped[text])
        if not os.path.lexists(path) and not path.suffix and path.name == text:
            names = [*shipped, *zoo.OFFICIAL]
            near = difflib.get_close_matches(text, names, 1)
            known = f"known names are {', '.join(names)}."
            hint = f"did you mean {near[0]}?" if near else known
            raise CheckpointError(f"{text}: no such file, and no checkpoint of that name; {hint}")
    return _Target(text, path.name, path, zoo.official_by_path(path.absolute()))


@contextmanager
def _opened(source: Any, target: _Target) -> Iterator[Reading]:
    if target.path is not None:
        with open_checkpoint(target.path, target.label) as reading:
            yield reading
        return
    values = source.state_dict() if isinstance(source, nn.Module) else source

    held: dict[TensorRecord, Tensor] = {}
    outline = outline_of(values, target.label, held)

    def fetch(tensors: Mapping[str, TensorRecord]) -> dict[str, Tensor]:
        return {key: held[record].detach() for key, record in tensors.items()}

    yield Reading(outline, {}, fetch, lambda: "", owned=False)


def _understand(
    source: Any, reading: Reading, target: _Target, ema: bool | None, chosen: Collection[str]
) -> _Understood:
    found = find_network(reading.outline, target.label, ema)
    fit = found.fit
    if target.required and target.official:
        zoo.check_architecture(target.official, fit.config, target.label)
    metadata = {**_hub_config(target.path), **reading.metadata}
    inside = {key: tensor.flatten().tolist() for key, tensor in (
        reading.fetch(found.normalising) if found.normalising else {}).items()}  # fmt: skip
    said = declared(reading.outline, metadata, fit.config, target.label, chosen, inside)
    if isinstance(source, nn.Module):
        seen = look_at_module(source, fit)
    else:
        norms = (n.removesuffix(".running_mean") for n in fit.keys if n.endswith(".running_mean"))
        seen = Seen((), dict.fromkeys(norms, float(_usual_epsilon(found))))
    records = [found.tensors[key] for name, key in fit.keys.items() if name.endswith("weight")]
    sizes: dict[str, int] = {}
    for record in records:
        sizes[record.dtype] = sizes.get(record.dtype, 0) + record.nbytes
    if target.path is not None:
        claimed, held = sum(r.nbytes for r in records), target.path.stat().st_size
        if claimed > held:
            raise CheckpointError(
                f"{target.label}: its tensors share storage: they claim {claimed:,} bytes in a "
                f"file of {held:,}; expected a tensor of its own for each weight."
            )
        if claimed > MAX_WEIGHTS:
            raise CheckpointError(
                f"{target.label}: {claimed:,} bytes of weights, more than any ConvMixer's; "
                f"expected at most {MAX_WEIGHTS:,}."
            )
    return _Understood(found, said, seen, max(sizes, key=lambda d: sizes[d]))


def _hub_config(path: Path | None) -> dict[str, str]:
    """Return the settings that the hub keeps beside a file of one of its usual names."""
    found: dict[str, str] = {}
    if path is None or path.name not in ("model.safetensors", "pytorch_model.bin"):
        return found
    for beside in map(path.with_name, ("config.json", "preprocessor_config.json")):
        with suppress(OSError, ValueError, RecursionError):
            if beside.is_file() and beside.stat().st_size <= _MAX_CONFIG_FILE:
                text = beside.read_text(encoding="utf-8")
                found |= {beside.name: text} if isinstance(json.loads(text), dict) else {}
    return found


def _fetch(reading: Reading, found: Found, dtype: torch.dtype, label: str) -> dict[str, Tensor]:
    """Read the weights under this project's names, each in memory of its own."""
    fit = found.fit
    raw = reading.fetch(found.tensors)
    state = {}
    for name, key in fit.keys.items():
        tensor = raw[key]
        if tuple(tensor.shape) != found.tensors[key].shape:
            raise CheckpointError(f"{label}: {key} is not what the file says it is; not read.")
        if found.turned:
            tensor = tensor.permute(axes(tensor.shape))
        if name == "head.weight":
            # A 1 x 1 convolution that ends a network is a linear layer.
            tensor = tensor.flatten(1)
        if name.endswith("num_batches_tracked"):
            state[name] = tensor.reshape(()).to("cpu", torch.int64, copy=True)
        elif name == "patch_embedding.weight":
            # In channels_last it makes all feature maps so: 0 to 30 % faster on a CPU.
            like = torch.empty_like(
                tensor, dtype=dtype, device="cpu", memory_format=torch.channels_last
            )
            state[name] = like.copy_(tensor)
        else:
            moved = tensor.to("cpu", dtype, copy=not reading.owned)
            state[name] = moved.contiguous()
        raw[key] = state[name]
    for name in fit.absent:
        like = state[name.replace(".bias", ".weight").replace("norm.weight", "norm.running_mean")]
        state[name] = torch.full(like.shape[:1], float(name.endswith("weight")), dtype=dtype)
    return state


def _build(config: Config, state: dict[str, Tensor], eps: Mapping[str, float]) -> ConvMixer:
    """Build the network around the weights: nothing is initialised only to be overwritten."""
    with torch.device("meta"):
        model = ConvMixer.from_config(config)
    counts = (name for name in model.state_dict() if name.endswith("num_batches_tracked"))
    for name in counts:
        state.setdefault(name, torch.zeros((), dtype=torch.int64))
    model.load_state_dict(state, assign=True)
    for name, value in eps.items():
        norm = model.get_submodule(name)
        assert isinstance(norm, nn.BatchNorm2d)
        norm.eps = value
    return model.eval().requires_grad_(False)


def _alike(weights: zoo.OfficialWeights | None, config: Config, *also: str) -> bool:
    same = ("dim", "depth", "kernel_size", "patch_size", *also)
    if weights is None:
        return False
    return all(getattr(weights.config, n) == getattr(config, n) for n in same)


def _named(known: _Understood) -> zoo.OfficialWeights | None:
    return zoo.OFFICIAL.get(zoo.official_name(known.said.architecture))


def _claimed_activation(
    known: _Understood, official: zoo.OfficialWeights | None, config: Config
) -> tuple[str, str] | None:
    if official is not None:
        return official.config.activation, f"the official name {official.name}"
    named = _named(known)
    if named is None or not _alike(named, config):
        return None
    return named.config.activation, f"the checkpoint's metadata (architecture {named.name})"


def _notes(known: _Understood) -> tuple[str, ...]:
    fit = known.found.fit
    notes = [*known.said.warnings, *fit.notes]
    if known.found.turned:
        notes.append(
            "its kernels are (height, width, in, out), as in Keras and Flax: turned to torch's "
            f"order, and its batch norms given an epsilon of {_usual_epsilon(known.found)}"
        )
    if known.found.beside:
        notes.append(
            f"it holds networks under several prefixes: {fit.prefix.rstrip('.')} was taken, not "
            f"{known.found.beside[0]}"
            + (" (--no-ema takes those that are not averaged)" if known.found.averaged else "")
        )
    dropped = known.found.dropped
    if dropped:
        more = f" and {len(dropped) - 3:,} more" if len(dropped) > 3 else ""
        notes.append(f"dropped entries that are not used: {', '.join(dropped[:3])}{more}")
    named, config = _named(known), fit.config
    if named and (named.config.dim, named.config.depth) != (config.dim, config.depth):
        notes.append(
            f"the file says {named.name}, but its weights are those of a {config.dim}/"
            f"{config.depth}: the weights are believed"
        )
    return tuple(notes)


def _bad_values(state: Mapping[str, Tensor], fit: Fit) -> Iterator[str]:
    """Say where weights are not finite, or a variance is negative."""
    bad: list[tuple[str, int]] = []
    for name, tensor in state.items():
        # A sum is finite only if every value is, and takes one pass; large ones may overflow.
        if tensor.is_floating_point() and not tensor.sum().isfinite():
            count = int((~tensor.isfinite()).sum())
            bad += [(name, count)] if count else []
    if bad:
        total, (first, _) = sum(n for _, n in bad), bad[0]
        key = f" (key {fit.keys[first]})" if fit.keys.get(first, first) != first else ""
        yield (
            f"{total:,} weights are not finite (NaN or infinite), in {len(bad)} of {len(state)} "
            f"tensors, first in {first}{key}: what they touch cannot be believed"
        )
    for name, tensor in state.items():
        if name.endswith("running_var") and bool((tensor < 0).any()):
            yield f"{name} has negative variances: outputs will be NaN"
            return
