"""Kernels that are zero or constant, and such networks: nothing measured, nothing broken."""

import json

import numpy as np
import pytest
from described import described

from viz.measure.depthwise import describe
from viz.measure.early_late import measure
from viz.results.depthwise import DESCRIPTORS


def smooth(rng, n):
    """Kernels (n, 5, 5) with a horizontal edge and noise."""
    edge = np.linspace(-1, 1, 5)[:, None] * np.ones(5)
    return (edge + rng.normal(0, 0.3, (n, 5, 5))).astype(np.float32)


def test_numbers_leave_out_kernels_of_zeros_and_stay_json(rng):
    kernels = np.concatenate([smooth(rng, 20), smooth(rng, 20)])
    kernels[22:] = 0
    block = np.repeat([0, 1], 20)
    found = describe(kernels, blocks=block, n_init=20, n_shuffled=60, max_shapes=2)
    summary = json.loads(json.dumps(found.summary(), allow_nan=False))
    alone = describe(kernels[:22], n_init=0, n_shuffled=60, max_shapes=2)
    second = summary["blocks"][1]
    # Two kernels are left in the second block; they were described as they are alone.
    assert second["r2"]["by_atoms"][0] == pytest.approx(alone.r2_by_shapes[20:, 0].mean(), abs=1e-4)
    expected = np.mean([kernels[i].sum() ** 2 / 25 / (kernels[i] ** 2).sum() for i in (20, 21)])
    assert second["descriptors"]["dc_share"] == pytest.approx(expected, rel=1e-5)
    assert second["shares"]["unnamed"] >= 0.9


def test_a_network_of_constant_kernels_has_numbers_that_are_null():
    found = describe(np.full((6, 5, 5), 0.1), blocks=[0, 0, 0, 1, 1, 1], n_init=10, max_shapes=1)
    summary = json.loads(json.dumps(found.summary(), allow_nan=False))
    assert summary["network"]["r2"] == {"median": None, "by_atoms": [None]}
    assert summary["network"]["coverage"] == 0
    assert summary["settings"]["null_threshold"] is None


@pytest.mark.parametrize("level", [0.0, 0.1])
def test_early_and_late_of_a_dead_network_say_nothing(level):
    found = measure(described(np.full((8, 5, 5), level), np.repeat(np.arange(4), 2)), n_boot=20)
    rows = {row["descriptor"]: row for row in json.loads(json.dumps(found.summary()))["effects"]}
    names = DESCRIPTORS if level == 0 else ("odd_energy", "dc_share")
    for name in names:
        if name != "radial_sign_changes":
            assert rows[name]["delta"] in (None, 0)
    assert [v.answer for v in found.verdicts] == ["does not hold", "does not hold"]


def test_early_and_late_of_kernels_of_zeros_stay_json():
    """Described in earnest."""
    kernels, block = np.zeros((12, 5, 5)), np.repeat(np.arange(4), 3)
    found = measure(describe(kernels, blocks=block, n_init=20), n_boot=20)
    summary = json.loads(json.dumps(found.summary(), allow_nan=False))
    assert summary["settings"]["seed"] == 0


def test_kernels_that_are_not_finite_are_named():
    kernels = np.ones((6, 3, 3))
    kernels[4, 0, 0] = np.nan
    with pytest.raises(ValueError, match=r"1 of 6 kernels .* first channel 1 of block 7; "):
        describe(kernels, blocks=[5, 5, 5, 7, 7, 7])
