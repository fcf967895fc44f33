"""Attribution methods against hand-built networks, formulas written out and slow loops."""

import threading
import warnings

import explained_networks as nets
import numpy as np
import pytest
import torch

from viz.measure.attribution import AttributionError, attribute
from viz.measure.attribution_methods import DEFAULT_METHODS, Explainer, Settings, chosen, to_patches
from viz.measure.attribution_network import Explained, Split, drawn_anew, private_copy
from viz.model.convmixer import Block
from viz.results.attribution import METHODS, PIXEL_METHODS, Attributions

SOME = {"n_steps": 12, "n_samples": 5}


def grid_part(x, p=4):
    return x[..., : x.shape[-2] // p * p, : x.shape[-1] // p * p]


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
    network, x = nets.busy("silu"), grid_part(nets.busy_images())
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
    network, x = nets.busy("relu"), grid_part(nets.busy_images())
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

    network, x = nets.busy("relu"), grid_part(nets.busy_images())
    inputs = x.clone().requires_grad_()
    nets.forward(network, inputs, lambda pre, index: Guided.apply(pre))[0, 1].backward()
    found = Explainer(network, nets.GREY, Settings()).raw("guided-backprop", x, Explained(1))
    np.testing.assert_allclose(found, inputs.grad[0].numpy(), atol=1e-6)


def test_why_methods_are_refused():
    from captum.attr import LRP, DeepLift, GuidedBackprop, Saliency

    network, x = nets.busy("gelu"), grid_part(nets.busy_images())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        guided = GuidedBackprop(network).attribute(x.clone().requires_grad_(), target=0)
        plain = Saliency(network).attribute(x.clone().requires_grad_(), target=0, abs=False)
        assert torch.equal(guided, plain)
        _, gap = DeepLift(network).attribute(
            x, baselines=0 * x, target=0, return_convergence_delta=True
        )
        change = network(x)[0, 0] - network(0 * x)[0, 0]
        assert abs(float(gap)) > 0.05 * abs(float(change))
        with pytest.raises(TypeError, match="no rule"):
            LRP(network).attribute(x, target=0)
        # One ReLU module called twice: why activations are taken apart first.
        with pytest.raises(RuntimeError, match="used more than once"):
            DeepLift(nets.busy("relu")).attribute(x, baselines=0 * x, target=0)


class Bare(torch.nn.Module):
    """A ConvMixer without batch norms and biases, of modules that Captum has rules for."""

    def __init__(self, depth, residual):
        super().__init__()
        torch.manual_seed(0)
        self.depth, self.residual = depth, residual
        self.embed, self.activation = torch.nn.Conv2d(3, 16, 4, 4, bias=False), torch.nn.ReLU()
        self.pool, self.head = torch.nn.AdaptiveAvgPool2d(1), torch.nn.Linear(16, 4, bias=False)
        for i in range(depth):
            depthwise = torch.nn.Conv2d(16, 16, 5, groups=16, padding=2, bias=False)
            parts = (depthwise, torch.nn.Conv2d(16, 16, 1, bias=False))
            for name, part in zip("dp", parts, strict=True):
                setattr(self, f"{name}{i}", part)
                setattr(self, f"{name}{i}_activation", torch.nn.ReLU())

    def forward(self, x):
        x = self.activation(self.embed(x))
        for i in range(self.depth):
            answer = getattr(self, f"d{i}_activation")(getattr(self, f"d{i}")(x))
            x = x + answer if self.residual else answer
            x = getattr(self, f"p{i}_activation")(getattr(self, f"p{i}")(x))
        return self.head(self.pool(x)[:, :, 0, 0])


def test_lrp_counts_relevance_again_at_every_residual_addition():
    from captum.attr import LRP
    from captum.attr._utils.lrp_rules import EpsilonRule

    found = {}
    for depth, residual in ((2, False), (1, True), (2, True)):
        network = Bare(depth, residual).eval()
        x = torch.rand(1, 3, 32, 32)
        logits = network(x).detach()[0]
        for module in network.modules():
            if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear, torch.nn.AdaptiveAvgPool2d)):
                module.rule = EpsilonRule(1e-9)
        target = int(logits.abs().argmax())
        relevance = LRP(network).attribute(x.requires_grad_(), target=target).detach()
        found[depth, residual] = float(relevance.sum() / logits[target])
    assert found[2, False] == pytest.approx(1, abs=1e-3)  # conserved without a residual path
    assert min(found[1, True], found[2, True]) > 1.1


