"""Attributions that are refused, and why: methods wrong for a network, classes it has not."""

import explained_networks as nets
import pytest

from viz.views.attribution.measure import attribute
from viz.views.attribution.methods import DEFAULT_METHODS, chosen
from viz.views.attribution.network import AttributionError
from viz.views.attribution.result import METHODS

CLASSES = ("Ant", "bee", "7")


@pytest.mark.parametrize(
    ("method", "activation", "reason"),
    [
        ("lrp", "relu", "residual additions"),
        ("guided-backprop", "gelu", "plain gradient"),
        ("guided-backprop", "identity", "plain gradient"),
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
