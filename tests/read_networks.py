"""Networks whose evidence is known, and heads that are no linear readout."""

import torch
from torch import nn

from viz.core.network import Preprocessing, Source
from viz.network.checkpoint import Checkpoint
from viz.network.convmixer import ConvMixer


def inputs(n=3, size=(33, 35), seed=0):
    """Noise; the patches leave some of it over."""
    return torch.randn(n, 3, *size, generator=torch.Generator().manual_seed(seed))


def outputs(model, x):
    """Output of the patch embedding and of every block, by the network's own parts."""
    with torch.no_grad():
        found = [model.embed(x)]
        for block in model.blocks:
            found.append(block(found[-1]))
    return found


def checkpoint_of(model, classes=()):
    return Checkpoint(
        model.eval(), model.config, Source("by hand", "0" * 64),
        Preprocessing(8, 1.0, (0.0,) * 3, (1.0,) * 3), classes,
    )  # fmt: skip


def by_hand(size=4):
    """Channels 0 and 1 are the means of red and green over a patch of 2 x 2; nothing is mixed."""
    model = ConvMixer(2, 1, 3, 2, 3, activation="identity")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        for norm in (model.patch_norm, model.blocks[0].depthwise_norm,
                     model.blocks[0].pointwise_norm):  # fmt: skip
            norm.weight.fill_(1)
            norm.eps = 0
        for colour in range(2):
            model.patch_embedding.weight[colour, colour] = 1 / 4
            model.blocks[0].pointwise.weight[colour, colour] = 1
        model.head.weight.copy_(torch.tensor([[2.0, 0.0], [0.0, 3.0], [0.5, 0.5]]))
        model.head.bias.copy_(torch.tensor([0.5, -1.0, 0.25]))
    return checkpoint_of(model, ("red", "green", "both"))


class MaxPooled(ConvMixer):
    def forward(self, x):
        x = self.embed(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x.amax((2, 3)))


def other_heads():
    torch.manual_seed(0)
    pooled = MaxPooled(16, 2, 3, 4, 5)
    deep = ConvMixer(16, 2, 3, 4, 5)
    deep.head = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 5))
    return {
        "max": (pooled, "differ from a linear readout by"),
        "deep": (deep, "a head of the kind Sequential found"),
        "one": (ConvMixer(16, 2, 3, 4, 1), "a head with one output found"),
        "none": (ConvMixer(16, 2, 3, 4, 0), "no linear head that could be read"),
    }


def hooks(model):
    return sum(
        len(getattr(m, name)) for m in model.modules() for name in vars(m) if "_hooks" in name
    )