@pytest.mark.parametrize(
    ("method", "activation", "reason"),
    [
        ("lrp", "relu", "residual additions"),
        ("lrp", "gelu", "residual additions"),
        ("guided-backprop", "gelu", "plain gradient"),
        ("guided-backprop", "silu", "plain gradient"),
        ("guided-backprop", "identity", "plain gradient"),
        ("deeplift", "gelu", "not add up"),
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


@pytest.mark.parametrize("batch_size", [1, 7])
def test_batch_size_changes_nothing(batch_size):
    loaded, x = nets.checkpoint(nets.busy("relu")), nets.busy_images(2)
    whole = attribute(loaded, x, methods=METHODS, **SOME)
    parts = attribute(loaded, x, methods=METHODS, batch_size=batch_size, **SOME)
    np.testing.assert_allclose(parts.patches, whole.patches, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(parts.raw, whole.raw, rtol=1e-4, atol=1e-5)


def test_memory_bounds_the_batch():
    split = Split(nets.busy(dim=64, depth=3), memory=1)
    # 25 float32 maps of 64 channels and 8 x 8 patches are 400 KiB.
    assert split.batch((8, 8), gradient=True) == 2
    assert split.batch((8, 8), gradient=False) == 10
    assert split.batch((800, 800), gradient=True) == 1


def test_two_threads_on_one_model_get_what_one_gets():
    loaded = nets.checkpoint(nets.busy("relu"))
    inputs = [nets.busy_images(seed=s) for s in (1, 2)]
    alone = [attribute(loaded, x, methods=METHODS, **SOME) for x in inputs]
    found, failed = {}, []

    def work(i):
        try:
            found[i] = [attribute(loaded, inputs[i], methods=METHODS, **SOME) for _ in range(3)]
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    for i in (0, 1):
        for result in found[i]:
            np.testing.assert_allclose(result.patches, alone[i].patches, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_after_an_error_inside_a_pass_the_model_is_as_it_was(method, monkeypatch):
    loaded = nets.checkpoint(nets.busy("relu"))
    before, calls = nets.state(loaded.model), [0]
    plain = Block.forward

    def fails_later(self, x):
        calls[0] += 1
        if calls[0] > 3:  # after the two blocks of the first look
            raise RuntimeError("broken on purpose")
        return plain(self, x)

    monkeypatch.setattr(Block, "forward", fails_later)
    if method in ("deeplift", "guided-backprop"):
        import viz.measure.attribution_network as network

        monkeypatch.setattr(
            network._TwoActivations, "forward", lambda self, x: fails_later(self, x)
        )
        calls[0] = 1
    with pytest.raises(RuntimeError, match="on purpose"):
        attribute(loaded, nets.busy_images(), methods=[method], **SOME)
    assert nets.same_state(before, nets.state(loaded.model))


def test_a_model_in_training_mode_stays_so_and_is_explained_as_in_evaluation():
    loaded = nets.checkpoint(nets.busy("relu"))
    expected = attribute(loaded, nets.busy_images(), methods=METHODS, **SOME)
    loaded.model.train().requires_grad_(True)
    before = nets.state(loaded.model)
    found = attribute(loaded, nets.busy_images(), methods=METHODS, **SOME)
    np.testing.assert_allclose(found.patches, expected.patches, rtol=1e-4, atol=1e-6)
    assert nets.same_state(before, nets.state(loaded.model))
    assert all(p.grad is None for p in loaded.model.parameters())


def test_random_numbers_of_the_process_are_left_alone():
    loaded = nets.checkpoint(nets.busy())
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    expected = torch.rand(2), np.random.rand(2)  # noqa: NPY002
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    attribute(loaded, nets.busy_images(), **SOME)
    assert torch.equal(torch.rand(2), expected[0])
    assert (np.random.rand(2) == expected[1]).all()  # noqa: NPY002


def test_private_copies_share_weights_and_nothing_else():
    network = nets.busy()
    network.head.register_forward_hook(lambda *given: None)
    twin = private_copy(network)
    for one, two in zip(network.parameters(), twin.parameters(), strict=True):
        assert one.data_ptr() == two.data_ptr()
    assert not {id(m) for m in network.modules()} & {id(m) for m in twin.modules()}
    assert not twin.head._forward_hooks and network.head._forward_hooks


@pytest.mark.parametrize("norms", [True, False])
def test_only_the_parts_named_are_drawn_anew(norms):
    network = nets.busy(dim=40)
    before = nets.state(network)
    short = drawn_anew(network, ["head"], seed=1, norms=norms).state_dict()
    made = drawn_anew(network, ["head", "blocks.1"], seed=1, norms=norms)
    assert nets.same_state(before, nets.state(network))
    for name, new in made.state_dict().items():
        old = before[0][name]
        drawn = name.startswith(("head", "blocks.1."))
        if ("norm" in name and not norms) or not drawn or "tracked" in name:
            assert torch.equal(new, old), name
        elif "norm" in name:
            assert torch.equal(new, torch.full_like(old, float(name.endswith(("weight", "var")))))
        else:
            assert not torch.equal(new, old), name
            fan_in = made.get_submodule(name.rpartition(".")[0]).weight[0].numel()
            assert 0.8 * fan_in**-0.5 < new.abs().max() <= fan_in**-0.5
    assert torch.equal(short["head.weight"], made.state_dict()["head.weight"])


CLASSES = ("Ant", "bee", "7")


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


def test_a_result_comes_back_and_tells_what_made_it(tmp_path):
    calls = []
    loaded = nets.checkpoint(nets.busy())
    x = nets.busy_images(3)
    result = attribute(loaded, x, methods=["saliency", "grad-cam"], keep=2, block=0,
                       progress=lambda *given: calls.append(given))  # fmt: skip
    assert result.raw.shape == (2, 1, 3, 22, 21)
    assert result.patches.shape == (3, 2, 5, 5)
    assert result.target_name[0] == f"class {result.predicted[0]}"
    assert Attributions.load(result.save(tmp_path / "a.npz")) == result
    assert result.source.settings["block"] == 0
    assert set(result.source.images) == set(result.names)
    done = [d for d, _ in calls]
    assert done == sorted(done) and calls[-1][0] == calls[-1][1] == 3 * 3
    shares = result.share()
    np.testing.assert_allclose(np.abs(shares).sum((2, 3)), 1)
    assert (np.sign(shares) == np.sign(result.patches)).all()
    assert len(result.to_frame()) == 6
