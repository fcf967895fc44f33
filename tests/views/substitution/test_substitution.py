"""Substitution: exact ones change nothing, others what a network built by hand says they must."""

import copy
import threading

import numpy as np
import pytest
import torch
from explained_networks import same_state, state
from hand_made import described, described_patches, kernels_of
from torch.func import functional_call

from viz.images.sets import ImageSet
from viz.views.substitution import measure as substitution
from viz.views.substitution.scores import chance, compare, intervals


def images_of(checkpoint, n=12, seed=0):
    generator = torch.Generator().manual_seed(seed)
    size = checkpoint.preprocessing.image_size
    entries = [(f"image {i}", torch.randn(3, size, size, generator=generator)) for i in range(n)]
    return ImageSet(entries, checkpoint.preprocessing, 3)


@pytest.fixture
def small(small):
    """With batch norms that fit the images, and answers that differ between images."""
    inputs = images_of(small).all().inputs
    for module in small.model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    small.model.train()(inputs)
    small.model.eval()
    small.model.head.weight.mul_(20)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield small
    torch.set_num_threads(before)


def run(checkpoint, description=None, patches=None, **options):
    options = {"n_boot": 50, "images": images_of(checkpoint)} | options
    scopes = options.pop("scopes", ("all", "block"))
    return substitution.measure(
        checkpoint, description=description, patches=patches, scopes=scopes, **options
    )


def test_exact_kernels_change_nothing(small):
    before = state(small.model)
    result = run(small, described(small))
    assert same_state(before, state(small.model))
    fit = result.method == "fit"
    assert fit.sum() == 2 + 1 + 3  # numbers of shapes, as described, blocks
    np.testing.assert_array_equal(result.scores[0, fit], 1)
    np.testing.assert_array_equal(result.scores[1, fit], 0)
    np.testing.assert_allclose(result.scores[2, fit], 1, atol=1e-6)
    noise = result.find("all", "random")
    assert result.mean[1, noise] > 0.05
    assert result.n_kernels[noise] == 48


def test_permuted_channels_change_something(small):
    kernels = kernels_of(small).reshape(3, 16, 5, 5)
    permuted = np.roll(kernels, 1, axis=1).reshape(48, 5, 5)
    result = run(small, described(small, fitted=permuted), scopes=("all", "block"))
    row = result.find("all", "fit")
    assert result.scores[1, row].mean() > 0.05
    # The same by setting the weights of a copy.
    other = copy.deepcopy(small.model)
    with torch.no_grad():
        for b in range(3):
            other.depthwise_kernels(b).copy_(torch.from_numpy(permuted.reshape(3, 16, 5, 5)[b]))
        inputs = images_of(small).all().inputs
        slow = slow_scores(small.model(inputs).numpy(), other(inputs).numpy())
    np.testing.assert_allclose(result.scores[1, row], slow[1], rtol=1e-3, atol=1e-9)
    np.testing.assert_allclose(result.scores[2, row], slow[2], atol=1e-4)


def slow_scores(before, after):
    """Class, KL and correlation by their formulas, one image at a time."""
    rows = []
    for x, y in zip(before.astype(float), after.astype(float), strict=True):
        p, q = np.exp(x) / np.exp(x).sum(), np.exp(y) / np.exp(y).sum()
        kl = sum(a * np.log(a / b) for a, b in zip(p, q, strict=True))
        rows.append((float(np.argmax(x) == np.argmax(y)), kl, np.corrcoef(x, y)[0, 1]))
    return np.array(rows).T


def test_scores_and_chance_by_the_slow_formula(rng):
    before, after = rng.standard_normal((2, 9, 7)) * 3
    made = compare(torch.from_numpy(before), torch.from_numpy(after))
    np.testing.assert_allclose(made, slow_scores(before, after), rtol=1e-5, atol=1e-6)
    pairs = [slow_scores(before[i : i + 1], before[j : j + 1])[:, 0]
             for i, j in np.ndindex(9, 9) if i != j]  # fmt: skip
    found = chance(torch.from_numpy(before))
    np.testing.assert_allclose(found, np.mean(pairs, axis=0), rtol=1e-6)
    flat = compare(torch.ones(1, 4), torch.tensor([[1.0, 2, 3, 4]]))
    assert np.isnan(flat[2, 0])


def test_a_network_whose_answer_depends_on_one_block(small):
    """Blocks 0 and 2 have a depthwise branch of scale 0: only block 1's kernels matter."""
    for b in (0, 2):
        small.model.blocks[b].depthwise_norm.weight.zero_()
    kernels = kernels_of(small)
    result = run(small, described(small, fitted=-kernels))
    for method in ("fit", "random", "without", "dct"):
        for b in (0, 2):
            row = result.find("block", method, block=b)
            assert result.scores[1, row].max() == 0 and result.scores[0, row].min() == 1
        row = result.find("block", method, block=1)
        assert result.scores[1, row].min() > 0


