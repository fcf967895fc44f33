"""Early and late blocks: planted networks whose answer is known, nulls, odd inputs."""

import json

import numpy as np
import pytest
from described import described
from viz.measure.kernel_null import random_init

from viz.measure.early_late import default_groups, measure, measure_checkpoint
from viz.results.depthwise import KERNEL_NAMES
from viz.results.early_late import EARLY_STATEMENT, LATE_STATEMENT, EarlyLate

PER_BLOCK, DEPTH, K = 40, 9, 7


def early_kernels(rng, n):
    """Positive centre, negative rest; the mean within 1.5 taps is negative."""
    kernels = -rng.uniform(0.05, 1, (n, K, K)) + 0.1
    kernels[:, 3, 3] = 0.3
    return kernels


def late_kernels(rng, n):
    """Half of them halves at any angle, half positive inside and negative around."""
    y, x = np.mgrid[:K, :K] - 3.0
    angle = rng.uniform(0, 2 * np.pi, (n, 1, 1))
    envelope = np.exp(-(x**2 + y**2) / 8)
    halves = (x * np.cos(angle) + y * np.sin(angle)) * envelope
    rings = np.where(np.hypot(x, y) <= 2.6, 1.0, -1.0) * rng.uniform(0.5, 1, (n, 1, 1))
    kernels = np.where(np.arange(n)[:, None, None] % 2, halves, rings)
    return kernels + rng.normal(0, 0.02, kernels.shape)


def network(rng, makers):
    """One maker of kernels per block."""
    kernels = np.concatenate([make(rng, PER_BLOCK) for make in makers])
    return described(kernels, np.repeat(np.arange(len(makers)), PER_BLOCK))


def plain(rng, n):
    return rng.uniform(-1, 1, (n, K, K))


def quick(description, **options):
    return measure(description, **{"n_boot": 200, "n_networks": 8, **options})


@pytest.fixture(scope="module")
def planted():
    rng = np.random.default_rng(1)
    return network(rng, [early_kernels] * 3 + [plain] * 3 + [late_kernels] * 3)


def test_a_network_as_it_is_said_to_be(planted):
    found = quick(planted)
    assert found.early_blocks.tolist() == [0, 1, 2]
    assert found.late_blocks.tolist() == [6, 7, 8]
    for verdict, group in zip(found.verdicts, ("early", "late"), strict=True):
        assert (verdict.group, verdict.answer) == (group, "holds")
        assert verdict.sentence.startswith(f"{verdict.short} True of ")
        assert verdict.details.startswith(f"{verdict.statement.capitalize()}: true of ")
        assert f"{group.capitalize()} kernels, {verdict.statement}: holds." in verdict.sentence
        assert "100.0 %" in verdict.sentence
    assert found.early_statements[EARLY_STATEMENT] == 1
    assert found.late_statements[EARLY_STATEMENT] == 0
    assert found.late_statements[LATE_STATEMENT] == 1
    # All of one group and none of the other: still, they are kernels of three blocks only.
    low, high = found.statement_interval[EARLY_STATEMENT]
    assert low == -1 < high < -0.5


def test_the_other_way_round_is_said_not_to_hold(planted):
    rng = np.random.default_rng(2)
    turned = quick(network(rng, [late_kernels] * 3 + [plain] * 3 + [early_kernels] * 3))
    assert [v.answer for v in turned.verdicts] == ["does not hold", "does not hold"]
    # The same network with the groups named the other way round is as it is said to be.
    named = quick(planted, early=[0, 1, 2], late=[6, 7, 8])
    swapped = quick(network(rng, [late_kernels] * 3 + [early_kernels] * 3), early=[3, 4, 5],
                    late=[0, 1, 2])  # fmt: skip
    assert [v.answer for v in swapped.verdicts] == [v.answer for v in named.verdicts]


