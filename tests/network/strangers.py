"""ConvMixers as strangers write and save them: one small module each, none of this project's."""

from __future__ import annotations

import argparse
import collections
import datetime
import functools
import pathlib
import random

import numpy as np
import torch
import torch.nn.functional as F
from foreign_networks import FirstPlusInput, Residual, TimmLike, official, tweetable
from torch import nn

H, D, K, P, N = 16, 3, 5, 4, 7


def conv(i, o, k, p=0, g=1, s=1, bias=True):
    return nn.Conv2d(i, o, k, s, p, groups=g, bias=bias)


def dw(bias=True):
    return conv(H, H, K, K // 2, H, bias=bias)


def pw(bias=True):
    return conv(H, H, 1, bias=bias)


def bn():
    return nn.BatchNorm2d(H)


def run(x, embedding, norm, blocks, head, act=F.gelu):
    """The paper's formula; blocks are (depthwise, norm, pointwise, norm)."""
    x = norm(act(embedding(x)))
    for d, nd, p, np_ in blocks:
        x = x + nd(act(d(x)))
        x = np_(act(p(x)))
    return head(x.mean((2, 3)))


class Look(nn.Module):
    """blocks.N.depthwise_conv, .pointwise_conv, .bn1, .bn2: norms after both convolutions."""

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.depthwise_conv, self.pointwise_conv = dw(), pw()
            self.bn1, self.bn2 = bn(), bn()

        def forward(self, x):
            x = x + self.bn1(F.gelu(self.depthwise_conv(x)))
            return self.bn2(F.gelu(self.pointwise_conv(x)))

    def __init__(self):
        super().__init__()
        self.patch_embed = nn.ModuleDict({"proj": conv(3, H, P, s=P), "norm": bn()})
        self.blocks = nn.ModuleList(self.Block() for _ in range(D))
        self.classifier = nn.Linear(H, N)

    def forward(self, x):
        x = self.patch_embed["norm"](F.gelu(self.patch_embed["proj"](x)))
        for block in self.blocks:
            x = block(x)
        return self.classifier(x.mean((2, 3)))


class Labml(nn.Module):
    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.depth_wise_conv, self.act1, self.norm1 = dw(), nn.GELU(), bn()
            self.point_wise_conv, self.act2, self.norm2 = pw(), nn.GELU(), bn()

        def forward(self, x):
            x = x + self.norm1(self.act1(self.depth_wise_conv(x)))
            return self.norm2(self.act2(self.point_wise_conv(x)))

    def __init__(self):
        super().__init__()
        self.patch_emb = nn.ModuleDict({"conv": conv(3, H, P, s=P), "norm": bn()})
        self.classification = nn.ModuleDict({"linear": nn.Linear(H, N)})
        self.conv_mixer_layers = nn.ModuleList(self.Layer() for _ in range(D))

    def forward(self, x):
        x = self.patch_emb["norm"](F.gelu(self.patch_emb["conv"](x)))
        for layer in self.conv_mixer_layers:
            x = layer(x)
        return self.classification["linear"](x.mean((2, 3)))


class Jian(nn.Module):
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.Resnet = nn.Sequential(dw(), nn.GELU(), bn())
            self.Conv_1x1 = nn.Sequential(pw(), nn.GELU(), bn())

        def forward(self, x):
            return self.Conv_1x1(x + self.Resnet(x))

    def __init__(self):
        super().__init__()
        self.conv2d1 = nn.Sequential(conv(3, H, P, s=P), nn.GELU(), bn())
        self.ConvMixer_blocks = nn.ModuleList(self.Block() for _ in range(D))
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(H, N))

    def forward(self, x):
        x = self.conv2d1(x)
        for block in self.ConvMixer_blocks:
            x = block(x)
        return self.head(x)


class Mmlab(nn.Module):
    def __init__(self):
        super().__init__()
        stage = lambda: nn.Sequential(  # noqa: E731
            Residual(nn.Sequential(dw(), nn.GELU(), bn())), pw(), nn.GELU(), bn()
        )
        self.backbone = nn.ModuleDict(
            {"stem": nn.Sequential(conv(3, H, P, s=P), nn.GELU(), bn()),
             "stages": nn.Sequential(*(stage() for _ in range(D)))}
        )  # fmt: skip
        self.head = nn.ModuleDict({"fc": nn.Linear(H, N)})

    def forward(self, x):
        x = self.backbone["stages"](self.backbone["stem"](x))
        return self.head["fc"](x.mean((2, 3)))


