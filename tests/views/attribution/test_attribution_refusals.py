"""Attributions that are refused, and why: methods wrong for a network, classes it has not."""

import warnings

import explained_networks as nets
import pytest
import torch

from viz.views.attribution.maps import attribute
from viz.views.attribution.maps_result import METHODS
from viz.views.attribution.methods import DEFAULT_METHODS, AttributionError, chosen

CLASSES = ("Ant", "bee", "7")


def test_why_methods_are_refused():
    from captum.attr import LRP, DeepLift, GuidedBackprop, Saliency

    network, x = nets.busy("gelu"), nets.grid_part(nets.busy_images())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        guided = GuidedBackprop(network).attribute(x.clone().requires_grad_(), target=0)
        plain = Saliency(network).attribute(x.clone().requires_grad_(), target=0, abs=False)
        assert torch.equal(guided, plain)
        _, gap = DeepLift(network).attribute(
            x, baselines=0 * x, target=0, return_convergence_delta=True
        )
        change = network(x)[0, 0] - network(0 * x)[0, 0]
        assert abs(float(gap)) > 0.05 * abs(float(change))
        with pytest.raises(TypeError, match="no rule"):
            LRP(network).attribute(x, target=0)
        # One ReLU module called twice: why activations are taken apart first.
        with pytest.raises(RuntimeError, match="used more than once"):
            DeepLift(nets.busy("relu")).attribute(x, baselines=0 * x, target=0)


class Bare(torch.nn.Module):
    """A ConvMixer without batch norms and biases, of modules that Captum has rules for."""

    def __init__(self, depth, residual):
        super().__init__()
        torch.manual_seed(0)
        self.depth, self.residual = depth, residual
        self.embed, self.activation = torch.nn.Conv2d(3, 16, 4, 4, bias=False), torch.nn.ReLU()
        self.pool, self.head = torch.nn.AdaptiveAvgPool2d(1), torch.nn.Linear(16, 4, bias=False)
        for i in range(depth):
            depthwise = torch.nn.Conv2d(16, 16, 5, groups=16, padding=2, bias=False)
            parts = (depthwise, torch.nn.Conv2d(16, 16, 1, bias=False))
            for name, part in zip("dp", parts, strict=True):
                setattr(self, f"{name}{i}", part)
                setattr(self, f"{name}{i}_activation", torch.nn.ReLU())

    def forward(self, x):
        x = self.activation(self.embed(x))
        for i in range(self.depth):
            answer = getattr(self, f"d{i}_activation")(getattr(self, f"d{i}")(x))
            x = x + answer if self.residual else answer
            x = getattr(self, f"p{i}_activation")(getattr(self, f"p{i}")(x))
        return self.head(self.pool(x)[:, :, 0, 0])


def test_lrp_counts_relevance_again_at_every_residual_addition():
    from captum.attr import LRP
    from captum.attr._utils.lrp_rules import EpsilonRule

    found = {}
    for depth, residual in ((2, False), (1, True), (2, True)):
        network = Bare(depth, residual).eval()
        x = torch.rand(1, 3, 32, 32)
        logits = network(x).detach()[0]
        for module in network.modules():
            if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear, torch.nn.AdaptiveAvgPool2d)):
                module.rule = EpsilonRule(1e-9)
        target = int(logits.abs().argmax())
        relevance = LRP(network).attribute(x.requires_grad_(), target=target).detach()
        found[depth, residual] = float(relevance.sum() / logits[target])
    assert found[2, False] == pytest.approx(1, abs=1e-3)  # conserved without a residual path
    assert min(found[1, True], found[2, True]) > 1.1


@pytest.mark.parametrize(
    ("method", "activation", "reason"),
    [
        ("lrp", "relu", "residual additions"),
        ("lrp", "gelu", "residual additions"),
        ("guided-backprop", "gelu", "plain gradient"),
        ("guided-backprop", "silu", "plain gradient"),
        ("guided-backprop", "identity", "plain gradient"),
        ("deeplift", "gelu", "not add up"),
        ("deeplift", "silu", "not add up"),
        ("integrated-gradient", "gelu", "did you mean integrated-gradients"),
        ("zzz", "gelu", "known ones are saliency"),
    ],
)
def test_refused_methods_say_why(method, activation, reason):
    with pytest.raises(AttributionError, match=reason) as caught:
        chosen([method], activation)
    assert str(caught.value).endswith((".", "?")) and "\n" not in str(caught.value)


def test_methods_come_once_and_in_order():
    assert chosen(["grad_cam", "Saliency", "grad-cam"], "gelu") == ("saliency", "grad-cam")
    assert chosen(None, "relu") == DEFAULT_METHODS
    assert chosen(METHODS, "relu") == METHODS
    assert chosen(["deeplift"], "identity") == ("deeplift",)


@pytest.mark.parametrize(
    ("target", "classes", "words"),
    [
        (3, CLASSES, "classes are 0 to 2"),
        ("-1", CLASSES, "classes are 0 to 2"),
        ("beee", CLASSES, "did you mean 'bee'"),
        ("elephant", CLASSES, "give a name of the 3 classes"),
        ("bee", None, "no class names"),
    ],
)
def test_unknown_classes_are_refused_before_any_pass(target, classes, words):
    loaded = nets.checkpoint(nets.busy(), classes)
    with pytest.raises(AttributionError, match=words):
        attribute(loaded, nets.busy_images(), target=target)


def test_bad_requests_get_a_sentence():
    loaded = nets.checkpoint(nets.busy())
    with pytest.raises(IndexError, match="no block 2: blocks are 0 to 1"):
        attribute(loaded, nets.busy_images(), block=2)
    with pytest.raises(AttributionError, match="3 x 22 pixels found, at least one patch"):
        attribute(loaded, nets.busy_images(width=3))
    with pytest.raises(AttributionError, match="n_steps is at least 1"):
        attribute(loaded, nets.busy_images(), n_steps=0)
    loaded.model.head.bias.fill_(float("nan"))
    with pytest.raises(AttributionError, match="not finite"):
        attribute(loaded, nets.busy_images())
    only = nets.checkpoint(nets.busy(n_classes=1))
    with pytest.raises(AttributionError, match="no runner-up"):
        attribute(only, nets.busy_images(), target="runner-up")
