"""ConvMixers as strangers name and save them: keys in a file's order, and what lies beside them."""

from __future__ import annotations

import argparse
import collections
import datetime
import functools
import pathlib
import random
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from foreign_networks import official, settle
from torch import nn

H, N = 16, 7
_CONV = ("weight", "bias")
_NORM = (*_CONV, "running_mean", "running_var", "num_batches_tracked")
_KERAS = dict(zip(_NORM, ("gamma", "beta", "moving_mean", "moving_variance", ""), strict=True))
_GERMAN = dict(zip(_NORM, ("gewicht", "versatz", "mittel", "streuung", "zahl"), strict=True))


class Layout(NamedTuple):
    """Keys of patch embedding E, its norm N, of blocks D and P with norms d and p, of the head H.

    Groups that name blocks are repeated: {0} counts from 0, {1} from 1, {2} down to 0, {3} is 1, 3,
    5, {4} is 2, 4, 6. ``leaf`` makes a key of a layer, its tensor's usual name, and whether it is a
    norm's; # counts tensors, and an empty key is left out.
    """

    keys: str
    leaf: Callable[[str, str, bool], str] = lambda layer, leaf, norm: f"{layer}.{leaf}"
    depth: int = 3
    dim: int = H
    n: int = N
    bias: bool = True
    head: tuple[int, ...] = ()
    more: dict[str, torch.Tensor] | None = None


OFFICIAL = "E=0 N=2 | D={0}.0.fn.0 d={0}.0.fn.2 P={0}.1 p={0}.3 | H=8"
_AS = "D=X{0}.0.fn.0 d=X{0}.0.fn.2 P=X{0}.1 p=X{0}.3"


def _keras(layer: str, leaf: str, norm: bool) -> str:
    name = _KERAS[leaf] if norm else leaf
    return name and f"layer_{layer}.{name}"


LAYOUTS = {
    "labml": Layout(
        "E=patch_emb.conv N=patch_emb.norm | H=classification.linear | "
        "D=conv_mixer_layers.{0}.depth_wise_conv d=conv_mixer_layers.{0}.norm1 "
        "P=conv_mixer_layers.{0}.point_wise_conv p=conv_mixer_layers.{0}.norm2"),
    "no biases": Layout(
        "E=stem.0 N=stem.2 | D=layers.{0}.0.0.0 d=layers.{0}.0.0.2 P=layers.{0}.1.0 "
        "p=layers.{0}.1.2 | H=fc", bias=False),
    "each kind in a list, the head in front": Layout(
        "H=out | P=pointwises.{0} | D=depthwises.{0} | p=point_norms.{0} | d=depth_norms.{0} | "
        "N=norm E=embed"),
    "one list of norms": Layout(
        "E=convs.0 | D=convs.{3} P=convs.{4} | N=norms.0 | d=norms.{3} p=norms.{4} | H=fc"),
    "misleading names": Layout(
        "E=head N=head_norm | D=norm.{0}.pointwise d=norm.{0}.pointwise_norm P=norm.{0}.depthwise "
        "p=norm.{0}.depthwise_norm | H=patch_embedding"),
    "norms told by names alone": Layout(
        "D=layers.{0}.spatial P=layers.{0}.channel p=layers.{0}.channel_bn "
        "d=layers.{0}.spatial_bn | E=stem_conv N=stem_bn H=fc"),
    "numbers that count down": Layout(
        "E=conv9 N=norm9 | D=stage{2}.0 d=stage{2}.1 P=stage{2}.2 p=stage{2}.3 | H=fc"),
    "Cyrillic": Layout(
        "E=вложение N=вложениеnorm | D=lage_{1}.глубина d=lage_{1}.глубинаe_norm "
        "P=lage_{1}.точка p=lage_{1}.mischnorm | H=ответ"),
    "no nesting": Layout("E=c0 N=b0 | D=d{0} d=dn{0} P=p{0} p=pn{0} | H=l"),
    "a list of parameters": Layout(OFFICIAL, leaf=lambda layer, leaf, norm: (
        "params.#" if leaf in _NORM[:4] else "")),
    "Keras": Layout(OFFICIAL, leaf=_keras),
    "foreign words for tensors": Layout(
        OFFICIAL, leaf=lambda layer, leaf, norm: f"netz.{layer}.{_GERMAN[leaf]}"),
    "a square convolution for a head": Layout(
        f"E=features.0 N=features.2 | {_AS.replace('X', 'features.')} | H=classifier",
        head=(1, 1), n=H),
    "compiled and checkpointed blocks": Layout(
        f"E=_orig_mod.stem.0 N=_orig_mod.stem.2 | {_AS.replace('X', 'blocks.')} | H=head",
        leaf=lambda layer, leaf, norm: (f"{layer}.{leaf}").replace(
            "blocks.0.", "blocks.0._orig_mod.").replace(
            "blocks.1.", "blocks.1._checkpoint_wrapped_module.")),
    "buffers, a loss and a metric": Layout(
        "E=net.0.0 N=net.0.2 | D=net.{1}.0.0.0 d=net.{1}.0.0.2 P=net.{1}.1.0 p=net.{1}.1.2 | "
        "H=net.6",
        more={"criterion.weight": torch.ones(N), "pixel_mean": torch.zeros(1, 3, 1, 1),
              "loss_history": torch.zeros(20, 2), "confusion": torch.zeros(N, N)}),
    "twelve blocks": Layout(
        f"E=trunk.stem.0 N=trunk.stem.2 | {_AS.replace('X', 'trunk.blocks.')} | H=trunk.head",
        depth=12, dim=8),
    "one channel": Layout(
        "E=patch_embedding N=patch_norm | D=blocks.{0}.depthwise d=blocks.{0}.depthwise_norm "
        "P=blocks.{0}.pointwise p=blocks.{0}.pointwise_norm | H=head", dim=1),
    "modules that hold their own norm": Layout(
        "N=tokens.norm E=tokens.mixer | p=steps.{0}.b.norm P=steps.{0}.b.mixer "
        "d=steps.{0}.a.norm D=steps.{0}.a.mixer | H=linear"),
}  # fmt: skip
# Without their order in the file these cannot be told: names mislead, or say nothing.
ORDERED = {"numbers that count down", "a list of parameters", "foreign words for tensors"}


