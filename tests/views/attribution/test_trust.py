"""Scores of attributions against their formulas, Captum's own, planted answers and nulls."""

from dataclasses import replace
from itertools import product

import explained_networks as nets
import numpy as np
import pytest
import torch
from scipy import ndimage, stats
from scipy.signal import correlate2d

from viz.views.attribution import scores
from viz.views.attribution.measure import Effort, attribute, rate, stage_parts
from viz.views.attribution.methods import SUITABLE, Explainer, Settings
from viz.views.attribution.network import Explained, drawn_anew
from viz.views.attribution.result import METHODS
from viz.views.tables import mean_of_finite

LITTLE = Effort(n_curve=6, n_subsets=12, n_noise=2, n_stages=3, n_random=2)
SOME = {"n_steps": 12, "n_samples": 5}


def of(result, name, values):
    return getattr(result, values)[0, result.rated.index(name)]


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_every_method_finds_the_patch_that_decides_and_curves_show_it(activation):
    network, pattern = nets.one_patch(activation)
    result = rate(
        nets.checkpoint(network), nets.image_with(pattern, 4, 3), target=0,
        methods=METHODS if activation == "relu" else SUITABLE,
        effort=Effort(n_curve=32, n_noise=0, n_stages=0),
    )  # fmt: skip
    for method, values in zip(result.methods, result.patches[0], strict=True):
        assert np.unravel_index(values.argmax(), values.shape) == (4, 3), method
        assert of(result, method, "insertion_auc") > of(result, "random", "insertion_auc") + 0.2
        assert of(result, method, "deletion_auc") < of(result, "random", "deletion_auc") - 0.2
    claim = of(result, "occlusion", "unexplained")
    assert claim < 0.7 * of(result, "random", "unexplained")
    assert np.isnan(result.randomisation).all() and np.isnan(result.max_sensitivity).all()


def test_a_linear_network_has_no_infidelity_and_no_gap():
    network = nets.busy("identity")
    result = rate(nets.checkpoint(network), nets.busy_images(), methods=METHODS[:6], effort=LITTLE,
                  **SOME)  # fmt: skip
    for method in ("saliency", "smoothgrad", "input-x-gradient", "integrated-gradients"):
        assert of(result, method, "unexplained") < 1e-8
    for method in ("input-x-gradient", "integrated-gradients", "gradient-shap", "deeplift"):
        assert abs(of(result, method, "completeness_gap")) < 1e-3
    assert of(result, "random", "unexplained") > 0.05  # a null that must fail
    # The gradient of a linear network does not depend on the input.
    assert of(result, "saliency", "max_sensitivity") < 1e-4


