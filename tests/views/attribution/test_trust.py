"""Scores of attributions against their formulas, Captum's own, planted answers and nulls."""

import math
from dataclasses import replace
from itertools import product

import explained_networks as nets
import numpy as np
import pytest
import torch
from scipy import ndimage, stats
from scipy.signal import correlate2d

from viz.views.attribution import scores
from viz.views.attribution.maps import attribute
from viz.views.attribution.maps_result import METHODS
from viz.views.attribution.measure import Effort, rate, stage_parts
from viz.views.attribution.methods import DEFAULT_METHODS
from viz.views.attribution.result import Trust
from viz.views.attribution.summary import sentence, summary

LITTLE = Effort(n_curve=6, n_subsets=12, n_noise=2, n_stages=3, n_random=2)
SOME = {"n_steps": 12, "n_samples": 5}


def of(result, name, values):
    return getattr(result, values)[0, result.rated.index(name)]


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_curves_rank_every_method_above_the_random_map(activation):
    network, pattern = nets.one_patch(activation)
    result = rate(
        nets.checkpoint(network), nets.image_with(pattern, 4, 3), target=0,
        methods=METHODS if activation == "relu" else None,
        effort=Effort(n_curve=32, n_subsets=50, n_noise=0, n_stages=0),
    )  # fmt: skip
    for method in result.methods:
        assert of(result, method, "insertion_auc") > of(result, "random", "insertion_auc") + 0.2
        assert of(result, method, "deletion_auc") < of(result, "random", "deletion_auc") - 0.2
        # One patch decides, and it is the first: the curve jumps at its first step.
        assert of(result, method, "insertion")[1] > 0.9 > 0.5 > of(result, method, "insertion")[0]
        assert of(result, method, "deletion")[1] < 0.5
    ablation = of(result, "feature-ablation", "unexplained")
    assert ablation < 1e-3 < 0.5 < of(result, "random", "unexplained")
    insertion, deletion = result.beats_random()
    assert insertion[: len(result.methods)].all() and deletion[: len(result.methods)].all()


def test_a_linear_network_has_no_infidelity_and_no_gap():
    network = nets.busy("identity")
    result = rate(nets.checkpoint(network), nets.busy_images(), methods=METHODS[:6], effort=LITTLE,
                  **SOME)  # fmt: skip
    for method in ("saliency", "smoothgrad", "input-x-gradient", "integrated-gradients"):
        assert of(result, method, "unexplained") < 1e-8
        assert of(result, method, "best_scale") == pytest.approx(1, abs=1e-4)
    for method in ("input-x-gradient", "integrated-gradients", "gradient-shap", "deeplift"):
        assert abs(of(result, method, "completeness_gap")) < 1e-3
    assert of(result, "random", "unexplained") > 0.05  # a null that must fail
    # The gradient of a linear network does not depend on the input.
    assert of(result, "saliency", "max_sensitivity") < 1e-5


def test_integrated_gradients_are_complete_and_others_are_not():
    loaded, x = nets.checkpoint(nets.busy("gelu")), nets.busy_images()
    result = rate(loaded, x, effort=LITTLE, n_steps=200)
    fall = result.score[0] - result.baseline_score[0]
    with torch.no_grad():
        logits = loaded.model(torch.cat([x, 0 * x])).double().numpy()
    assert fall == pytest.approx(logits[0].max() - logits[1, logits[0].argmax()], abs=1e-5)
    assert abs(of(result, "integrated-gradients", "completeness_gap")) < 1e-3 * abs(fall)
    assert abs(of(result, "input-x-gradient", "completeness_gap")) > 0.05 * abs(fall)
    for name in ("saliency", "smoothgrad", "occlusion", "grad-cam", "random", "edges"):
        assert math.isnan(of(result, name, "completeness_gap"))


