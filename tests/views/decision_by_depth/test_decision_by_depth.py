"""Decision by depth: shorter networks, slow ranks, planted colours, shuffled labels, baselines."""

import numpy as np
import pytest
import torch
from read_networks import checkpoint_of, inputs, outputs
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from viz.images.sets import ImageSet
from viz.network.convmixer import ConvMixer
from viz.views.decision_by_depth.measure import _untrained, decision_by_depth


def folder(checkpoint, x, names):
    """Images in class folders, as a set."""
    entries = [(f"{name}/{i}.png", one) for i, (name, one) in enumerate(zip(names, x, strict=True))]
    return ImageSet(entries, checkpoint.preprocessing)


def coloured(n=40, seed=0):
    """Noise that is a little redder in every other image."""
    x = inputs(n, (32, 32), seed)
    x[::2, 0] += 0.5
    return x, ["warm", "cold"] * (n // 2)


def test_each_depth_is_a_shorter_network_under_the_same_head(small):
    x = inputs(3)
    found = decision_by_depth(small, x, shown=3)
    assert found.block.tolist() == [-1, 0, 1, 2]
    for depth in range(4):
        short = ConvMixer(16, depth, 5, 4, 4) if depth else None
        if short is None:
            with torch.no_grad():
                logits = small.model.head(small.model.embed(x).mean((2, 3)))
        else:
            kept = {
                name: value
                for name, value in small.model.state_dict().items()
                if not name.startswith("blocks.") or int(name.split(".")[1]) < depth
            }
            short.load_state_dict(kept)
            with torch.no_grad():
                logits = short.eval()(x)
        np.testing.assert_allclose(found.logits[depth], logits, atol=1e-5)
        for i in range(3):
            order = sorted(range(4), key=lambda c: (-float(logits[i, c]), c))
            assert found.rank[depth, i] == 1 + order.index(int(found.answer[i]))
            share = logits[i].softmax(0)[int(found.answer[i])]
            assert found.probability[depth, i] == pytest.approx(float(share), abs=1e-5)
            assert found.first[depth, i] == order[0]


def test_maps_sum_to_the_answers_logit_over_the_mean(small):
    x = inputs(2)
    found = decision_by_depth(small, x)
    bias = small.model.head.bias.detach().numpy()
    weight = small.model.head.weight.detach().numpy()
    for depth, made in enumerate(outputs(small.model, x)):
        for i in range(2):
            c = int(found.answer[i])
            free = found.logits[depth, i] - bias
            assert found.maps[depth, i].sum() == pytest.approx(free[c] - free.mean(), abs=1e-5)
            slow = sum(
                (weight[c, k] - weight[:, k].mean()) * made[i, k].numpy() / 64 for k in range(16)
            )
            np.testing.assert_allclose(found.maps[depth, i], slow, atol=1e-6)


def test_it_is_settled_where_the_answer_stays_first(small):
    found = decision_by_depth(small, inputs(12))
    for i in range(12):
        ranks = found.rank[:, i].tolist()
        wanted = next(d for d in range(4) if all(r == 1 for r in ranks[d:]))
        assert found.settled[i] == wanted - 1


def test_the_fit_is_scikit_learns_cross_validation(small):
    x, names = coloured()
    found = decision_by_depth(small, folder(small, x, names), draws=0)
    assert found.target_names == ("cold", "warm")
    assert found.target_is == "folder"
    own = np.array([names_ == "warm" for names_ in names], dtype=int)
    np.testing.assert_array_equal(found.target, own)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300, tol=1e-3))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    for depth, made in enumerate(outputs(small.model, x)):
        pooled = made.mean((2, 3)).double().numpy()
        wanted = cross_val_predict(model, pooled, own, cv=folds, method="predict_proba")
        np.testing.assert_allclose(
            found.fitted_probability[depth], wanted[np.arange(40), own], atol=1e-3
        )
        right = wanted.argmax(1) == own
        assert found.fitted_accuracy[depth] == pytest.approx(right.mean(), abs=0.03)


