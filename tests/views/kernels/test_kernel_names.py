"""Names of kernels: planted ones, chance, symmetries, and independent blind readings."""

import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from planted_kernels import PLANTED, planted

import viz
from viz.views.kernels import measure
from viz.views.kernels.chance import random_init
from viz.views.kernels.matching import match, measures, unit_rows
from viz.views.kernels.measure import describe as describe_with
from viz.views.kernels.pictures import bank
from viz.views.kernels.readout import columns, shipped

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))
import kernel_names as agreement

# The null of its own is not asked about here.
describe = partial(describe_with, n_init=10)


@pytest.mark.parametrize("k", [5, 8, 9, pytest.param(13, marks=pytest.mark.slow)])
def test_planted_kernels_are_guessed(k):
    names = [n for n in PLANTED if k >= 7 or n not in ("grating", "on-centre", "off-centre")]
    found = describe(np.concatenate([planted(name, k, 40) for name in names]))
    right = (found.guess.reshape(-1, 40) == np.array(names)[:, None]).mean(1)
    assert right.mean() > 0.95, right
    assert right.min() > 0.8, right


MANY = pytest.mark.parametrize("n", [1500, pytest.param(10_000, marks=pytest.mark.slow)])


@MANY
@pytest.mark.parametrize("kind", ["white", "init", "shuffled"])
def test_chance_is_not_named(kind, n):
    rng = np.random.default_rng(3)
    if kind == "shuffled":
        model = viz.load("cifar10-p2").model
        taps = np.concatenate([model.depthwise_kernels(b).detach().numpy() for b in range(4)])
        flat = rng.permuted(np.resize(taps, (n, taps[0].size)), axis=1)
        kernels = flat.reshape(-1, *taps.shape[1:])
    else:
        kernels = rng.standard_normal((n, 9, 9)) if kind == "white" else random_init(n, 9, 1)
    found = describe(kernels)
    assert found.named.mean() <= 0.01
    fits = found.r2_by_shapes, found.shuffled_r2_by_shapes
    np.testing.assert_allclose(*(np.median(r2, 0) for r2 in fits), atol=0.02)


def _mixed(k=9):
    return np.concatenate([planted(name, k, 6, seed=5) for name in PLANTED])


def test_scale_changes_nothing_and_sign_swaps_polarity():
    kernels = _mixed()
    found, larger, turned = describe(kernels), describe(1000 * kernels), describe(-kernels)
    np.testing.assert_array_equal(found.name, larger.name)
    np.testing.assert_allclose(found.r2, larger.r2, atol=1e-5)
    swapped = {"blob+": "blob-", "blob-": "blob+"}
    swapped |= {"on-centre": "off-centre", "off-centre": "on-centre"}
    assert [swapped.get(name, name) for name in found.guess.tolist()] == turned.guess.tolist()
    edges = (found.guess == "edge") & np.isfinite(found.shape_direction[:, 0])
    apart = (turned.shape_direction[:, 0] - found.shape_direction[:, 0])[edges] % 360
    np.testing.assert_allclose(apart, 180, atol=1e-9)


def test_a_quarter_turn_turns_angles_and_nothing_else():
    kernels = _mixed()
    found, turned = describe(kernels), describe(np.rot90(kernels, axes=(1, 2)))
    assert (found.guess == turned.guess).mean() > 0.98
    same = (found.guess == turned.guess) & np.isin(found.guess, ["bar", "edge"])
    apart = (turned.orientation - found.orientation)[same] % 180
    assert np.mean(np.abs(apart - 90) < 1) > 0.95
    np.testing.assert_allclose(np.sort(found.likeness), np.sort(turned.likeness), atol=1e-4)


def test_angles_positions_and_scales_are_read_off():
    r = 4
    y, x = np.mgrid[-r : r + 1, -r : r + 1]
    y = -y
    angles = np.array([0, 45, 90, 135])
    turned = np.radians(angles)[:, None, None]
    across = np.cos(turned) * y - np.sin(turned) * x
    blob = np.exp(-((x - 2) ** 2 + (y + 1) ** 2) / (2 * 1.5**2))
    found = describe(np.concatenate([np.exp(-(across**2)), np.tanh(across), blob[None]]))
    assert (np.abs((found.orientation[:4] - angles + 90) % 180 - 90) < 1).all()
    assert (np.abs((found.shape_direction[4:8, 0] - angles - 90 + 180) % 360 - 180) < 1).all()
    assert (found.shape_x[8, 0], found.shape_y[8, 0], found.scale[8]) == (2, -1, 1.5)


def test_names_agree_with_blind_readings():
    """Cross-validated: the readout that names a kernel has not seen its reading."""
    found, _ = agreement.agreement(folds=5)
    assert found["named kernels that a reading calls so"] > 0.82
    assert found["named"] > 0.55
    assert found["guesses right where the readings agree"] > 0.74
    assert found["unnamed where both readings say other or noise"] > 0.6


def test_the_stored_readout_is_that_of_the_readings():
    with np.load(agreement.READINGS) as stored:
        kernels, readings = stored["kernels"], [stored["first_1"], stored["first_2"]]
    taps = unit_rows(kernels.reshape(len(kernels), -1).astype(np.float64))
    values = columns(match(taps, bank(9)).likeness, measures(taps, 9))
    again = agreement.fit(values, readings, agreement.planted())
    apart = again.probabilities(values) - shipped().probabilities(values)
    assert np.abs(apart).max() < 0.02


def test_lone_taps_are_named_by_their_place():
    """Taps that stand out are named where more lie at the middle than chance would put there."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((200, 9, 9)) * 0.08
    centred, scattered = noise.copy(), noise.copy()
    centred[:, 4, 4] = 1
    scattered.reshape(200, -1)[np.arange(200), rng.integers(0, 81, 200)] = 1
    assert (describe(centred).name == "identity").mean() > 0.95
    assert describe(scattered).named.mean() < 0.02


def test_names_do_not_depend_on_the_blocks_asked_for():
    """The null is of the whole network: sharp taps elsewhere raise its bar."""
    blobs = planted("blob+", 9, 150, seed=1, decibels=2)
    sharp = np.random.default_rng(2).standard_normal((150, 9, 9)) ** 5
    every = np.concatenate([blobs, sharp])
    block = np.repeat([0, 1], 150)
    whole, alone = describe(every, blocks=block), describe(blobs, among=every)
    assert (alone.name == whole.name[:150]).all()
    assert (alone.n_shapes == whole.n_shapes[:150]).all()
    assert len(describe_with(sharp[:2], among=every).init_names) == 300


def test_of_chosen_blocks_the_null_is_that_of_all(small, monkeypatch):
    monkeypatch.setattr(measure, "describe", lambda taps, **more: {"taps": taps, **more})
    found = measure.describe_checkpoint(small, blocks=[2, 0])
    assert found["blocks"].tolist() == [2] * 16 + [0] * 16
    np.testing.assert_array_equal(found["taps"][:16], small.model.depthwise_kernels(2))
    assert len(found["among"]) == 48


def test_bad_input_is_refused():
    for shape, said in (((2, 3, 4), "kernels are"), ((0, 9, 9), "no kernels")):
        with pytest.raises(ValueError, match=said):
            describe(np.zeros(shape))
    with pytest.raises(ValueError, match="one number per kernel"):
        describe(np.ones((2, 9, 9)), blocks=[0])


def test_names_agree_with_readings_of_a_network_that_no_setting_has_seen():
    found = agreement.new_networks()
    assert found["named"] > 0.35
    assert found["named kernels that a reading calls so"] > 0.65
    assert found["guesses right where the readings agree"] > 0.65