def test_rise_blurs_with_a_reflected_gaussian():
    # scipy's filter by hand: 20 taps to each side (4 sigma), mirrored at the ends of 11.
    weights = np.exp(-0.5 * (np.arange(-20, 21) / 5.0) ** 2)
    weights /= weights.sum()
    line = np.zeros(11)
    for out in range(11):
        for tap in range(-20, 21):
            place = (out + tap) % 22
            if (place if place < 11 else 21 - place) == 5:
                line[out] += weights[tap + 20]
    kernel = scores.rise_kernel()
    np.testing.assert_allclose(kernel, np.outer(line, line), atol=1e-12)
    assert kernel.sum() == pytest.approx(1)
    x = torch.zeros(1, 3, 30, 30)
    x[0, 1, 15, 12] = 1
    found = scores.blurred(x)[0].numpy()
    np.testing.assert_allclose(found[1, 10:21, 7:18], kernel[::-1, ::-1], atol=1e-6)
    assert not found[[0, 2]].any()
    # Zeros, the mean colour, lie beyond the border.
    assert scores.blurred(torch.ones(1, 3, 30, 30))[0, 0, 0, 0] == pytest.approx(
        kernel[5:, 5:].sum(), abs=1e-6
    )


def test_edges_are_sobels(rng):
    x = torch.tensor(rng.standard_normal((1, 3, 8, 12)))
    total = np.zeros((8, 12))
    across = np.outer([1, 2, 1], [-1, 0, 1])
    for plane in x[0].numpy():
        for weights in (across, across.T):
            total += correlate2d(np.pad(plane, 1, "edge"), weights, "valid") ** 2
    expected = np.sqrt(total).reshape(2, 4, 3, 4).sum((1, 3))
    np.testing.assert_allclose(scores.edges(x, 4), expected)
    step = torch.zeros(1, 3, 8, 12)
    step[..., 5:] = 1
    assert np.flatnonzero(scores.edges(step, 4).sum(0)).tolist() == [1]


def test_patches_go_in_order_and_ties_at_random():
    values = np.array([[3.0, 1.0], [2.0, 0.0]])
    rng = np.random.default_rng(0)
    masks = scores.top_patches(values, np.arange(5), rng)
    order = [np.flatnonzero((masks[i + 1] & ~masks[i]).ravel())[0] for i in range(4)]
    assert order == [0, 2, 1, 3]
    assert not masks[0].any() and masks[4].all()
    first = [
        np.flatnonzero(scores.top_patches(np.zeros((2, 2)), np.array([1]), rng)[0].ravel())[0]
        for _ in range(200)
    ]
    assert np.bincount(first, minlength=4).min() > 25


