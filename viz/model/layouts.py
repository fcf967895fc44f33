"""Every naming of a ConvMixer's tensors met in the wild, to and from this project's own.

A layout says where the seven parts are; batch norm stands after the activation, so an
``nn.Sequential`` of convolution, activation and norm numbers them 0, 1, 2.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from viz.model.convmixer import ConvMixer
from viz.model.guards import CheckpointError, TensorRecord
from viz.results.network import Config
from viz.results.refusal import Refusal

__all__ = ["LAYOUTS", "Fit", "Layout", "config_from_shapes", "export_state", "fit_layout"]

MAX_DEPTH = 1000
_CONV = ("weight", "bias")
_NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


@dataclass(frozen=True)
class Layout:
    """One naming of the tensors of a ConvMixer.

    Parameters
    ----------
    name : str
        ``"viz"``, ``"official"``, ``"tweetable"`` or ``"timm"``.
    patch_embedding, patch_norm : str
        Names of the first convolution and of its norm.
    block : str
        Name of a block, with ``{}`` for its number.
    depthwise, depthwise_norm, pointwise, pointwise_norm : str
        Names inside a block.
    head : str
        Name of the classifier, with ``{}`` for its number where it is numbered.
    first_block, first_head : int
        Number of the first block, and of the head of a network without blocks.
    """

    name: str
    patch_embedding: str
    patch_norm: str
    block: str
    depthwise: str
    depthwise_norm: str
    pointwise: str
    pointwise_norm: str
    head: str
    first_block: int = 0
    first_head: int = 0

    def block_name(self, block: int) -> str:
        """Return the name of a block, counted from 0.

        Parameters
        ----------
        block : int
            0-based.

        Returns
        -------
        str
            Such as ``"blocks.0"`` or ``"3"``.
        """
        return self.block.format(self.first_block + block)

    def names(self, depth: int) -> dict[str, str]:
        """Return this layout's name of every tensor of a network of this depth.

        Parameters
        ----------
        depth : int
            Blocks.

        Returns
        -------
        dict of str to str
            From this project's name, in the order of its state dict, to the layout's.
        """
        parts = [
            ("patch_embedding", self.patch_embedding, _CONV),
            ("patch_norm", self.patch_norm, _NORM),
        ]
        for n in range(depth):
            ours, theirs = f"blocks.{n}", self.block_name(n)
            parts += [
                (f"{ours}.depthwise", f"{theirs}.{self.depthwise}", _CONV),
                (f"{ours}.depthwise_norm", f"{theirs}.{self.depthwise_norm}", _NORM),
                (f"{ours}.pointwise", f"{theirs}.{self.pointwise}", _CONV),
                (f"{ours}.pointwise_norm", f"{theirs}.{self.pointwise_norm}", _NORM),
            ]
        parts.append(("head", self.head.format(self.first_head + depth), _CONV))
        return {f"{a}.{leaf}": f"{b}.{leaf}" for a, b, leaves in parts for leaf in leaves}


LAYOUTS = (
    Layout(
        "viz",
        "patch_embedding",
        "patch_norm",
        "blocks.{}",
        "depthwise",
        "depthwise_norm",
        "pointwise",
        "pointwise_norm",
        "head",
    ),
    Layout(
        "official",
        "0",
        "2",
        "{}",
        "0.fn.0",
        "0.fn.2",
        "1",
        "3",
        "{}",
        first_block=3,
        first_head=5,
    ),
    Layout(
        "tweetable",
        "0.0",
        "0.2",
        "{}",
        "0.0.0",
        "0.0.2",
        "1.0",
        "1.2",
        "{}",
        first_block=1,
        first_head=3,
    ),
    Layout("timm", "stem.0", "stem.2", "blocks.{}", "0.fn.0", "0.fn.2", "1", "3", "head"),
)
"""The paper's code (``convmixer.py``), its README's short version, timm's, and this project's."""


@dataclass(frozen=True)
class Fit:
    """How a state dict was understood.

    Parameters
    ----------
    layout : Layout
        The naming found.
    prefix : str
        What stands before every name, such as ``"module."``, or ``""``.
    config : Config
        The architecture, with an activation still to be found out.
    keys : dict of str to str
        From this project's name to the key in the state dict.
    """

    layout: Layout
    prefix: str
    config: Config
    keys: dict[str, str]


def _depth(layout: Layout, prefix: str, keys: Iterable[str]) -> int:
    starts = set()
    parts = layout.block.count(".") + 1
    for key in keys:
        if key.startswith(prefix):
            starts.add(".".join(key[len(prefix) :].split(".", parts)[:parts]))
    depth = 0
    while layout.block_name(depth) in starts:
        depth += 1
    return depth


def _prefixes(layout: Layout, keys: Mapping[str, TensorRecord]) -> list[str]:
    """Return what may stand before every name: at most a few candidates."""
    split = [key.split(".")[:-1] for key in keys]
    shared: list[str] = []
    for names in zip(*split, strict=False):
        if len(set(names)) > 1:
            break
        shared.append(names[0])
    found = {"".join(f"{s}." for s in shared), ""}
    patch, block = f"{layout.patch_embedding}.weight", f"{layout.block_name(0)}."
    mixing = f"{block}{layout.pointwise}.weight"
    for key in keys:
        prefix = key[: -len(patch)]
        if key.endswith(patch) and (not prefix or prefix[-1] == ".") and prefix + mixing in keys:
            found.add(prefix)
            if len(found) > 5:
                break
    return sorted(found, key=len)


def fit_layout(tensors: Mapping[str, TensorRecord], label: str) -> Fit:
    """Find the layout of a state dict, and the architecture from its shapes alone.

    Parameters
    ----------
    tensors : mapping of str to TensorRecord
        The state dict without known leftovers.
    label : str
        The file's name in messages.

    Returns
    -------
    Fit
        Layout, prefix, architecture and keys.

    Raises
    ------
    CheckpointError
        If it is not a ConvMixer; the message names the first tensor that does not fit.
    """
    best: tuple[int, Layout, str, dict[str, str]] | None = None
    for layout in LAYOUTS:
        for prefix in _prefixes(layout, tensors):
            depth = _depth(layout, prefix, tensors)
            if depth > MAX_DEPTH:
                raise CheckpointError(f"{label}: {depth} blocks, more than any ConvMixer's.")
            names = {ours: prefix + theirs for ours, theirs in layout.names(depth).items()}
            found = sum(key in tensors for key in names.values()) if depth else 0
            if best is None or found > best[0]:
                best = (found, layout, prefix, names)
    assert best is not None
    found, layout, prefix, names = best
    known = set(names.values())
    # Even in another network a few names can fall together ("0.weight"): half must fit.
    if found * 2 < len(tensors):
        known = set()
    _refuse_unexpected(tensors, known, layout, label)
    absent = [
        key
        for key in names.values()
        if key in known and key not in tensors and not key.endswith("num_batches_tracked")
    ]
    if absent:
        raise CheckpointError(f"{label}: not a whole ConvMixer: {_absent(absent[0])}")
    keys = {ours: key for ours, key in names.items() if key in tensors}
    config = config_from_shapes({ours: tensors[key] for ours, key in keys.items()}, keys, label)
    return Fit(layout, prefix, config, keys)


def _absent(key: str) -> str:
    if key.endswith((".running_mean", ".running_var")):
        return (
            f"{key} is missing: it was saved without its batch-norm statistics; save the whole "
            "state_dict()."
        )
    return f"{key} is missing; expected every convolution, norm and head of model.state_dict()."


def _refuse_unexpected(
    tensors: Mapping[str, TensorRecord], known: set[str], layout: Layout, label: str
) -> None:
    for key, record in tensors.items():
        if key not in known:
            what = f"{key} {record.shape}" if record.shape else key
            like = f" in the {layout.name} layout" if known else ""
            raise CheckpointError(
                f"{label}: not a ConvMixer: the first tensor that does not fit{like} is {what}; "
                "expected a patch embedding, blocks of a depthwise and a pointwise convolution "
                "with batch norm, and a linear head, named as in one of the layouts "
                f"{', '.join(known.name for known in LAYOUTS)}."
            )


def config_from_shapes(
    tensors: Mapping[str, TensorRecord], keys: Mapping[str, str], label: str
) -> Config:
    """Read the architecture off the tensors' shapes and check every one of them.

    Parameters
    ----------
    tensors : mapping of str to TensorRecord
        By this project's names.
    keys : mapping of str to str
        From these to the names for messages.
    label : str
        The file's name in messages.

    Returns
    -------
    Config
        With the activation at its default.

    Raises
    ------
    CheckpointError
        If the shapes disagree; the message names the first one and what was expected.
    """

    def fail(name: str, expected: str) -> CheckpointError:
        return CheckpointError(
            f"{label}: not a ConvMixer: {keys[name]} has the shape {tensors[name].shape}, "
            f"expected {expected}."
        )

    patch = tensors["patch_embedding.weight"].shape
    if len(patch) != 4 or patch[2] != patch[3] or 0 in patch:
        raise fail("patch_embedding.weight", "(dim, channels, patch, patch)")
    dim, kernel = patch[0], tensors["blocks.0.depthwise.weight"].shape
    if len(kernel) != 4 or kernel[:2] != (dim, 1) or kernel[2] != kernel[3] or 0 in kernel:
        raise fail("blocks.0.depthwise.weight", f"({dim}, 1, kernel, kernel)")
    head = tensors["head.weight"].shape
    if len(head) != 2 or head[1] != dim or 0 in head:
        raise fail("head.weight", f"(classes, {dim})")
    depth = 1 + max(int(name.split(".")[1]) for name in tensors if name.startswith("blocks."))
    config = Config(dim, depth, kernel[2], patch[2], head[0], patch[1])
    weights = {
        "patch_embedding": patch,
        "depthwise": kernel,
        "pointwise": (dim, dim, 1, 1),
        "head": head,
    }
    for name, record in tensors.items():
        part, leaf = name.split(".")[-2:]
        if leaf == "num_batches_tracked":
            # Sometimes stored as a list of one number.
            if math.prod(record.shape) != 1:
                raise fail(name, "a single number")
            continue
        expected = weights.get(part, (dim,)) if leaf == "weight" else (dim,)
        if part == "head" and leaf == "bias":
            expected = head[:1]
        if record.shape != expected:
            raise fail(name, str(expected))
        if "float" not in record.dtype:
            raise CheckpointError(
                f"{label}: {keys[name]} holds {record.dtype} numbers; expected floating-point "
                "weights, so save the network before it is quantised."
            )
    return config


def export_state(model: ConvMixer, layout: str, prefix: str = "") -> dict[str, Tensor]:
    """Return a network's state dict under another layout's names.

    Parameters
    ----------
    model : ConvMixer
        The network.
    layout : str
        ``"viz"``, ``"official"``, ``"tweetable"`` or ``"timm"``.
    prefix : str
        Put before every name.

    Returns
    -------
    dict of str to torch.Tensor
        The network's own tensors, not copies, detached.

    Raises
    ------
    ValueError
        If there is no such layout, or the tweetable one is asked of an even kernel, which its
        padding cannot run.
    """
    found = {known.name: known for known in LAYOUTS}.get(layout)
    if found is None:
        names = ", ".join(known.name for known in LAYOUTS)
        raise Refusal(f"no layout {layout!r}; expected one of {names}.")
    if layout == "tweetable" and model.config.kernel_size % 2 == 0:
        raise Refusal(
            "the tweetable layout cannot run even kernels: its padding makes the residual "
            "addition fail; choose another layout."
        )
    state = {name: tensor.detach() for name, tensor in model.state_dict().items()}
    return {prefix + key: state[name] for name, key in found.names(model.config.depth).items()}
