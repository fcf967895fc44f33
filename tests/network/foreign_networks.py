"""ConvMixers as others write them, with nothing of this project in them, and their files."""

from __future__ import annotations

import warnings

import torch
from torch import nn

ACTIVATIONS = {"gelu": nn.GELU, "relu": nn.ReLU, "silu": nn.SiLU, "identity": nn.Identity}


class Residual(nn.Module):
    def __init__(self, fn: nn.Module) -> None:
        super().__init__()
        self.fn = fn

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fn(x) + x


class FirstPlusInput(nn.Sequential):
    """The short version's residual: a Sequential whose forward adds its input."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self[0](x) + x


def _block(dim, k, a):
    spatial = nn.Conv2d(dim, dim, k, groups=dim, padding="same")
    return nn.Sequential(
        Residual(nn.Sequential(spatial, a(), nn.BatchNorm2d(dim))),
        nn.Conv2d(dim, dim, 1),
        a(),
        nn.BatchNorm2d(dim),
    )


def official(dim=16, depth=3, k=5, p=4, n=7, c=3, act="gelu"):
    a = ACTIVATIONS[act]
    parts = [nn.Conv2d(c, dim, p, stride=p), a(), nn.BatchNorm2d(dim)]
    parts += [_block(dim, k, a) for _ in range(depth)]
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(dim, n))


def tweetable(dim=16, depth=3, k=5, p=4, n=7, c=3, act="gelu"):
    def unit(conv):
        return nn.Sequential(conv, ACTIVATIONS[act](), nn.BatchNorm2d(dim))

    def block():
        spatial = nn.Conv2d(dim, dim, k, groups=dim, padding=k // 2)
        return nn.Sequential(FirstPlusInput(unit(spatial)), unit(nn.Conv2d(dim, dim, 1)))

    blocks = [block() for _ in range(depth)]
    stem, head = unit(nn.Conv2d(c, dim, p, stride=p)), nn.Linear(dim, n)
    return nn.Sequential(stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)


class TimmLike(nn.Module):
    """Parts named as in timm."""

    def __init__(self, dim=16, depth=3, k=5, p=4, n=7, c=3, act="gelu"):
        super().__init__()
        a = ACTIVATIONS[act]
        self.stem = nn.Sequential(nn.Conv2d(c, dim, p, stride=p), a(), nn.BatchNorm2d(dim))
        self.blocks = nn.Sequential(*(_block(dim, k, a) for _ in range(depth)))
        self.head = nn.Linear(dim, n)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


BUILDERS = {
    "official": official,
    "tweetable": tweetable,
    "timm": TimmLike,
}


def settle(network: nn.Module, channels: int = 3, size: int = 32, seed: int = 0) -> nn.Module:
    """Give a network biases and norms away from their start, and statistics of real activations."""
    generator = torch.Generator().manual_seed(seed)
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.normal_(generator=generator).mul_(module.weight[0].numel() ** -0.5)
                module.bias.normal_(std=0.5, generator=generator)
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0
                module.weight.uniform_(0.5, 1.5, generator=generator)
                module.bias.normal_(std=0.3, generator=generator)
        network.train()
        network(torch.randn(8, channels, size, size, generator=generator))
    for norm in norms:
        norm.momentum = 0.1
    return network.eval()


@torch.no_grad()
def assert_same_logits(ours: nn.Module, theirs: nn.Module, channels=3, size=32, tol=1e-4):
    x = torch.randn(4, channels, size, size, generator=torch.Generator().manual_seed(1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected, found = theirs(x), ours(x)
    # A network of constant outputs would prove nothing.
    assert expected.std(0).min() > 1e-3
    torch.testing.assert_close(found, expected, rtol=tol, atol=tol)
