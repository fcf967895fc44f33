"""Evidence: sums against the network's logits, slow loops, a network built by hand, ablation."""

import numpy as np
import pytest
import torch
from read_networks import by_hand, checkpoint_of, hooks, inputs, other_heads, outputs

from viz.core.refusal import Refusal
from viz.views.evidence.measure import _half_scattered, _half_shuffled, evidence
from viz.views.evidence.result import half


def test_a_network_built_by_hand_gives_what_was_put_in():
    """Red in the first patch alone, green in all four: 2 x 1/4, and 3 x 1/4 in each."""
    image = torch.zeros(1, 3, 4, 4)
    image[0, 0, :2, :2] = 1
    image[0, 1] = 1
    found = evidence(by_hand(), image, n_draws=4)
    np.testing.assert_allclose(found.patches(0, 0), [[0.5, 0], [0, 0]])
    np.testing.assert_allclose(found.patches(0, 1), np.full((2, 2), 0.75))
    np.testing.assert_allclose(found.patches(0, 1, 0), [[0.25, 0.75], [0.75, 0.75]])
    np.testing.assert_allclose(found.channels(0, 0), [0.5, 0])
    np.testing.assert_allclose(found.channels(0, 2), [0.125, 0.5])
    np.testing.assert_allclose(found.channel_patches(0, 0, 2, 1), [[0.125, 0], [0, 0]])
    np.testing.assert_allclose(found.logits, [[1.0, 2.0, 0.875]])
    # The answer is green, before red; green's channel speaks for it more than red's against it.
    assert (found.target[0], found.against[0]) == (1, 0)
    assert found.channel[0].tolist() == [1, 0]
    assert found.half_channels[0] == 1
    # 0.25, 0.75, 0.75, 0.75: two hold 1.5 of 2.5.
    assert found.half_patches[0] == 2
    assert found.name(1) == "green"


def test_evidence_sums_to_the_logit_less_the_bias(small):
    """For every class and every pair of classes, by patches and by channels."""
    x = inputs()
    with torch.no_grad():
        logits = small.model(x).double().numpy()
    bias = small.model.head.bias.detach().double().numpy()
    found = evidence(small, x, shown=3, batch_size=2)
    free = logits - bias
    for i, of, over in np.ndindex(3, 4, 4):
        for evidence_of in (found.patches, found.channels):
            assert evidence_of(i, of).sum() == pytest.approx(free[i, of], abs=1e-5)
            wanted = pytest.approx(free[i, of] - free[i, over], abs=1e-5)
            assert evidence_of(i, of, over).sum() == wanted
    np.testing.assert_allclose(found.logits, logits, atol=1e-5)
    assert found.maps.shape == (3, 16, 8, 8)


def test_kernels_share_out_the_variance_of_a_deciding_channel(small):
    """Covariance of each kernel's part with the whole, loop by loop; the parts sum to 1."""
    x = inputs(1)
    block = small.model.blocks[-1]
    before = outputs(small.model, x)[-2]
    with torch.no_grad():
        branch = block.depthwise_norm(block.activation(block.depthwise(before)))
        whole = block.pointwise(before + branch)[0].flatten(1).double().numpy()
    branch, before = (each[0].flatten(1).double().numpy() for each in (branch, before))
    point = block.pointwise.weight.detach()[:, :, 0, 0].double().numpy()
    found = evidence(small, x, n_channels=3)
    for k, c in enumerate(found.channel[0]):

        def share(part, whole=whole[c]):
            return np.mean((part - part.mean()) * (whole - whole.mean())) / np.var(whole)

        wanted = [share(point[c, j] * branch[j]) for j in range(16)]
        np.testing.assert_allclose(found.kernel_share[0, k], wanted, atol=1e-4)
        assert found.residual_share[0, k] == pytest.approx(share(point[c] @ before), abs=1e-4)
        total = found.kernel_share[0, k].sum() + found.residual_share[0, k]
        assert total == pytest.approx(1, abs=1e-5)
        strongest = np.argsort(-np.abs(wanted))[:2]
        assert sorted(found.feeders(0, k, 2)) == sorted(strongest)


def ablated_logits(model, x, channels):
    """Run the network with some channels of its last block silent, by a hook on a network."""

    def replace(module, args, output):
        output = output.clone()
        output[0, channels] = 0
        return output

    handle = model.blocks[-1].register_forward_hook(replace)
    try:
        with torch.no_grad():
            return model(x)[0].double().numpy()
    finally:
        handle.remove()


def test_the_ablation_is_that_of_the_network_itself(small):
    x = inputs(3)
    found = evidence(small, x, n_draws=20, seed=1)
    maps = outputs(small.model, x)[-1].mean((2, 3))
    assert found.count.tolist() == [1, 2, 4, 8]
    weight = small.model.head.weight.detach()
    for i in range(3):
        of, over = int(found.target[i]), int(found.against[i])
        speaks = (weight[of] - weight[over]) * maps[i]
        for q, count in enumerate((1, 2, 4, 8)):
            channels = speaks.argsort(descending=True)[:count]
            logits = ablated_logits(small.model, x[i : i + 1], channels)
            share = np.exp(logits) / np.exp(logits).sum()
            wanted = (logits[of] - logits[over], share[of], logits.argmax() == of)
            np.testing.assert_allclose(found.chosen[:, q, i], wanted, atol=1e-5)