class BiasFree(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv(3, H, P, s=P, bias=False), nn.GELU(), bn())
        self.layers = nn.Sequential(*(
            nn.Sequential(
                FirstPlusInput(nn.Sequential(dw(False), nn.GELU(), bn())),
                nn.Sequential(pw(False), nn.GELU(), bn()),
            ) for _ in range(D)))  # fmt: skip
        self.fc = nn.Linear(H, N, bias=False)

    def forward(self, x):
        return self.fc(self.layers(self.stem(x)).mean((2, 3)))


class Lists(nn.Module):
    """Each kind of layer in a list of its own, the head in front."""

    def __init__(self):
        super().__init__()
        self.out = nn.Linear(H, N)
        self.pointwises = nn.ModuleList(pw() for _ in range(D))
        self.depthwises = nn.ModuleList(dw() for _ in range(D))
        self.point_norms = nn.ModuleList(bn() for _ in range(D))
        self.depth_norms = nn.ModuleList(bn() for _ in range(D))
        self.norm, self.embed = bn(), conv(3, H, P, s=P)

    def forward(self, x):
        rows = zip(self.depthwises, self.depth_norms, self.pointwises, self.point_norms,
                   strict=True)  # fmt: skip
        return run(x, self.embed, self.norm, rows, self.out)


