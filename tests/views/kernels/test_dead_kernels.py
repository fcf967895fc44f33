"""Kernels that are zero or constant, and such networks: nothing measured, nothing broken."""

import json

import numpy as np
import pytest
from described import described

from viz.views.early_late.measure import measure
from viz.views.kernels.measure import describe
from viz.views.kernels.result import DESCRIPTORS


def smooth(rng, n):
    """Kernels (n, 5, 5) with a horizontal edge and noise."""
    edge = np.linspace(-1, 1, 5)[:, None] * np.ones(5)
    return (edge + rng.normal(0, 0.3, (n, 5, 5))).astype(np.float32)


def test_a_network_of_constant_kernels_is_flat_and_one_of_zeros_has_no_numbers():
    found = describe(np.full((6, 5, 5), 0.1), blocks=[0, 0, 0, 1, 1, 1], n_init=10)
    summary = json.loads(json.dumps(found.summary(), allow_nan=False))
    assert summary["network"]["shares"]["flat"] == 1
    assert summary["network"]["r2"]["by_shapes"] == pytest.approx([1] * 4)
    nothing = json.loads(json.dumps(describe(np.zeros((6, 5, 5)), n_init=10).summary()))
    assert nothing["network"]["r2"] == {"median": None, "by_shapes": [None] * 4}
    assert nothing["network"]["shares"]["unnamed"] == 1


@pytest.mark.parametrize("level", [0.0, 0.1])
def test_early_and_late_of_a_dead_network_say_nothing(level):
    found = measure(described(np.full((8, 5, 5), level), np.repeat(np.arange(4), 2)))
    rows = {row["descriptor"]: row for row in json.loads(json.dumps(found.summary()))["effects"]}
    names = DESCRIPTORS if level == 0 else ("odd_energy", "dc_share")
    for name in names:
        if name != "radial_sign_changes":
            assert rows[name]["delta"] in (None, 0)
    assert [v.answer for v in found.verdicts] == ["does not hold", "does not hold"]


@pytest.mark.parametrize("tap", [np.nan, np.inf])
def test_kernels_that_are_not_finite_are_counted_as_such_alone(rng, tap):
    """The others are described as if these were not there."""
    kernels = smooth(rng, 12)
    broken = np.insert(kernels, 7, kernels[0], axis=0)
    broken[7, 2, 1] = tap
    block = np.repeat([5, 7], [6, 7])
    found = describe(broken, blocks=block, n_init=20)
    alone = describe(kernels, blocks=np.repeat([5, 7], 6), n_init=20)
    rest = np.arange(13) != 7
    for name in ("name", "guess", "second", "n_shapes", "r2", "margin", "halves_r2", "dc_share"):
        np.testing.assert_array_equal(getattr(found, name)[rest], getattr(alone, name))
    assert (found.name[7], found.guess[7], found.second[7]) == ("unnamed",) * 3
    for name in ("r2", "probability", "likeness", "scale", "ring_r2", "rms_radius"):
        assert np.isnan(getattr(found, name)[7]), name
    assert "not finite" in found.sentence(7)
    told = json.loads(json.dumps(found.summary(), allow_nan=False))
    assert [b["not_finite"] for b in told["blocks"]] == [0, 1]
    assert [b["n"] for b in told["blocks"]] == [6, 7]
    for b, whole in zip(told["blocks"], alone.summary()["blocks"], strict=True):
        assert {**b, "n": 6, "not_finite": 0} == whole
    assert found.shares() == alone.shares()
    assert found.shares(7) == alone.shares(7)


def test_of_as_many_kernels_as_shapes_the_broken_one_alone_has_no_fit(rng):
    kernels = smooth(rng, 4)
    kernels[1, 2, 2] = np.nan
    fits = describe(kernels, n_init=10).fitted_by_shapes
    assert fits.shape[:2] == (4, 4)
    assert np.isnan(fits[:, 1]).all()
    assert np.isfinite(fits[:, [0, 2, 3]]).all()
