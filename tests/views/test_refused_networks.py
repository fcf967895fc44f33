"""Networks that cannot be measured are refused in a sentence that names the file."""

from dataclasses import replace

import pytest
import torch
from hand_made import described

import viz
from viz.images.sets import open_images
from viz.network.convmixer import ConvMixer
from viz.views.feature_maps.measure import feature_maps
from viz.views.kernels.measure import describe_checkpoint
from viz.views.mixing.measure import measure as mixing


def with_kernels(small, kernel_size):
    network = ConvMixer(4, 2, kernel_size, 4, 4).eval()
    return replace(small, model=network, config=network.config)


@pytest.mark.parametrize("kernel_size", [1, 2, 33])
@pytest.mark.parametrize(
    "measure",
    [describe_checkpoint, viz.clusters, viz.early_late, viz.mixing, viz.substitution],
)
def test_kernels_too_small_or_large_to_describe(small, measure, kernel_size):
    with pytest.raises(ValueError) as refused:
        measure(with_kernels(small, kernel_size))
    assert str(refused.value).startswith(
        f"small.safetensors: kernels of {kernel_size} x {kernel_size} found, 3 x 3 to 31 x 31 "
    )


def inputs(checkpoint):
    return open_images(torch.rand(2, 3, 32, 32), checkpoint.preprocessing)


@pytest.mark.parametrize("name", ["pointwise.weight", "pointwise_norm.weight"])
def test_links_of_weights_that_are_not_finite(small, name):
    with torch.no_grad():
        small.model.get_parameter(f"blocks.1.{name}")[0] = torch.inf
    with pytest.raises(ValueError, match=r"small\.safetensors: .*not finite"):
        mixing(small, described(small))


def test_maps_that_overflow(small):
    with torch.no_grad():
        for block in small.model.blocks:
            block.depthwise.weight.mul_(1e38)
            block.pointwise.weight.mul_(1e38)
    with pytest.raises(ValueError, match=r"small\.safetensors: maps of block 2 that are not fin"):
        feature_maps(small, inputs(small), block=2)