class OneListOfNorms(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList([conv(3, H, P, s=P)])
        self.norms = nn.ModuleList([bn()])
        for _ in range(D):
            self.convs.extend([dw(), pw()])
            self.norms.extend([bn(), bn()])
        self.fc = nn.Linear(H, N)

    def forward(self, x):
        c, n = self.convs, self.norms
        rows = [(c[i], n[i], c[i + 1], n[i + 1]) for i in range(1, 2 * D, 2)]
        return run(x, c[0], n[0], rows, self.fc)


class Misleading(nn.Module):
    """The depthwise convolution is called pointwise, and the other way round; so are the norms."""

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.pointwise, self.pointwise_norm = dw(), bn()
            self.depthwise, self.depthwise_norm = pw(), bn()

        def forward(self, x):
            x = x + self.pointwise_norm(F.gelu(self.pointwise(x)))
            return self.depthwise_norm(F.gelu(self.depthwise(x)))

    def __init__(self):
        super().__init__()
        self.head, self.head_norm = conv(3, H, P, s=P), bn()
        self.norm = nn.Sequential(*(self.Block() for _ in range(D)))
        self.patch_embedding = nn.Linear(H, N)

    def forward(self, x):
        x = self.head_norm(F.gelu(self.head(x)))
        return self.patch_embedding(self.norm(x).mean((2, 3)))


class NormsByName(nn.Module):
    """Norms registered in the wrong order: only their names tell."""

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.spatial, self.channel = dw(), pw()
            self.channel_bn, self.spatial_bn = bn(), bn()

        def forward(self, x):
            x = x + self.spatial_bn(F.gelu(self.spatial(x)))
            return self.channel_bn(F.gelu(self.channel(x)))

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(self.Block() for _ in range(D))
        self.stem_conv, self.stem_bn, self.fc = conv(3, H, P, s=P), bn(), nn.Linear(H, N)

    def forward(self, x):
        x = self.stem_bn(F.gelu(self.stem_conv(x)))
        for layer in self.layers:
            x = layer(x)
        return self.fc(x.mean((2, 3)))


class CountingDown(nn.Module):
    """Numbers in names run backwards; the order of registration is that of use."""

    def __init__(self):
        super().__init__()
        self.conv9, self.norm9 = conv(3, H, P, s=P), bn()
        for i in reversed(range(D)):
            setattr(self, f"stage{i}", nn.ModuleList([dw(), bn(), pw(), bn()]))
        self.fc = nn.Linear(H, N)

    def forward(self, x):
        rows = [getattr(self, f"stage{i}") for i in reversed(range(D))]
        return run(x, self.conv9, self.norm9, rows, self.fc)


class German(nn.Module):
    class Lage(nn.Module):
        def __init__(self):
            super().__init__()
            self.räumlich, self.räumliche_norm = dw(), bn()
            self.mischung, self.mischnorm = pw(), bn()

    def __init__(self):
        super().__init__()
        self.flicken, self.flickennorm = conv(3, H, P, s=P), bn()
        for i in range(D):
            setattr(self, f"lage_{i + 1}", self.Lage())
        self.urteil = nn.Linear(H, N)

    def forward(self, x):
        rows = [(each.räumlich, each.räumliche_norm, each.mischung, each.mischnorm)
                for each in (getattr(self, f"lage_{i + 1}") for i in range(D))]  # fmt: skip
        return run(x, self.flicken, self.flickennorm, rows, self.urteil)


class Cyrillic(German):
    def state_dict(self, *args, **kwargs):
        words = {
            "flicken": "вложение",
            "räumlich": "глубина",
            "mischung": "точка",
            "urteil": "ответ",
        }
        state = super().state_dict(*args, **kwargs)
        for german, russian in words.items():
            state = {key.replace(german, russian): value for key, value in state.items()}
        return state


class Flat(nn.Module):
    """No nesting at all."""

    def __init__(self):
        super().__init__()
        self.c0, self.b0 = conv(3, H, P, s=P), bn()
        for i in range(D):
            setattr(self, f"d{i}", dw())
            setattr(self, f"dn{i}", bn())
            setattr(self, f"p{i}", pw())
            setattr(self, f"pn{i}", bn())
        self.l = nn.Linear(H, N)

    def forward(self, x):
        rows = [[getattr(self, f"{n}{i}") for n in ("d", "dn", "p", "pn")] for i in range(D)]
        return run(x, self.c0, self.b0, rows, self.l)


class Functional(nn.Module):
    """A list of parameters, and buffers among them, that a function computes with."""

    def __init__(self):
        super().__init__()
        self.inner = official()

    def state_dict(self, *args, **kwargs):
        values = [v for v in self.inner.state_dict().values() if v.ndim]
        return {f"params.{i}": v for i, v in enumerate(values)}

    def forward(self, x):
        return self.inner(x)


class FlaxNames(Functional):
    """Kernel, scale, mean and var, as converted from another library."""

    def state_dict(self, *args, **kwargs):
        norms = {"weight": "scale", "bias": "bias", "running_mean": "mean", "running_var": "var"}
        state = {}
        for key, value in self.inner.state_dict().items():
            layer, _, leaf = key.rpartition(".")
            if value.ndim:
                norm = f"{layer}.running_mean" in self.inner.state_dict()
                new = norms[leaf] if norm else {"weight": "kernel"}.get(leaf, leaf)
                state[f"{layer.replace('.', '/')}_{new}"] = value
        return state


class KerasNames(Functional):
    def state_dict(self, *args, **kwargs):
        norms = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean",
                 "running_var": "moving_variance"}  # fmt: skip
        state = {}
        for i, (key, value) in enumerate(self.inner.state_dict().items()):
            layer, _, leaf = key.rpartition(".")
            if value.ndim:
                norm = f"{layer}.running_mean" in self.inner.state_dict()
                state[f"layer_{layer}.{norms[leaf] if norm else leaf}:0".replace(":0", "")] = value
            assert i >= 0
        return state


class ForeignLeaves(Functional):
    """Even a layer's tensors have names of their own, in nested modules."""

    def state_dict(self, *args, **kwargs):
        words = {"weight": "gewicht", "bias": "versatz", "running_mean": "mittel",
                 "running_var": "streuung", "num_batches_tracked": "zahl"}  # fmt: skip
        state = {}
        for key, value in self.inner.state_dict().items():
            layer, _, leaf = key.rpartition(".")
            state[f"netz.{layer}.{words[leaf]}"] = value
        return state


class ConvHead(nn.Module):
    """A 1 x 1 convolution ends it, before the average: the same as a linear layer after it."""

    def __init__(self):
        super().__init__()
        body = official()
        self.features, self.classifier = nn.Sequential(*list(body)[:-3]), conv(H, N, 1)

    def forward(self, x):
        return self.classifier(self.features(x)).mean((2, 3))


class SquareConvHead(nn.Module):
    """The same, to as many classes as there are channels: the shape of a pointwise one."""

    def __init__(self):
        super().__init__()
        self.features, self.classifier = nn.Sequential(*list(official())[:-3]), pw()

    def forward(self, x):
        return self.classifier(self.features(x)).mean((2, 3))


