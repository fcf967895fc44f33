"""Attribution methods against hand-built networks, formulas written out and slow loops."""

import explained_networks as nets
import numpy as np
import pytest
import torch

from viz.views.attribution.measure import attribute
from viz.views.attribution.methods import Explainer, Settings, to_patches
from viz.views.attribution.network import Explained
from viz.views.attribution.result import PIXEL_METHODS

CLASSES = ("Ant", "bee", "7")


def raw(network, method, x, target=0, against=-1, batch_size=None, **settings):
    explainer = Explainer(network, nets.GREY, Settings(**settings), batch_size=batch_size)
    return explainer.raw(method, x, Explained(target, against))


def test_an_affine_network_is_explained_exactly():
    network = nets.busy("identity")
    x = nets.busy_images(height=8, width=12)
    weights = nets.slopes(network, x, 1)
    product = weights * x[0].numpy()
    for method in ("saliency", "smoothgrad"):
        np.testing.assert_allclose(raw(network, method, x, 1), weights, atol=2e-5)
    for method in ("input-x-gradient", "integrated-gradients", "deeplift"):
        np.testing.assert_allclose(raw(network, method, x, 1), product, atol=5e-5)
    ablation = raw(network, "feature-ablation", x, 1)
    np.testing.assert_allclose(ablation, to_patches("deeplift", product, 4), atol=1e-4)
    explainer = Explainer(network, nets.GREY, Settings(n_samples=7, seed=4))
    values = explainer.shap_baselines().numpy()
    levels = values * 0.25 + 0.5
    assert levels.shape == (7, 3)
    assert (np.ptp(levels, axis=1) < 1e-6).all()  # grey
    assert levels.min() >= 0 and levels.max() <= 1 and np.ptp(levels) > 0.3
    found = explainer.raw("gradient-shap", x, Explained(1))
    distance = x[0].numpy() - values.mean(0)[:, None, None]
    np.testing.assert_allclose(found, weights * distance, atol=5e-5)


def test_integrated_gradients_are_the_mean_over_the_path():
    network, x = nets.busy(), nets.busy_images(height=8, width=8)
    total = np.zeros(x.shape[1:])
    for place in (np.arange(400) + 0.5) / 400:
        point = (place * x).requires_grad_()
        network(point)[0, 2].backward()
        total += (point.grad * x)[0].double().numpy() / 400
    found = raw(network, "integrated-gradients", x, 2, n_steps=50, batch_size=3)
    np.testing.assert_allclose(found, total, atol=1e-3 * np.abs(total).max())


def test_smoothgrad_is_the_mean_gradient_of_noisy_images():
    network, x = nets.busy(), nets.busy_images(height=8, width=8)
    found = raw(network, "smoothgrad", x, batch_size=4, n_samples=6, noise=0.2, seed=5)
    generator = torch.Generator().manual_seed(15)
    total = np.zeros(x.shape[1:])
    for _ in range(6):
        noise = torch.randn(3, 8, 8, generator=generator)
        noisy = (x + 0.2 * (x.max() - x.min()) * noise).requires_grad_()
        network(noisy)[0, 0].backward()
        total += noisy.grad[0].double().numpy()
    np.testing.assert_allclose(found, total / 6, atol=1e-5)


@pytest.mark.parametrize("block", [0, 1])
def test_grad_cam_by_its_formula(block):
    network, x = nets.busy("silu"), nets.grid_part(nets.busy_images())
    maps = network.embed(x)
    for b in range(block + 1):
        maps = network.blocks[b](maps)
    maps = maps.detach().requires_grad_()
    after = maps
    for b in range(block + 1, 2):
        after = network.blocks[b](after)
    logits = network.head(after.mean((2, 3)))
    (logits[0, 0] - logits[0, 2]).backward()
    expected = np.zeros((5, 5))
    for channel in range(6):
        expected += maps.grad[0, channel].mean().item() * maps[0, channel].detach().numpy()
    found = raw(network, "grad-cam", x, 0, 2, block=block)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("size", [(22, 21), (7, 26)])