def test_without_means_the_batch_norms_shift(small):
    """The branch's output becomes the shift of its batch norm, whatever the image."""
    generator = torch.Generator().manual_seed(3)
    for block in small.model.blocks:
        block.depthwise_norm.bias.copy_(torch.randn(16, generator=generator))
    result = run(small, described(small), scopes=("all",))
    inputs = images_of(small).all().inputs
    x = small.model.embed(inputs)
    for block in small.model.blocks:
        x = x + block.depthwise_norm.bias[:, None, None]
        x = block.pointwise_norm(block.activation(block.pointwise(x)))
    after = small.model.head(x.mean((2, 3)))
    slow = slow_scores(small.model(inputs).numpy(), after.numpy())
    row = result.find("all", "without")
    np.testing.assert_allclose(result.scores[1, row], slow[1], rtol=1e-3, atol=1e-9)
    assert result.coefficients[row] == 0


def test_patch_filters_are_replaced_too(small):
    filters = small.model.patch_filters
    filters.copy_(filters.mean(1, keepdim=True).expand_as(filters))  # grey, so exactly rank one
    kinds = ["stripes"] * 10 + ["noise"] * 6
    exact = run(small, patches=described_patches(small, kinds=kinds), scopes=("patch",))
    assert set(exact.name) == {"", "stripes", "noise"}
    fit = exact.find("patch", "fit")
    assert exact.scores[1, fit].max() < 1e-9 and exact.coefficients[fit] == 10
    zero = described_patches(small, kinds=kinds, exact=False)
    result = run(small, patches=zero, scopes=("patch",))
    inputs = images_of(small).all().inputs
    new = torch.zeros_like(filters)
    new[10:] = filters[10:]
    with torch.no_grad():
        after = functional_call(small.model, {"patch_embedding.weight": new}, (inputs,)).numpy()
    slow = slow_scores(small.model(inputs).detach().numpy(), after)
    row = result.find("patch", "fit", name="stripes")
    np.testing.assert_allclose(result.scores[1, row], slow[1], rtol=1e-3, atol=1e-9)


def test_batches_progress_and_errors_leave_the_network_alone(small, rng):
    noisy, seen = described(small, fitted=rng.standard_normal((48, 5, 5))), []
    whole = run(small, noisy)
    parts = run(small, noisy, batch_size=5, progress=lambda *at: seen.append(at))
    np.testing.assert_allclose(parts.scores, whole.scores, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(parts.chance, whole.chance, rtol=1e-4)
    assert seen[-1][0] == seen[-1][1] == len(seen)

    def stop(done, total):
        if done == 3:
            raise KeyboardInterrupt

    before = state(small.model)
    with pytest.raises(KeyboardInterrupt):
        run(small, noisy, progress=stop)
    assert same_state(before, state(small.model))


def test_threads_on_one_network_do_not_see_each_other(small, rng):
    before = state(small.model)
    descriptions = [described(small, fitted=f * kernels_of(small)) for f in (0.5, -1.0)]
    alone = [run(small, d, scopes=("all",)).scores[1] for d in descriptions]
    made = [None, None]

    def work(i):
        made[i] = run(small, descriptions[i], scopes=("all",)).scores[1]

    threads = [threading.Thread(target=work, args=(i,)) for i in (0, 1)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    # A new thread may compute in another number of torch's own threads: equal but for rounding.
    np.testing.assert_allclose(made, alone, rtol=0, atol=1e-4)
    assert np.abs(alone[0] - alone[1]).max() > 0.01
    assert same_state(before, state(small.model))


def test_intervals_cover_and_draw_photographs_where_there_are_enough(rng):
    """Means of nested data: a bootstrap over crops would be too sure."""
    covered, narrow = 0, 0
    for _ in range(200):
        photograph = np.repeat(np.arange(20), 6)
        values = rng.standard_normal(20)[photograph] + 0.3 * rng.standard_normal(120)
        scores = np.tile(values.astype(np.float32), (3, 1, 1))
        for group in (photograph, np.arange(120)):
            _, low, high = intervals(scores, group, n_boot=200, rng=np.random.default_rng(1))
            inside = low[0, 0] <= 0 <= high[0, 0]
            covered, narrow = (
                covered + inside * (group[-1] < 20),
                narrow + inside * (group[-1] > 20),
            )
    assert 0.87 <= covered / 200 <= 0.99
    assert narrow / 200 < 0.75
    mean, low, high = intervals(scores, np.repeat([0, 1], 60), n_boot=200, rng=rng)
    assert np.isnan([low, high]).all() and np.isfinite(mean).all()


def test_foreign_descriptions_and_broken_networks_are_refused(small):
    description = described(small)
    small.model.blocks[0].depthwise_norm.weight.fill_(float("nan"))
    with pytest.raises(ValueError, match="not finite"):
        run(small, description)
    small.model.blocks[0].depthwise_norm.weight.fill_(1.0)
    small.model.depthwise_kernels(1)[3, 2, 2] += 1
    with pytest.raises(ValueError, match="of other kernels"):
        run(small, description)
    patches = described_patches(small)
    small.model.patch_filters.mul_(2)
    with pytest.raises(ValueError, match="of other patch filters"):
        run(small, patches=patches, scopes=("patch",))