class Dropout(nn.Module):
    """timm copies: head.1 after a dropout."""

    def __init__(self):
        super().__init__()
        inner = TimmLike()
        self.stem, self.blocks = inner.stem, inner.blocks
        self.head = nn.Sequential(nn.Dropout(0.3), inner.head)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


class WrappedBlocks(nn.Module):
    """Some of its blocks are compiled, others checkpointed: their keys say so in the middle."""

    def __init__(self):
        super().__init__()
        self.inner = TimmLike()

    def state_dict(self, *args, **kwargs):
        state = self.inner.state_dict()
        swaps = {
            "blocks.0.": "blocks.0._orig_mod.",
            "blocks.1.": "blocks.1._checkpoint_wrapped_module.",
            "stem.": "_orig_mod.stem.",
        }
        for old, new in swaps.items():
            state = {new + k[len(old) :] if k.startswith(old) else k: v for k, v in state.items()}
        return state

    def forward(self, x):
        return self.inner(x)


class SharedActivation(nn.Module):
    """Normalisation buffers, a loss and a metric beside the network."""

    def __init__(self):
        super().__init__()
        self.net = tweetable()
        self.criterion = nn.CrossEntropyLoss(weight=torch.ones(N))
        self.register_buffer("pixel_mean", torch.zeros(1, 3, 1, 1))
        self.register_buffer("loss_history", torch.zeros(20, 2))
        self.register_buffer("confusion", torch.zeros(N, N))

    def forward(self, x):
        return self.net(x)


class OneBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = official(depth=1)

    def forward(self, x):
        return self.net(x)


class Deep(nn.Module):
    """Twelve blocks, so that names sort otherwise than numbers."""

    def __init__(self):
        super().__init__()
        self.trunk = TimmLike(depth=12, dim=8)

    def forward(self, x):
        return self.trunk(x)


class Encoder(nn.Module):
    """An encoder with its prefix, the head on top under another."""

    def __init__(self):
        super().__init__()
        body = list(official())
        self.encoder = nn.ModuleDict({"net": nn.Sequential(*body[:-3])})
        self.decoder = nn.ModuleDict({"logits": body[-1]})

    def forward(self, x):
        return self.decoder["logits"](self.encoder["net"](x).mean((2, 3)))


class TwoModules(nn.Module):
    """Spatial and channel mixing each a module that holds its own norm."""

    class Mix(nn.Module):
        def __init__(self, layer):
            super().__init__()
            self.norm, self.mixer = bn(), layer

        def forward(self, x):
            return self.norm(F.gelu(self.mixer(x)))

    def __init__(self):
        super().__init__()
        self.tokens = self.Mix(conv(3, H, P, s=P))
        self.steps = nn.ModuleList(
            nn.ModuleDict({"b": self.Mix(pw()), "a": self.Mix(dw())}) for _ in range(D)
        )
        self.linear = nn.Linear(H, N)

    def forward(self, x):
        x = self.tokens(x)
        for step in self.steps:
            x = step["b"](x + step["a"](x))
        return self.linear(x.mean((2, 3)))


class Custom:
    """Of a training script: a class that nobody else has."""

    def __init__(self, **values):
        self.__dict__.update(values)


class History(collections.deque):
    pass


def bare(state):
    return state


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


def parallel(state):
    return {"epoch": 3, "state_dict": {f"module.{k}": v for k, v in state.items()}}


def protocol_five(state):
    return {"net": state, "extra": Custom(path=pathlib.PurePosixPath("a"))}


LAYOUTS = [
    official, tweetable, TimmLike, Look, Labml, Jian, Mmlab, BiasFree, Lists, OneListOfNorms,
    Misleading, NormsByName, CountingDown, German, Cyrillic, Flat, Functional, FlaxNames,
    KerasNames, ForeignLeaves, ConvHead, SquareConvHead, Dropout, WrappedBlocks, SharedActivation,
    OneBlock, Deep, Encoder, TwoModules,
]  # fmt: skip
SAVED = [bare, lightning, everything_beside, parallel, protocol_five]
# Without their order in the file these cannot be told: names mislead, or say nothing.
ORDERED = {CountingDown, Functional, FlaxNames, ForeignLeaves}