def test_the_fitted_map_is_that_of_the_readout_that_never_met_the_image(small):
    x, names = coloured()
    found = decision_by_depth(small, folder(small, x, names), draws=0, shown=3)
    own = np.array([name == "warm" for name in names], dtype=int)
    made = outputs(small.model, x)[2].double().numpy()
    pooled = made.mean((2, 3))
    for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(pooled, own):
        for i in {0, 1, 2} & set(test.tolist()):
            scale = StandardScaler().fit(pooled[train])
            fit = LogisticRegression(C=0.1, max_iter=300, tol=1e-3)
            fit.fit(scale.transform(pooled[train]), own[train])
            # The logit of the second class over the mean of both is half of that over the first.
            sign = 0.5 if own[i] else -0.5
            slow = (
                sum(sign * fit.coef_[0, k] / scale.scale_[k] * made[i, k] for k in range(16)) / 64
            )
            np.testing.assert_allclose(found.fitted_maps[2, i], slow, atol=1e-3)


def test_planted_colours_are_told_and_shuffled_labels_are_not(small):
    x, names = coloured(60)
    found = decision_by_depth(small, folder(small, x, names), draws=0)
    assert found.fitted_accuracy[0] > 0.9
    shuffled = np.random.default_rng(1).permutation(names).tolist()
    null = decision_by_depth(small, folder(small, x, shuffled), draws=0)
    assert null.fitted_accuracy.max() < 0.7
    assert null.most_frequent == 0.5


def test_few_images_of_a_class_are_left_out(small):
    x = inputs(16, (32, 32))
    names = ["a"] * 6 + ["b"] * 4 + ["c"] * 6
    found = decision_by_depth(small, folder(small, x, names), draws=0)
    assert found.target_names == ("a", "c")
    assert found.target.tolist() == [0] * 6 + [-1] * 4 + [1] * 6
    assert np.isnan(found.fitted_probability[:, 6:10]).all()
    assert np.isfinite(found.fitted_probability[:, :6]).all()
    assert found.most_frequent == 0.5


def test_where_nothing_can_be_fitted_it_is_said(small):
    found = decision_by_depth(small, inputs(3))
    assert "at least 5 images" in found.not_fitted
    assert np.isnan(found.fitted_accuracy).all() and np.isnan(found.fitted_maps).all()
    assert found.summary()["depth"][0]["fitted_accuracy"] is None
    assert decision_by_depth(small, inputs(12), fitted=False).not_fitted == "it was not asked for"


def test_folders_named_as_outputs_are_the_truth(small):
    x = inputs(12, (32, 32))
    with torch.no_grad():
        answers = small.model(x).argmax(1).numpy()
    wanted = [small.classes[a] for a in answers]
    wanted[:3] = [small.classes[(a + 1) % 4] for a in answers[:3]]
    # Two folders at least, whatever the network says.
    assert len(set(wanted)) > 1
    found = decision_by_depth(small, folder(small, x, wanted), draws=0)
    assert found.accuracy[-1] == pytest.approx(9 / 12)
    assert found.agreement[-1] == 1
    assert np.isnan(decision_by_depth(small, x, draws=0).accuracy).all()


def test_baselines(small):
    """Of one block there is but one order; a random network knows nothing of the answers."""
    torch.manual_seed(0)
    one = checkpoint_of(ConvMixer(16, 1, 5, 4, 4))
    x = inputs(40, (32, 32))
    found = decision_by_depth(one, x, draws=2)
    assert found.baselines.shape == (3, 2, 2, 2)
    for drawn in found.baselines[0, 0]:
        np.testing.assert_allclose(drawn, found.agreement)
    many = decision_by_depth(small, x, draws=3)
    assert many.baselines[0, 0, :, -1].min() < 1
    # Before the first block nothing is shuffled.
    np.testing.assert_allclose(many.baselines[0, 0, :, 0], many.agreement[0])
    assert many.baselines[0, 1].shape == (3, 4)
    assert decision_by_depth(small, inputs(9)).baselines.shape[:3] == (3, 2, 0)


def test_the_random_network_is_new_and_set_on_the_images(small):
    x = inputs(6, (32, 32))
    before = {name: value.clone() for name, value in small.model.state_dict().items()}
    network = _untrained(small.model, x, 1)
    assert all(value.equal(before[name]) for name, value in small.model.state_dict().items())
    for depth, made in enumerate(outputs(network, x)):
        # Running variances divide by one less than there are positions, and epsilon is added.
        assert made.mean((0, 2, 3)).abs().max() < 0.01, depth
        np.testing.assert_allclose(made.var((0, 2, 3)), 1, atol=0.05)
    assert not torch.equal(network.patch_filters, small.model.patch_filters)
    assert not torch.equal(network.patch_filters, _untrained(small.model, x, 2).patch_filters)
