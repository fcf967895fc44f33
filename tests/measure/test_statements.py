"""What is said of ConvMixers' kernels, on kernels written out and against loops."""

import numpy as np
import pytest

from viz.measure import kernel_descriptors
from viz.measure.statements import Grid, possible_radii, stated, statistics


def kernel(text):
    """A kernel from signs: + is 1, - is -1, 0 is 0; rows by line."""
    value = {"+": 1.0, "-": -1.0, "0": 0.0}
    return np.array([[value[c] for c in row] for row in text.split()], dtype=np.float32)


RING = kernel("----- -+++- -+++- -+++- -----")
CENTRE = kernel("----- ----- --+-- ----- -----")
HALVES = kernel("++0-- ++0-- ++0-- ++0-- ++0--")
EVEN = kernel("+-+-+ ----- +-+-+ ----- +-+-+")
NOT_YET = kernel("+++++ +---- --+-- ----- -----")  # 6 of the other 24 are positive: 18 negative
JUST_NOT = kernel("+++++ ++--- --+-- ----- -----")


def test_statements_by_hand():
    # Odd pairs, two taps each: 10 of HALVES, 5 + 1 of NOT_YET, 5 + 2 of JUST_NOT, of 25 taps.
    found = stated(np.stack([RING, CENTRE, HALVES, EVEN, NOT_YET, JUST_NOT]))
    expected = {
        "rest": [False, True, False, False, True, False],
        "halves": [False, False, True, False, False, True],
        "inside": [True, False, False, False, False, False],
    }
    # A lone centre tap among 8 negative ones: the mean within 1.5 taps is negative.
    for column, name in enumerate(expected):
        assert found[:, column].astype(bool).tolist() == expected[name], name
    late = np.array(expected["halves"]) | np.array(expected["inside"])
    assert found[:, 3].astype(bool).tolist() == late.tolist()


def test_thresholds_are_met_from_the_right_side():
    """18 of 24 negative is three quarters; equal odd and even energy is no more than half."""
    even_and_odd = HALVES + np.abs(HALVES)  # half of its energy is odd
    found = statistics(np.stack([NOT_YET, even_and_odd]), [1.5])
    assert found.negative[0] == 0.75
    assert found.early([0.75, 0.76])[0].tolist() == [True, False]
    assert found.odd[1] == pytest.approx(0.5)
    assert found.halves([0.49, 0.51])[1].tolist() == [True, False]


@pytest.mark.parametrize("k", [3, 4, 5, 9])
def test_against_loops(k, rng):
    kernels = rng.normal(size=(40, k, k)).astype(np.float32)
    kernels[0] = 0
    radii = possible_radii(k, (1.0, 1.5, 2.0, 2.5))
    found = statistics(kernels, radii)
    middle = (k - 1) // 2
    for i, taps in enumerate(kernels.astype(float)):
        rest = [taps[r, c] for r in range(k) for c in range(k) if (r, c) != (middle, middle)]
        assert found.negative[i] == sum(t < 0 for t in rest) / len(rest)
        assert found.centre[i] == (taps[middle, middle] > 0)
        odd = sum(
            ((taps[r, c] - taps[k - 1 - r, k - 1 - c]) / 2) ** 2 for r in range(k) for c in range(k)
        )
        assert found.odd[i] == pytest.approx(odd / (taps**2).sum() if taps.any() else 0)
        for j, radius in enumerate(radii):
            parts = {True: [], False: []}
            for r in range(k):
                for c in range(k):
                    far = np.hypot(r - (k - 1) / 2, c - (k - 1) / 2)
                    parts[bool(far <= radius)].append(taps[r, c])
            expected = np.mean(parts[True]) > 0 and np.mean(parts[False]) < 0
            assert found.ringed[i, j] == expected


def test_the_same_as_the_description_says(rng):
    kernels = rng.normal(size=(300, 7, 7)).astype(np.float32)
    expected = kernel_descriptors.predicates(kernels)
    for column, name in enumerate(expected):
        np.testing.assert_array_equal(stated(kernels)[:, column].astype(bool), expected[name])


def test_radii_without_an_outside_are_left_out():
    """The corner of 3 x 3 is sqrt 2 from the middle, that of 4 x 4 is 1.5 sqrt 2."""
    assert possible_radii(3, (1.0, 1.4, 1.5)).tolist() == [1.0, 1.4]
    assert possible_radii(4, (2.0, 2.1, 2.2)).tolist() == [2.0, 2.1]
    assert not stated(np.ones((2, 3, 3), np.float32))[:, 2].any()


def test_random_kernels_are_halves_by_half_and_ringed_by_a_quarter():
    """Signs of two independent means are independent; odd and even energy are exchangeable."""
    kernels = np.random.default_rng(3).uniform(-1, 1, (20_000, 9, 9)).astype(np.float32)
    share = stated(kernels).mean(0)
    assert share[0] < 0.001
    assert share[1] == pytest.approx(0.5, abs=0.08)  # 40 odd against 41 even dimensions
    assert share[2] == pytest.approx(0.25, abs=0.01)


def test_shares_stand_beside_as_many_random_kernels():
    block = np.repeat([0, 1, 2], [5, 3, 4])
    kernels = np.concatenate([[CENTRE] * 5, [RING] * 3, [HALVES] * 4])
    seen = []
    grid = Grid.of(kernels, possible_radii(5, (1.0, 1.5)))
    found = grid.beside_chance(block, ((0,), (1, 2)), 6, 0, lambda: seen.append(1))
    assert len(seen) == 6
    assert found["init_statements"].shape == (6, 4)
    # Shares of seven kernels, the larger group's number.
    np.testing.assert_allclose(found["init_statements"] * 7, np.rint(found["init_statements"] * 7))
    assert (found["rest_shares"][:, 0] == 1).all()
    # Of the others, rings have a positive centre, and 16 of 24 taps negative.
    np.testing.assert_allclose(found["rest_shares"][:, 1], [3 / 7, 3 / 7, 0, 0, 0, 0, 0])
    assert found["ring_shares"].shape == (6, 2, 2)
    usual = found["ring_shares"][2, 1]  # odd energy above .5, radius 1.5
    assert usual.tolist() == [0.0, 1.0]
