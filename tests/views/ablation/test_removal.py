"""What one filter does for the answer, against a changed copy of the network."""

import copy

import numpy as np
import pytest
import torch
from explained_networks import same_state, state

from viz.core.network import Preprocessing, Source
from viz.images.sets import open_images
from viz.views.ablation.measure import removal
from viz.views.ablation.result import Removal


def sets(inputs):
    return open_images(inputs, Preprocessing(8, 1.0), inputs.shape[1])


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
            answers = changed_copy(small.model, block, 7, change, fitted)(inputs)
            np.testing.assert_allclose(found.logits[i], answers, atol=1e-5)
            other = answers.argmax(1) != small.model(inputs).argmax(1)
            assert found.answer_changes[i - 1].tolist() == other.tolist()
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