def test_occlusion_and_ablation_by_slow_loops(size):
    network, x = nets.busy(), nets.busy_images(height=size[0], width=size[1])
    result = attribute(
        nets.checkpoint(network), x, methods=["occlusion", "feature-ablation"], target="difference",
        batch_size=4,
    )  # fmt: skip
    first, second = network(x)[0].argsort(descending=True)[:2].tolist()
    assert (result.target[0], result.against[0]) == (first, second)
    gh, gw = size[0] // 4, size[1] // 4

    def fall(rows, columns):
        hidden = x.clone()
        hidden[:, :, 4 * rows.start : 4 * rows.stop, 4 * columns.start : 4 * columns.stop] = 0
        with torch.no_grad():
            before, after = network(x)[0], network(hidden)[0]
        return float((before[first] - before[second]) - (after[first] - after[second]))

    wh, ww = min(3, gh), min(3, gw)
    total, count = np.zeros((gh, gw)), np.zeros((gh, gw))
    for i in range(gh - wh + 1):
        for j in range(gw - ww + 1):
            change = fall(slice(i, i + wh), slice(j, j + ww))
            total[i : i + wh, j : j + ww] += change
            count[i : i + wh, j : j + ww] += 1
    np.testing.assert_allclose(result.patches[0, 0], total / count, atol=1e-5)
    alone = [[fall(slice(i, i + 1), slice(j, j + 1)) for j in range(gw)] for i in range(gh)]
    np.testing.assert_allclose(result.patches[0, 1], alone, atol=1e-5)


def test_deeplift_by_the_rescale_rule_written_out():
    network, x = nets.busy("relu"), nets.grid_part(nets.busy_images())
    seen = {}

    def record(key):
        def activation(pre, index):
            seen[key, index] = pre
            return pre.relu()

        return activation

    score = nets.forward(network, x, record("x"))[0, 1]
    base = nets.forward(network, torch.zeros_like(x), record("0"))[0, 1]

    def rescaled(pre, index):
        a, b = seen["x", index], seen["0", index]
        close = (a - b).abs() < 1e-10
        ratio = (a.relu() - b.relu()) / torch.where(close, 1.0, a - b)
        return pre * torch.where(close, (a > 0).float(), ratio)

    inputs = x.clone().requires_grad_()
    nets.forward(network, inputs, rescaled)[0, 1].backward()
    found = raw(network, "deeplift", x, 1)
    np.testing.assert_allclose(found, (inputs.grad * x)[0].numpy(), atol=1e-5)
    assert found.sum() == pytest.approx(float(score - base), abs=1e-5)


def test_guided_backprop_drops_negative_gradients_at_every_relu():
    class Guided(torch.autograd.Function):
        @staticmethod
        def forward(ctx, pre):
            ctx.save_for_backward(pre)
            return pre.clamp(min=0)

        @staticmethod
        def backward(ctx, gradient):
            (pre,) = ctx.saved_tensors
            return gradient * (gradient > 0) * (pre > 0)

    network, x = nets.busy("relu"), nets.grid_part(nets.busy_images())
    inputs = x.clone().requires_grad_()
    nets.forward(network, inputs, lambda pre, index: Guided.apply(pre))[0, 1].backward()
    found = raw(network, "guided-backprop", x, 1)
    np.testing.assert_allclose(found, inputs.grad[0].numpy(), atol=1e-6)


def test_values_of_patches_by_slow_loops(rng):
    values = rng.standard_normal((3, 8, 12)).astype(np.float32)
    for method in PIXEL_METHODS:
        local = method in ("saliency", "smoothgrad", "guided-backprop")
        found = to_patches(method, values, 4)
        for i, j in np.ndindex(2, 3):
            part = values[:, 4 * i : 4 * i + 4, 4 * j : 4 * j + 4].astype(float)
            assert found[i, j] == pytest.approx(abs(part).sum() if local else part.sum())


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (1, (1, -1)), ("2", (2, -1)), ("BEE", (1, -1)), ("7", (2, -1)),
        ("predicted", (0, -1)), ("runner-up", (2, -1)), ("difference", (0, 2)),
    ],
)  # fmt: skip
def test_what_is_explained(target, expected):
    network = nets.busy()
    network.head.weight.zero_()
    network.head.bias.copy_(torch.tensor([3.0, 1.0, 2.5]))
    result = attribute(nets.checkpoint(network, CLASSES), nets.busy_images(), target=target,
                       methods=["saliency"])  # fmt: skip
    of, against = expected
    assert (result.target[0], result.against[0]) == expected
    logits = np.array([3.0, 1.0, 2.5])
    share = np.exp(logits) / np.exp(logits).sum()
    score = logits[of]
    if against >= 0:
        share, score = share / (share[of] + share[against]), score - logits[against]
    assert result.score[0] == pytest.approx(score)
    assert result.probability[0] == pytest.approx(share[of], rel=1e-6)
    assert result.classes == CLASSES