def test_a_minority_is_called_one():
    """Three early kernels in ten are as said, no late one is."""
    rng = np.random.default_rng(3)

    def some(rng, n):
        return np.concatenate([early_kernels(rng, 3 * n // 10), plain(rng, n - 3 * n // 10)])

    found = quick(network(rng, [some] * 3 + [plain] * 6))
    assert found.verdicts[0].answer == "holds for a minority"
    assert found.early_statements[EARLY_STATEMENT] == pytest.approx(0.3, abs=0.01)


def test_what_is_true_everywhere_is_not_specific():
    rng = np.random.default_rng(4)
    found = quick(network(rng, [late_kernels] * 9))
    early, late = found.verdicts
    assert early.answer == "does not hold"
    assert late.answer in ("not specific", "undecided")
    assert late.answer != "holds"


def test_one_unlike_block_decides_nothing():
    """One of three blocks is as said: over blocks, that may be chance."""
    rng = np.random.default_rng(5)
    found = quick(network(rng, [early_kernels, plain, plain] + [plain] * 6))
    assert found.verdicts[0].answer == "undecided"
    low, high = found.statement_interval[EARLY_STATEMENT]
    assert low < 0 < high


def test_random_networks_are_told_no():
    answers = []
    for seed in range(8):
        kernels = random_init(PER_BLOCK * DEPTH, K, 1000 + seed)
        found = quick(described(kernels, np.repeat(np.arange(DEPTH), PER_BLOCK)), seed=seed)
        answers += [v.answer for v in found.verdicts]
    assert not {"holds", "holds for a minority"} & set(answers)
    assert answers.count("does not hold") >= 12


def test_a_verdict_that_hangs_on_its_threshold_says_so():
    """Rest taps are negative in four of five: true at .75, not at .9."""
    rng = np.random.default_rng(6)

    def nearly(rng, n):
        kernels = np.full((n, K * K), -1.0)
        kernels[:, : K * K // 5] = 1.0
        kernels = rng.permuted(kernels, axis=1).reshape(n, K, K)
        kernels[:, 3, 3] = 5.0
        return kernels

    found = quick(network(rng, [nearly] * 3 + [plain] * 6))
    sure = quick(network(rng, [early_kernels] * 3 + [plain] * 6))
    assert found.verdicts[0].answer == sure.verdicts[0].answer == "holds"
    assert not found.verdicts[0].robust
    shares = dict(zip(found.rest_thresholds, found.rest_shares[:, 0], strict=True))
    assert (shares[0.75], shares[0.9]) == (pytest.approx(1, abs=0.1), 0)
    assert "the answer would change" in found.verdicts[0].sentence


def test_shares_and_their_differences_by_loops(planted):
    rng = np.random.default_rng(9)
    label = np.array(KERNEL_NAMES)[rng.integers(0, 4, len(planted.label))]
    told = described(planted.kernels, planted.block, label, init_labels=label[:50])
    found = quick(told)
    for i, name in enumerate(KERNEL_NAMES):
        share = {b: np.mean(label[planted.block == b] == name) for b in range(DEPTH)}
        np.testing.assert_allclose(found.label_shares[:, i], list(share.values()))
        assert found.early_labels[i] == pytest.approx(np.mean([share[b] for b in (0, 1, 2)]))
        assert found.late_labels[i] == pytest.approx(np.mean([share[b] for b in (6, 7, 8)]))
        assert found.init_labels[i] == np.mean(label[:50] == name)
        step = found.late_labels[i] - found.early_labels[i]
        if name in label:
            assert found.label_difference[i] == pytest.approx(step, abs=1e-6)
            assert found.label_interval[i, 0] < step < found.label_interval[i, 1]
        else:
            assert np.isnan(found.label_difference[i])


def test_label_intervals_cover():
    """Blocks have their own shares of a label: 95 % intervals hold the true difference."""
    rng = np.random.default_rng(10)
    blocks, n, hits = 10, 25, []
    names = np.array(KERNEL_NAMES)
    flat = np.zeros((blocks * n, 3, 3), np.float32)
    for seed in range(16):
        share = rng.dirichlet(np.full(len(names), 2.0), blocks)
        label = np.concatenate([rng.choice(names, n, p=p) for p in share])
        found = quick(
            described(flat, np.repeat(np.arange(blocks), n), label),
            early=range(5), late=range(5, 10), n_networks=1, seed=seed, n_boot=150,
        )  # fmt: skip
        known = np.isfinite(found.label_interval[:, 0])
        hits += (
            (found.label_interval[known, 0] <= 0) & (found.label_interval[known, 1] >= 0)
        ).tolist()
    assert 0.9 <= np.mean(hits) <= 0.995


def test_kernels_to_look_at_are_ordered_by_label_and_fit(planted):
    rng = np.random.default_rng(11)
    label = np.array(KERNEL_NAMES)[rng.integers(0, len(KERNEL_NAMES), len(planted.label))]
    r2 = rng.uniform(size=len(label))
    found = quick(described(planted.kernels, planted.block, label, r2=r2), shown=30)
    assert found.kernel_late.tolist() == [False] * 30 + [True] * 30
    for late in (False, True):
        rows = np.flatnonzero(found.kernel_late == late)
        rank = [KERNEL_NAMES.index(name) for name in found.kernel_label[rows]]
        assert rank == sorted(rank)
        assert set(found.kernel_block[rows]) <= ({6, 7, 8} if late else {0, 1, 2})
    at = found.kernel_block * PER_BLOCK + found.kernel_channel
    np.testing.assert_array_equal(found.kernels, planted.kernels[at])
    np.testing.assert_array_equal(found.kernel_label, label[at])
    same = (found.kernel_label[:-1] == found.kernel_label[1:]) & ~np.diff(found.kernel_late)
    assert (np.diff(r2[at])[same] <= 0).all()


@pytest.mark.parametrize(
    ("depth", "early", "late"),
    [(2, (0,), (1,)), (3, (0,), (2,)), (8, (0, 1, 2), (5, 6, 7)), (20, range(7), range(13, 20))],
)
def test_the_first_and_the_last_third(depth, early, late):
    assert default_groups(range(depth)) == (tuple(early), tuple(late))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"early": [0, 1], "late": [1, 2]}, "block 1 is in both groups"),
        ({"early": [12]}, "early group names block 12"),
        ({"late": []}, "late group names no block"),
    ],
)
def test_impossible_groups_are_refused(planted, small, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        measure(planted, **options)
    with pytest.raises(ValueError, match=sentence):
        measure_checkpoint(small, **options)


def test_one_block_is_refused(planted):
    alone = described(planted.kernels[:10], np.zeros(10))
    with pytest.raises(ValueError, match="at least two blocks"):
        measure(alone)


def test_groups_of_one_block_have_no_interval_and_say_so():
    rng = np.random.default_rng(12)
    found = quick(network(rng, [early_kernels, late_kernels]))
    assert np.isnan(found.delta_interval).all()
    assert np.isnan(found.statement_interval).all()
    assert np.isnan(found.block_trend).all()
    assert "no interval" in found.note
    assert [v.answer for v in found.verdicts] == ["undecided", "undecided"]
    assert "without an interval" in found.verdicts[0].sentence
    assert "without an interval over blocks" in found.difference
    json.dumps(found.summary(), allow_nan=False)


def test_whether_groups_differ_is_said_first(planted):
    """The largest difference and the count of intervals without 0, found anew row by row."""
    found = quick(planted)
    rows = [
        (abs(row.delta), row.delta, row.delta_low, row.delta_high)
        for row in found.to_frame().itertuples()
    ]
    clear = [r for r in rows if r[2] > 0 or r[3] < 0]
    top = max(rows)[0]
    told = [f"{r[1]:+.2f}, {r[2]:+.2f} to {r[3]:+.2f})." for r in rows if r[0] > top - 1e-12]
    assert any(text in found.difference for text in told)
    assert clear


@pytest.mark.parametrize("k", [3, 4])
def test_dead_and_small_kernels_are_taken(k):
    kernels = np.random.default_rng(13).normal(size=(24, k, k))
    kernels[:8] = 0
    kernels[20:] = 1
    found = quick(described(kernels, np.repeat(np.arange(3), 8)))
    assert np.isnan(found.quartiles[1, 0]).all()  # odd energy of a block of zeros
    json.dumps(found.summary(), allow_nan=False)


def test_the_same_seed_gives_the_same_and_it_loads_back(planted, tmp_path):
    found = quick(planted, seed=3)
    assert quick(planted, seed=3) == found
    assert quick(planted, seed=4) != found
    assert EarlyLate.load(found.save(tmp_path / "a.npz")) == found
    steps = []
    quick(planted, progress=lambda done, total: steps.append((done, total)))
    assert steps[-1][0] == steps[-1][1] == len(steps)


def test_numbers_and_tables_agree(planted):
    found = quick(planted)
    said = found.summary()
    assert [v["answer"] for v in said["verdicts"]] == [v.answer for v in found.verdicts]
    frame = found.to_frame()
    assert [row["delta"] for row in said["effects"]] == frame["delta"].tolist()
    tried = found.thresholds_frame()
    assert len(tried) == len(found.rest_thresholds) + found.ring_shares[..., 0].size
    usual = tried[(tried["odd_energy"] == 0.5) & (tried["inside_radius"] == 1.5)]
    assert usual["late"].item() == pytest.approx(found.late_statements[LATE_STATEMENT], abs=1e-6)
    usual = tried[tried["negative_rest"] == 0.75]
    assert usual["early"].item() == pytest.approx(found.early_statements[EARLY_STATEMENT], abs=1e-6)
    json.dumps(said, allow_nan=False)
