"""What one filter does for the answer: by hand, and against a changed copy of the network."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from explained_networks import same_state, state

from viz.core.network import Preprocessing, Source
from viz.images.sets import open_images
from viz.network.convmixer import ConvMixer
from viz.views.ablation.measure import removal
from viz.views.ablation.result import Removal


def hand_built():
    """Logit 0 is 3 times the mean of channel 0, logit 1 is the mean of channel 1.

    Both channels carry the image; kernel 0 adds twice of it, and 1/2, its mean in training.
    """
    net = ConvMixer(2, 1, 3, 1, 2, in_channels=1, activation="identity").eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        for norm in (net.patch_norm, net.blocks[0].depthwise_norm, net.blocks[0].pointwise_norm):
            norm.weight.fill_(1.0)
            norm.running_var.fill_(1 - norm.eps)
        net.patch_embedding.weight.fill_(1.0)
        net.depthwise_kernels(0)[0, 1, 1] = 2.0
        net.blocks[0].depthwise_norm.bias[0] = 0.5
        net.blocks[0].pointwise.weight[:, :, 0, 0] = torch.eye(2)
        net.head.weight.copy_(torch.eye(2))
        net.head.bias[1] = 1.0
    return SimpleNamespace(
        model=net, config=net.config, classes=("first", "second"), source=Source("hand", "0" * 64)
    )


def sets(inputs):
    return open_images(inputs, Preprocessing(8, 1.0), inputs.shape[1])


def test_a_known_logit_moves_by_a_known_amount():
    net = hand_built()
    inputs = torch.stack([torch.full((1, 6, 6), 0.2), torch.full((1, 6, 6), 2.0)])
    half = np.zeros((3, 3))
    half[1, 1] = 1.0
    found = removal(net, sets(inputs), block=0, channel=0, fitted=half)
    means = np.array([0.2, 2.0])
    before = np.stack([3 * means + 0.5, means + 1], 1)
    np.testing.assert_allclose(found.logits[0], before, rtol=1e-5)
    # Without it the residual path still carries the image, and the branch its mean.
    at = {name: i for i, name in enumerate(found.changes)}
    gone = found.difference[at["removed"]]
    np.testing.assert_allclose(gone[:, 0], -2 * means, rtol=1e-5)
    np.testing.assert_allclose(gone[:, 1], 0, atol=1e-6)
    np.testing.assert_allclose(found.difference[at["fit"]][:, 0], -means, rtol=1e-5)
    # The first logit is 1.1 and 6.5, without the kernel 0.7 and 2.5; the second is 1.2 and 3.
    assert found.predicted[0].tolist() == [1, 0]
    assert found.predicted[1 + at["removed"]].tolist() == [1, 1]
    assert found.answer_changes[at["removed"]].tolist() == [False, True]
    assert found.predicted[1 + at["fit"]].tolist() == [1, 0]


def changed_copy(model, block, channel, change, new):
    """The slow way: a whole copy whose own weights are overwritten."""
    twin = copy.deepcopy(model)
    with torch.no_grad():
        weight = twin.patch_filters if block is None else twin.depthwise_kernels(block)
        norm = twin.patch_norm if block is None else twin.blocks[block].depthwise_norm
        if change == "removed":
            norm.weight[channel] = 0.0
        else:
            weight[channel] = torch.as_tensor(new).float()
    return twin


@pytest.mark.parametrize(("block", "shape"), [(None, (3, 4, 4)), (0, (5, 5)), (2, (5, 5))])
def test_as_a_changed_copy_answers(small, rng, block, shape):
    before = state(small.model)
    inputs = torch.as_tensor(rng.normal(size=(3, 3, 20, 16))).float()
    fitted = rng.normal(size=shape)
    found = removal(small, sets(inputs), block=block, channel=7, fitted=fitted, batch_size=2)
    assert found.logits.shape == (4, 3, 4)
    bank = small.model.patch_filters if block is None else small.model.depthwise_kernels(block)
    own = bank[7].numpy()
    with torch.no_grad():
        np.testing.assert_allclose(found.logits[0], small.model(inputs), atol=1e-5)
        for i, change in enumerate(found.changes[:2], 1):
            twin = changed_copy(small.model, block, 7, change, fitted)
            np.testing.assert_allclose(found.logits[i], twin(inputs), atol=1e-5)
        mixed = np.random.default_rng(0).permuted(own.ravel()).reshape(own.shape)
        twin = changed_copy(small.model, block, 7, "shuffled", mixed)
        np.testing.assert_allclose(found.logits[3], twin(inputs), atol=1e-5)
    assert sorted(mixed.ravel()) == sorted(own.ravel())
    assert same_state(before, state(small.model))


def test_classes_shown_and_words():
    logits = np.zeros((2, 1, 8), np.float32)
    logits[0, 0] = [0, 9, 8, 7, 6, 5, 4, 3]
    logits[1, 0] = [0, 1, 1, 1, 1, 1, 1, 2]
    found = Removal(
        source=Source("x", "0"), block=0, channel=3, changes=("removed",),
        image_names=("a.png",), class_names=tuple("abcdefgh"), logits=logits,
    )  # fmt: skip
    assert found.top(0).tolist() == [1, 2, 3, 4, 5, 7]
    assert found.sentence() == "Without it the answer becomes h, not b (logits move by up to 8)."
    table = found.to_frame()
    assert table["class"].tolist() == list("bcdefh")
    np.testing.assert_allclose(table["removed"], [-8, -7, -6, -5, -4, -1])


def test_what_cannot_be(small):
    images = sets(torch.zeros(1, 3, 8, 8))
    with pytest.raises(IndexError, match="no block 3's kernel 0"):
        removal(small, images, block=3, channel=0)
    with pytest.raises(IndexError, match="no patch filter 16"):
        removal(small, images, block=None, channel=16)
    with pytest.raises(ValueError, match=r"shape \(3, 3\) found"):
        removal(small, images, block=0, channel=0, fitted=np.zeros((3, 3)))