def test_random_channels_take_their_share_of_the_margin(small):
    """What n of d channels drawn at random take is n / d of the evidence, on average."""
    found = evidence(small, inputs(1), n_draws=4000)
    of, over = int(found.target[0]), int(found.against[0])
    total = found.channels(0, of, over).sum()
    start = found.unablated("margin")[0]
    for q, count in enumerate(found.count):
        drawn = found.random[0, q, 0].astype(float)
        error = 4 * drawn.std() / np.sqrt(4000)
        assert drawn.mean() == pytest.approx(start - count / 16 * total, abs=error + 1e-6)
    assert found.random.shape == (3, 4, 1, 4000)


def test_half_is_the_smallest_number_that_holds_half():
    rng = np.random.default_rng(0)
    for row in (rng.standard_normal(9), np.ones(4), np.array([0.0, 5.0, 0.0]), np.zeros(3)):
        size = np.sort(np.abs(row))[::-1]
        wanted = next(n for n in range(1, len(row) + 1) if size[:n].sum() >= size.sum() / 2)
        assert half(row) == wanted


def test_shuffling_parts_what_belongs_together():
    """One loud channel under one large weight is half of all; parted, each of them counts."""
    rng = np.random.default_rng(0)
    loud = np.ones((1, 16))
    loud[0, 0] = 10
    assert half(loud * loud) == 1
    # They meet again in one of sixteen shuffles.
    assert 1.6 < _half_shuffled(loud, loud, rng)[0] <= 2
    maps = np.zeros((3, 4, 4), np.float32)
    maps[:, 1, 2] = 10
    assert half(maps.sum(0).ravel()) == 1
    assert 1.5 < _half_scattered(np.ones(3), maps, rng) <= 2


def test_classes_by_channels_sum_to_the_mean_logit_over_all(small):
    names = ["bee", "cat", "dog"]
    entries = [(f"{names[i % 3]}/{i}.png", one) for i, one in enumerate(inputs(7))]
    from viz.images.sets import ImageSet

    found = evidence(small, ImageSet(entries, small.preprocessing))
    assert found.label.tolist() == [1, 2, 3, 1, 2, 3, 1]
    classes, n, matrix = found.by_class
    assert (classes.tolist(), n.tolist()) == ([1, 2, 3], [3, 2, 2])
    with torch.no_grad():
        logits = small.model(inputs(7)).double().numpy()
    free = logits - small.model.head.bias.detach().double().numpy()
    for row, c in enumerate(classes):
        mine = free[found.label == c]
        wanted = (mine[:, c] - mine.mean(1)).mean()
        assert matrix[row].sum() == pytest.approx(wanted, abs=1e-5)


def test_any_two_classes(small):
    x = inputs(4)
    with torch.no_grad():
        order = small.model(x).argsort(1, descending=True).numpy()
    found = evidence(small, x, target="cat", against=0)
    assert set(found.target) == {2}
    assert set(found.against) == {0}
    found = evidence(small, x)
    np.testing.assert_array_equal(found.target, order[:, 0])
    np.testing.assert_array_equal(found.against, order[:, 1])
    # The runner-up of the answer itself is the second; of another class it is the answer.
    for c in order[0, :2].tolist():
        other = np.where(order[:, 0] == c, order[:, 1], order[:, 0])
        np.testing.assert_array_equal(evidence(small, x, target=c).against, other)
        np.testing.assert_array_equal(evidence(small, x, against=c).target, other)


@pytest.mark.parametrize("kind", ["max", "deep", "one", "none"])
def test_another_head_is_refused_in_one_sentence(kind):
    model, words = other_heads()[kind]
    with pytest.raises(Refusal, match=words) as caught:
        evidence(checkpoint_of(model), inputs(1))
    said = str(caught.value)
    assert said.count(". ") == 0
    assert said.endswith(".")


def test_maps_that_are_not_finite_are_refused(small):
    with torch.no_grad():
        small.model.blocks[-1].pointwise_norm.bias[3] = torch.inf
    with pytest.raises(Refusal, match="not finite"):
        evidence(small, inputs(1))


def test_hooks_are_gone_after_an_error(small):
    from viz.network.readout import Readout

    readout = Readout(small)

    def fail(passed):
        raise KeyError("stopped")

    with pytest.raises(KeyError, match="stopped"):
        readout.run(inputs(1), {readout.network.blocks[0]: fail})
    assert hooks(readout.network) == 0


def test_the_same_numbers_in_batches_and_again(small):
    a, b = (evidence(small, inputs(5), batch_size=size) for size in (1, 5))
    np.testing.assert_allclose(a.pooled, b.pooled, atol=1e-5)
    np.testing.assert_array_equal(a.random[2], b.random[2])
    assert evidence(small, inputs(5)) == evidence(small, inputs(5))
    assert evidence(small, inputs(5), seed=1) != evidence(small, inputs(5))
