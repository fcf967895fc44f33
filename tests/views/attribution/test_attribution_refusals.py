"""Attributions that are refused, and why, where no command line can ask for them."""

import explained_networks as nets
import pytest

from viz.views.attribution.measure import attribute
from viz.views.attribution.network import AttributionError


def test_bad_requests_get_a_sentence():
    loaded = nets.checkpoint(nets.busy())
    with pytest.raises(AttributionError, match="no class names"):
        attribute(loaded, nets.busy_images(), target="bee")
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