def built(layout: Layout) -> tuple[nn.Module, dict[str, torch.Tensor]]:
    """The network as its authors write it, and a stranger's state dict of it."""
    network = official(dim=layout.dim, depth=layout.depth, n=layout.n)
    settle(network)
    if not layout.bias:
        with torch.no_grad():
            for module in network.modules():
                if isinstance(module, (nn.Conv2d, nn.Linear)):
                    module.bias.zero_()
    state, found = network.state_dict(), {}
    places = {"E": "0", "N": "2", "D": "{}.0.fn.0", "d": "{}.0.fn.2", "P": "{}.1", "p": "{}.3",
              "H": str(layout.depth + 5)}  # fmt: skip
    for group in layout.keys.split("|"):
        for b in range(layout.depth if "{" in group else 1):
            for item in group.split():
                role, _, key = item.partition("=")
                layer = key.format(b, b + 1, layout.depth - 1 - b, 2 * b + 1, 2 * b + 2)
                norm = role in "Ndp"
                for leaf in _NORM if norm else _CONV if layout.bias else _CONV[:1]:
                    value = state[f"{places[role].format(b + 3)}.{leaf}"]
                    if role == "H" and leaf == "weight" and layout.head:
                        value = value[:, :, None, None]
                    if name := layout.leaf(layer, leaf, norm):
                        found[name.replace("#", str(len(found)))] = value
    return network, found | (layout.more or {})


class Custom:
    """Of a training script: a class that nobody else has."""

    def __init__(self, **values):
        self.__dict__.update(values)


class History(collections.deque):
    pass


def lightning(state):
    return {
        "state_dict": collections.OrderedDict((f"model.{k}", v) for k, v in state.items()),
        "hyper_parameters": Custom(lr=0.1, root=pathlib.PurePosixPath("/data")),
        "callbacks": {"best": torch.tensor(1.0)}, "loops": collections.defaultdict(list),
    }  # fmt: skip


def everything_beside(state):
    """What real training scripts put beside the weights."""
    generator = torch.Generator()
    return {
        "model": state, "args": argparse.Namespace(lr=1.0, out=pathlib.PurePosixPath("/tmp")),
        "rng": (random.getstate(), np.random.RandomState(0).get_state(), generator.get_state()),
        "when": datetime.datetime(2024, 1, 1), "history": History([1, 2], maxlen=9),
        "losses": np.arange(90.0), "names": np.array(["a", "b"]),
        "tags": {"x", "y"},
        "schedule": functools.partial(max, 3), "criterion": nn.CrossEntropyLoss(torch.ones(3)),
        "optimizer": torch.optim.Adam([torch.zeros(4, 4)]).state_dict(),
        "config": Custom(a=Custom()), "device": torch.device("cpu"),
        (1, 2): "a tuple as a key", "big": 1 << 80, "z": 1j,
        "lambda": len, "complex": torch.zeros(3, dtype=torch.complex64), "frozen": frozenset({1}),
        "loss_history": torch.zeros(30, 4), "bytes": b"\x00\xff", "slots": slice(1, 2),
    }  # fmt: skip