def test_edges_are_sobels(rng):
    x = torch.tensor(rng.standard_normal((1, 3, 8, 12)))
    total = np.zeros((8, 12))
    across = np.outer([1, 2, 1], [-1, 0, 1])
    for plane in x[0].numpy():
        for weights in (across, across.T):
            total += correlate2d(np.pad(plane, 1, "edge"), weights, "valid") ** 2
    expected = np.sqrt(total).reshape(2, 4, 3, 4).sum((1, 3))
    np.testing.assert_allclose(scores.edges(x, 4), expected)


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
    line = np.exp(-(np.arange(-5, 6) ** 2) / 50)  # 11 taps of sigma 5, zeros beyond the border
    blur = ndimage.convolve1d
    soft = blur(x.double().numpy(), line / line.sum(), 2, mode="constant")
    soft = blur(soft, line / line.sum(), 3, mode="constant")
    for name, start, end in (
        ("insertion_auc", soft, x.numpy()),
        ("deletion_auc", x.numpy(), np.zeros(x.shape)),
    ):
        found = []
        for share in np.linspace(0, 1, 7):
            image = start.copy()
            for place in order[: round(share * 25)]:
                i, j = 4 * (place // 5), 4 * (place % 5)
                image[..., i : i + 4, j : j + 4] = end[..., i : i + 4, j : j + 4]
            logits = network(torch.tensor(image, dtype=torch.float32))[0].double().numpy()
            found.append(np.exp(logits[result.target[0]]) / np.exp(logits).sum())
        area = (sum(found) - (found[0] + found[-1]) / 2) / 6
        assert of(result, "feature-ablation", name) == pytest.approx(area, abs=1e-5)


def test_infidelity_is_captums(rng):
    from captum.metrics import infidelity

    network, x = nets.busy(), nets.busy_images(height=20, width=20)
    explainer = Explainer(network, nets.GREY, Settings(block=1))
    gradient, product, cam = (
        explainer.raw(m, x, Explained(1)) for m in ("saliency", "input-x-gradient", "grad-cam")
    )
    removed = scores.subsets(15, (5, 5), rng)
    mask = torch.tensor(np.kron(removed, np.ones((4, 4))), dtype=torch.float32)[:, None]
    mask = mask.expand(-1, 3, -1, -1)
    with torch.no_grad():
        fall = (network(x) - network(x * (1 - mask)))[:, 1].double().numpy()
    claims = [
        each.reshape(3, 5, 4, 5, 4).sum((0, 2, 4)) for each in (gradient * x[0].numpy(), product)
    ]
    found, unexplained = scores.infidelity(np.stack([*claims, cam]), removed, fall)
    raws = [gradient, product, np.broadcast_to(np.kron(cam, np.ones((4, 4))) / 48, (3, 20, 20))]
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


def test_subsets_hold_one_to_half_of_the_patches():
    drawn = scores.subsets(4000, (3, 4), np.random.default_rng(0))
    sizes = drawn.sum((1, 2))
    assert set(sizes.tolist()) == set(range(1, 7))
    assert np.bincount(sizes)[1:].min() > 550
    assert np.ptp(drawn.mean(0)) < 0.05  # no place is favoured
    assert scores.subsets(3, (1, 1), np.random.default_rng(0)).all()


def test_max_sensitivity_is_the_largest_relative_change_under_noise():
    network, x = nets.busy(), nets.busy_images(height=20, width=20)
    effort = replace(LITTLE, n_noise=3, radius=0.05, n_stages=0)
    names = ("saliency", "integrated-gradients", "occlusion")
    result = rate(nets.checkpoint(network), x, methods=names, target=2, effort=effort, n_steps=8,
                  seed=9)  # fmt: skip
    explainer = Explainer(network, nets.GREY, Settings(n_steps=8, seed=9))
    generator = torch.Generator().manual_seed(9)
    noise = [torch.empty(x.shape).uniform_(-1, 1, generator=generator) for _ in range(3)]
    for method in names:
        own = explainer.raw(method, x, Explained(2))
        moved = [explainer.raw(method, x + 0.05 * each, Explained(2)) for each in noise]
        worst = max(np.linalg.norm(one - own) for one in moved) / np.linalg.norm(own)
        assert of(result, method, "max_sensitivity") == pytest.approx(worst, rel=5e-3)
    assert of(result, "random", "max_sensitivity") == of(result, "constant", "max_sensitivity") == 0
    assert of(result, "edges", "max_sensitivity") > 0


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
    few = [name for name, _ in stage_parts(20, 6)]
    assert len(few) == 6 and few[0] == "head" and few[-1] == "patch embedding"
    loaded, x = nets.checkpoint(nets.busy()), nets.busy_images()
    methods = ("input-x-gradient", "occlusion")
    result = rate(loaded, x, methods=methods, target=1, effort=LITTLE, seed=2)
    for t, (_, parts) in enumerate(stage_parts(2, 3)):
        other = nets.checkpoint(drawn_anew(loaded.model, parts, seed=2))
        maps = attribute(other, x, methods=methods, target=1).patches[0]
        for i in range(2):
            expected = stats.spearmanr(result.patches[0, i].ravel(), maps[i].ravel()).statistic
            assert result.rank_correlation[0, i, t] == pytest.approx(expected, abs=1e-6)
    assert np.isnan(scores.rank_correlation(np.array([0, 1, np.nan]), np.arange(3)))
    tied = np.array([0, 2, 2, 2, 5, 1])
    expected = stats.spearmanr(tied, np.arange(6)).statistic
    assert scores.rank_correlation(tied, np.arange(6)) == pytest.approx(expected)


def test_progress_is_predicted_and_of_two_images_both_are_said():
    calls, loaded = [], nets.checkpoint(nets.busy(), ("a", "b", "c"))
    result = rate(loaded, nets.busy_images(2), effort=LITTLE, target="difference",
                  progress=lambda *given: calls.append(given), **SOME)  # fmt: skip
    done = [d for d, _ in calls]
    assert done == sorted(done) and calls[-1][0] == calls[-1][1] == 2 * sum(result.passes.values())
    assert max(done[:-1]) == calls[-1][1] - 1
    edges = [f"{abs(v):.2f}" for v in result.margin[:, result.rated.index("edges")].round(2)]
    assert f"against {edges[0]} and {edges[1]} for an edge detector" in result.sentence()


def test_a_constant_map_has_no_rank_and_is_left_out_of_the_mean():
    network = nets.busy()
    network.head.weight.zero_()
    result = rate(nets.checkpoint(network), nets.busy_images(), effort=LITTLE,
                  methods=["occlusion", "saliency"])  # fmt: skip
    assert np.isnan(result.randomisation[0, [0, 1, 4]]).all()
    assert not np.isnan(result.randomisation[0, 2:4]).any()
    assert np.isnan(result.unexplained).all()  # the score never moves
    half = np.array([[[0.5, np.nan, -0.1]]])
    assert mean_of_finite(half, 2)[0, 0] == pytest.approx(0.2)
    assert np.isnan(mean_of_finite(half * np.nan, 2)).all()
    result.summary()


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
    found = made_up(gap)
    assert found.sentence().startswith("One of 2 methods ranks patches better")
    assert ": saliency. " in found.sentence()
    assert found.p_above_edges()[0] == pytest.approx(1 / 64)
    assert np.isnan(made_up(gap[:4]).p_above_edges()).all()
    assert "too few to rank methods" in made_up(gap[:4]).sentence()
