"""Attribution methods against hand-built networks, formulas written out and slow loops."""

import explained_networks as nets
import numpy as np
import pytest
import torch

from viz.views.attribution.maps import attribute
from viz.views.attribution.maps_result import METHODS, PIXEL_METHODS
from viz.views.attribution.methods import DEFAULT_METHODS, Explainer, Settings, to_patches
from viz.views.attribution.network import Explained

SOME = {"n_steps": 12, "n_samples": 5}
CLASSES = ("Ant", "bee", "7")


@pytest.mark.parametrize(
    ("activation", "methods"), [("relu", METHODS), ("gelu", DEFAULT_METHODS)]
)  # fmt: skip
def test_every_method_finds_the_patch_that_decides(activation, methods):
    network, pattern = nets.one_patch(activation)
    result = attribute(
        nets.checkpoint(network), nets.image_with(pattern, 4, 3), methods=methods, target=0
    )
    assert result.methods == methods
    assert result.predicted[0] == 0
    for method, values in zip(methods, result.patches[0], strict=True):
        assert np.unravel_index(values.argmax(), values.shape) == (4, 3), method


def test_an_affine_network_is_explained_exactly():
    network = nets.busy("identity")
    x = nets.busy_images(height=9, width=10)
    weights = nets.slopes(network, x, 1)
    result = attribute(
        nets.checkpoint(network), x, target=1, methods=METHODS[:6] + METHODS[8:9], **SOME
    )
    raw = dict(zip(result.raw_methods, result.raw[0], strict=True))
    product = weights * x[0].numpy()
    for method in ("saliency", "smoothgrad"):
        np.testing.assert_allclose(raw[method], weights, atol=2e-5)
    for method in ("input-x-gradient", "integrated-gradients", "deeplift"):
        np.testing.assert_allclose(raw[method], product, atol=5e-5)
    assert product.sum() == pytest.approx(result.score[0] - result.baseline_score[0], abs=1e-3)
    ablation = result.patches[0, result.methods.index("feature-ablation")]
    np.testing.assert_allclose(ablation, product[:, :8, :8].reshape(3, 2, 4, 2, 4).sum((0, 2, 4)),
                               atol=1e-4)  # fmt: skip


def test_gradient_shap_of_an_affine_network_is_weights_times_distance_from_grey():
    network = nets.busy("identity")
    x = nets.busy_images(height=8, width=8)
    loaded = nets.checkpoint(network)
    settings = Settings(n_samples=7, seed=4)
    explainer = Explainer(loaded.model, nets.GREY, settings)
    levels = explainer.shap_baselines().numpy() * 0.25 + 0.5
    assert levels.shape == (7, 3)
    assert (np.ptp(levels, axis=1) < 1e-6).all()  # grey
    assert levels.min() >= 0 and levels.max() <= 1 and np.ptp(levels) > 0.3
    distance = x[0].numpy() - explainer.shap_baselines().numpy().mean(0)[:, None, None]
    found = explainer.raw("gradient-shap", x, Explained(2))
    np.testing.assert_allclose(found, nets.slopes(network, x, 2) * distance, atol=5e-5)


def test_integrated_gradients_and_plain_ones_are_captums():
    from captum.attr import InputXGradient, IntegratedGradients, Saliency

    network, x = nets.busy(), nets.busy_images()
    result = attribute(
        nets.checkpoint(network), x, target=2, n_steps=20, batch_size=3,
        methods=["saliency", "input-x-gradient", "integrated-gradients"],
    )  # fmt: skip

    def inputs():
        return x.clone().requires_grad_()

    expected = [
        Saliency(network).attribute(inputs(), target=2, abs=False),
        InputXGradient(network).attribute(inputs(), target=2),
        IntegratedGradients(network).attribute(inputs(), target=2, n_steps=20),
    ]
    for mine, theirs in zip(result.raw[0], expected, strict=True):
        np.testing.assert_allclose(mine, theirs[0].detach().numpy(), atol=1e-5)
    # Pixels that no patch covers change nothing.
    assert not result.raw[..., 20:, :].any() and not result.raw[..., :, 20:].any()


def test_smoothgrad_is_the_mean_gradient_of_noisy_images():
    network, x = nets.busy(), nets.busy_images(height=8, width=8)
    settings = Settings(n_samples=6, noise=0.2, seed=5)
    found = Explainer(network, nets.GREY, settings, batch_size=4).raw("smoothgrad", x, Explained(0))
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
    logits = logits.detach()
    expected = np.zeros((5, 5))
    for channel in range(6):
        expected += maps.grad[0, channel].mean().item() * maps[0, channel].detach().numpy()
    settings = Settings(block=block)
    found = Explainer(network, nets.GREY, settings).raw("grad-cam", x, Explained(0, 2))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    if block == 1:  # the average pooling makes the last one add up to the logits without bias
        bias = network.head.bias[0] - network.head.bias[2]
        assert found.sum() == pytest.approx(float((logits[0, 0] - logits[0, 2]) - bias), abs=1e-4)


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
    expected = (inputs.grad * x)[0].numpy()
    found = Explainer(network, nets.GREY, Settings()).raw("deeplift", x, Explained(1))
    np.testing.assert_allclose(found, expected, atol=1e-5)
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
    found = Explainer(network, nets.GREY, Settings()).raw("guided-backprop", x, Explained(1))
    np.testing.assert_allclose(found, inputs.grad[0].numpy(), atol=1e-6)


def test_values_of_patches_by_slow_loops(rng):
    raw = rng.standard_normal((3, 8, 12)).astype(np.float32)
    for method in PIXEL_METHODS:
        local = method in ("saliency", "smoothgrad", "guided-backprop")
        found = to_patches(method, raw, 4)
        for i in range(2):
            for j in range(3):
                part = raw[:, 4 * i : 4 * i + 4, 4 * j : 4 * j + 4].astype(float)
                expected = abs(part).sum() if local else part.sum()
                assert found[i, j] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (1, (1, -1)), ("2", (2, -1)), ("bee", (1, -1)), ("BEE", (1, -1)), ("7", (2, -1)),
        ("predicted", (0, -1)), ("runner-up", (2, -1)), ("difference", (0, 2)),
    ],
)  # fmt: skip
def test_what_is_explained(target, expected):
    network = nets.busy()
    network.head.weight.zero_()
    network.head.bias.copy_(torch.tensor([3.0, 1.0, 2.5]))
    result = attribute(nets.checkpoint(network, CLASSES), nets.busy_images(), target=target,
                       methods=["saliency"])  # fmt: skip
    target_index, against = expected
    assert (result.target[0], result.against[0]) == expected
    logits = np.array([3.0, 1.0, 2.5])
    score = logits[target_index] - (logits[against] if against >= 0 else 0)
    share = np.exp(logits) / np.exp(logits).sum()
    if against >= 0:
        share = share / (share[target_index] + share[against])
    assert result.score[0] == pytest.approx(score)
    assert result.probability[0] == pytest.approx(share[target_index], rel=1e-6)
    assert result.target_name[0] == CLASSES[target_index]
    assert result.predicted_name == ("Ant",)