def test_curves_by_a_slow_loop_over_pixels():
    network, x = nets.busy(), nets.busy_images()
    result = rate(nets.checkpoint(network), x, methods=["feature-ablation"], effort=LITTLE)
    order = np.argsort(-result.patches[0, 0].ravel())
    blur = ndimage.convolve1d  # only to blur by scipy: 11 taps, both axes, zeros beyond
    line = np.sqrt(np.diag(scores.rise_kernel()))
    soft = blur(blur(x.double().numpy(), line, 2, mode="constant"), line, 3, mode="constant")
    for name, start, end in (
        ("insertion", soft, x.numpy()),
        ("deletion", x.numpy(), np.zeros(x.shape)),
    ):
        found = []
        for share in result.changed:
            image = start.copy()
            for place in order[: round(share * 25)]:
                i, j = 4 * (place // 5), 4 * (place % 5)
                image[..., i : i + 4, j : j + 4] = end[..., i : i + 4, j : j + 4]
            logits = network(torch.tensor(image, dtype=torch.float32))[0].double().numpy()
            found.append(np.exp(logits[result.target[0]]) / np.exp(logits).sum())
        np.testing.assert_allclose(of(result, "feature-ablation", name), found, atol=1e-5)


def test_infidelity_is_captums(rng):
    from captum.metrics import infidelity

    network, x = nets.busy(), nets.busy_images(height=20, width=20)
    result = attribute(
        nets.checkpoint(network), x, target=1,
        methods=["saliency", "integrated-gradients", "grad-cam"],
    )  # fmt: skip
    removed = scores.subsets(15, (5, 5), rng)
    mask = torch.tensor(np.kron(removed, np.ones((4, 4))), dtype=torch.float32)[:, None]
    mask = mask.expand(-1, 3, -1, -1)
    with torch.no_grad():
        fall = (network(x) - network(x * (1 - mask)))[:, 1].double().numpy()
    claims = [
        scores.contribution(result.patches[0, 0], result.raw[0, 0], x, local=True),
        *result.patches[0, 1:],
    ]
    found, unexplained, scale = scores.infidelity(np.stack(claims), removed, fall)
    cam = np.kron(result.patches[0, 2], np.ones((4, 4))) / 48
    raws = [result.raw[0, 0], result.raw[0, 1], np.broadcast_to(cam, (3, 20, 20))]
    for i, raw in enumerate(raws):

        def perturb(inputs, local=i == 0):
            # Real-valued for gradients, binary for what already holds the input.
            return (mask * x if local else mask), inputs - mask * x

        theirs = infidelity(
            network, perturb, x, torch.tensor(raw[None], dtype=torch.float32), target=1,
            n_perturb_samples=15, normalize=True,
        )  # fmt: skip
        assert found[i] == pytest.approx(float(theirs), rel=1e-3, abs=1e-6)
        assert unexplained[i] == pytest.approx(found[i] / (fall**2).mean())
    said = (removed * claims[1]).sum((1, 2))
    best = min(((b * said - fall) ** 2).mean() for b in scale[1] + np.linspace(-0.1, 0.1, 201))
    assert found[1] == pytest.approx(best)


def test_subsets_hold_one_to_half_of_the_patches():
    drawn = scores.subsets(4000, (3, 4), np.random.default_rng(0))
    sizes = drawn.sum((1, 2))
    assert set(sizes.tolist()) == set(range(1, 7))
    assert np.bincount(sizes)[1:].min() > 550
    assert np.ptp(drawn.mean(0)) < 0.05  # no place is favoured
    assert scores.subsets(3, (1, 1), np.random.default_rng(0)).all()


def test_max_sensitivity_is_captums():
    from captum.metrics import sensitivity_max

    network, x = nets.busy(), nets.busy_images(height=20, width=20)
    loaded = nets.checkpoint(network)
    effort = Effort(n_curve=2, n_subsets=2, n_noise=3, radius=0.05, n_stages=0, n_random=1)
    names = ("saliency", "integrated-gradients", "occlusion")
    result = rate(loaded, x, methods=names, target=2, effort=effort, n_steps=8, seed=9)
    generator = torch.Generator().manual_seed(9)
    noise = torch.cat(
        [torch.empty(x.shape).uniform_(-1, 1, generator=generator) for _ in range(3)]
    )  # fmt: skip
    for method in names:

        def explain(inputs, method=method):
            images = inputs[0] if isinstance(inputs, tuple) else inputs
            found = attribute(loaded, images, methods=[method], target=2, n_steps=8, seed=9)
            values = found.raw[:, 0] if found.raw_methods else found.patches[:, 0]
            made = torch.tensor(values)
            return (made,) if isinstance(inputs, tuple) else made

        theirs = sensitivity_max(
            explain, x, perturb_func=lambda inputs: inputs + 0.05 * noise, n_perturb_samples=3
        )
        assert of(result, method, "max_sensitivity") == pytest.approx(float(theirs), rel=1e-3)
    assert of(result, "random", "max_sensitivity") == 0
    assert of(result, "edges", "max_sensitivity") > 0


def test_stages_go_from_the_head_down():
    stages = stage_parts(3, 99)
    assert [name for name, _ in stages] == [
        "head", "block 2", "block 1", "block 0", "patch embedding",
    ]  # fmt: skip
    assert stages[0][1] == ("head",)
    assert stages[-1][1] == (
        "head", "blocks.2", "blocks.1", "blocks.0", "patch_embedding", "patch_norm",
    )  # fmt: skip
    few = stage_parts(20, 6)
    assert len(few) == 6 and few[0][0] == "head" and few[-1][0] == "patch embedding"
    assert [len(parts) for _, parts in few] == sorted(len(parts) for _, parts in few)
    assert stage_parts(3, 0) == []


def test_the_randomisation_test_tells_weights_from_edges():
    network, pattern = nets.one_patch()
    x = nets.image_with(pattern, 4, 3)
    effort = Effort(n_curve=2, n_subsets=2, n_noise=0, n_stages=4, n_random=1)
    methods = ["saliency", "grad-cam"]
    result = rate(nets.checkpoint(network), x, target=0, methods=methods, effort=effort)
    assert result.stages == ("head", "block 1", "block 0", "patch embedding")
    assert of(result, "edges", "randomisation") == pytest.approx(1)
    assert abs(of(result, "random", "rank_correlation")).max() < 0.4
    # A new head gives the last block's channels other weights: here only channel 0 speaks.
    assert abs(of(result, "grad-cam", "rank_correlation")[0]) > 0.9
    assert abs(of(result, "saliency", "rank_correlation")[-1]) < 0.6


def test_the_correlations_are_those_of_networks_drawn_anew():
    from viz.views.attribution.network import drawn_anew

    loaded, x = nets.checkpoint(nets.busy()), nets.busy_images()
    methods = ("input-x-gradient", "occlusion")
    result = rate(loaded, x, methods=methods, target=1, effort=LITTLE, seed=2)
    for t, (_, parts) in enumerate(stage_parts(2, 3)):
        other = nets.checkpoint(drawn_anew(loaded.model, parts, seed=2, norms=True))
        maps = attribute(other, x, methods=methods, target=1).patches[0]
        for i in range(2):
            expected = stats.spearmanr(result.patches[0, i].ravel(), maps[i].ravel()).statistic
            assert result.rank_correlation[0, i, t] == pytest.approx(expected, abs=1e-6)


def test_batch_size_changes_no_score():
    loaded, x = nets.checkpoint(nets.busy()), nets.busy_images(2)
    whole = rate(loaded, x, effort=LITTLE, **SOME)
    single = rate(loaded, x, effort=LITTLE, batch_size=1, **SOME)
    for name in ("insertion", "deletion", "unexplained", "max_sensitivity", "completeness_gap",
                 "rank_correlation"):  # fmt: skip
        np.testing.assert_allclose(
            getattr(single, name), getattr(whole, name), rtol=2e-3, atol=1e-4, err_msg=name
        )


def test_maps_are_those_of_attribute_and_images_do_not_mix():
    loaded, x = nets.checkpoint(nets.busy()), nets.busy_images(2)
    both = rate(loaded, x, effort=LITTLE, **SOME)
    np.testing.assert_array_equal(both.patches, attribute(loaded, x, **SOME).patches)
    first = rate(loaded, x[:1], effort=LITTLE, **SOME)
    np.testing.assert_allclose(first.insertion[0], both.insertion[0], atol=1e-6)
    assert both.rated == (*DEFAULT_METHODS, "random", "edges", "constant")


@pytest.mark.parametrize("stop", [5, 40, 400])
def test_after_an_error_anywhere_the_model_is_as_it_was(stop, monkeypatch):
    from viz.network.convmixer import Block

    loaded = nets.checkpoint(nets.busy())
    before, calls, plain = nets.state(loaded.model), [0], Block.forward

    def fails_later(self, x):
        calls[0] += 1
        if calls[0] > stop:
            raise RuntimeError("broken on purpose")
        return plain(self, x)

    monkeypatch.setattr(Block, "forward", fails_later)
    with pytest.raises(RuntimeError, match="on purpose"):
        rate(loaded, nets.busy_images(), effort=LITTLE, batch_size=1, **SOME)
    assert nets.same_state(before, nets.state(loaded.model))


def test_results_come_back_and_add_up(tmp_path):
    calls, loaded = [], nets.checkpoint(nets.busy(), ("a", "b", "c"))
    result = rate(loaded, nets.busy_images(2), effort=LITTLE, target="difference",
                  progress=lambda *given: calls.append(given), **SOME)  # fmt: skip
    assert Trust.load(result.save(tmp_path / "t.npz")) == result
    done = [d for d, _ in calls]
    assert done == sorted(done) and calls[-1][0] == calls[-1][1]
    # The prediction of the number of passes holds within a few.
    assert max(done[:-1]) > 0.95 * calls[-1][1]
    frame = result.to_frame()
    assert len(frame) == 2 * len(result.rated)
    row = frame[(frame["map"] == "occlusion") & (frame["image"] == result.names[1])].iloc[0]
    assert row["insertion_auc"] == result.insertion_auc[1, result.rated.index("occlusion")]
    numbers = summary(result)
    assert numbers["images"][0]["explained"] == result.explained(0)
    assert " minus " in result.explained(0)
    mean = result.insertion_auc[:, 0].mean()
    assert numbers["maps"][0]["insertion_auc"] == pytest.approx(mean)
    assert numbers["maps"][0]["completeness_gap"] is None
    margin = (result.insertion_auc - result.deletion_auc).mean(0)[: len(result.methods)]
    low, high = (round(float(v), 2) + 0.0 for v in (margin.min(), margin.max()))
    assert f"{low:.2f} to {high:.2f} over the" in sentence(result)
    assert sentence(result).endswith("2 images are too few to rank methods.")


def test_a_constant_map_has_no_rank_and_is_left_out_of_the_mean():
    network = nets.busy()
    network.head.weight.zero_()
    result = rate(nets.checkpoint(network), nets.busy_images(), effort=LITTLE,
                  methods=["occlusion", "saliency"])  # fmt: skip
    assert np.isnan(result.rank_correlation[0, :2]).all()
    assert np.isnan(result.randomisation[0, :2]).all()
    assert not np.isnan(result.randomisation[0, 2:4]).any()
    assert np.isnan(result.randomisation[0, result.rated.index("constant")])
    assert np.isnan(result.unexplained).all()  # the score never moves
    half = np.array([[[0.5, np.nan, -0.1]]])
    from viz.views.attribution.result import mean_of_finite

    assert mean_of_finite(half, 2)[0, 0] == pytest.approx(0.2)
    summary(result)


def made_up(gap, edges=0.3):
    """Scores of methods above the edge detector by so much on each image; gap is (n, M)."""
    loaded, (n, m) = nets.checkpoint(nets.busy()), gap.shape
    methods = ("saliency", "input-x-gradient", "grad-cam")[:m]
    one = rate(loaded, nets.busy_images(1), methods=methods, effort=LITTLE, **SOME)
    auc = np.concatenate([edges + gap, np.full((n, 3), [0.0, edges, 0.0])], axis=1)
    names = tuple(f"image {i}" for i in range(n))
    return replace(one, names=names, insertion_auc=auc, deletion_auc=np.zeros_like(auc))


def test_methods_are_ranked_by_the_maximum_of_sign_flips(rng):
    """Against loops over every sign; the maximum is over the methods of one flip."""
    gap = rng.normal(0.1, 0.2, (6, 3))
    maxima = []
    for signs in product((1, -1), repeat=6):
        means = [np.mean([s * gap[i, k] for i, s in enumerate(signs)]) for k in range(3)]
        maxima.append(max(means))
    expected = [np.mean([v >= gap[:, k].mean() - 1e-12 for v in maxima]) for k in range(3)]
    np.testing.assert_allclose(made_up(gap).p_above_edges(), expected)


def test_best_is_said_of_no_method_unless_images_allow(rng):
    gap = np.stack([np.full(6, 0.2), rng.permutation([0.1, -0.1, 0.1, -0.1, 0.1, -0.1])], 1)
    text = sentence(made_up(gap))
    assert text.startswith("One of 2 methods ranks patches better") and ": saliency. " in text
    assert made_up(gap).p_above_edges()[0] == pytest.approx(1 / 64)
    assert np.isnan(made_up(gap[:4]).p_above_edges()).all()
    assert "too few to rank methods" in sentence(made_up(gap[:4]))


def test_a_constant_map_explains_much_of_a_fall_that_grows_with_the_patches():
    """The score falls by one for every patch that goes: a map without places explains it all."""
    result = rate(
        nets.checkpoint(nets.busy("identity")), nets.busy_images(1), effort=LITTLE, **SOME
    )
    assert of(result, "constant", "unexplained") < of(result, "random", "unexplained")
    assert of(result, "constant", "max_sensitivity") == 0
    removed = np.random.default_rng(0).random((50, 4, 4)) < 0.3
    fall = removed.reshape(50, -1).sum(1).astype(float)
    _, unexplained, scale = scores.infidelity(np.ones((1, 4, 4)), removed, fall)
    assert unexplained[0] == pytest.approx(0) and scale[0] == pytest.approx(1)
