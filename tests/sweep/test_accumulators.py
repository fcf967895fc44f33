"""Accumulators against numpy over the whole set at once: any split, any order, any merge tree."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from viz.sweep import top
from viz.sweep.accumulators import Moments, Sparsity
from viz.sweep.classes import Classes
from viz.sweep.top import Top

ROWS, DIM, SIDE, N_TOP = 2, 3, (2, 3), 3
PATIENT = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def splits(draw):
    """A set of images, cut into batches and shards in any order, and a way to merge the shards."""
    n = draw(st.integers(1, 9))
    seed = draw(st.integers(0, 10**6))
    rng = np.random.default_rng(seed)
    # Few different values, so that ties are common; an offset, so that cancellation would show.
    maps = rng.integers(-2, 4, (ROWS, n, DIM, *SIDE)).astype(np.float32)
    maps += draw(st.sampled_from([0.0, 0.25, 1000.0])) * (draw(st.booleans()) or 1)
    shard = [draw(st.integers(0, 3)) for _ in range(n)]
    batch = draw(st.integers(1, 4))
    return maps, shard, batch, draw(st.randoms(use_true_random=False)), rng


def run(case, make, add):
    """Feed shards batch by batch, then merge them two by two in random order."""
    maps, shard, batch, random, _ = case
    parts = []
    for s in range(4):
        part = make()
        mine = [i for i in range(len(shard)) if shard[i] == s]
        for start in range(0, len(mine), batch):
            chosen = np.array(mine[start : start + batch])
            for row in range(ROWS):
                some = torch.from_numpy(maps[row, chosen])
                # As networks that are loaded hold them, and as they may come otherwise.
                layout = (torch.contiguous_format, torch.channels_last)[row % 2]
                add(part, row, some.contiguous(memory_format=layout), chosen)
        parts.append(type(part).restore(part.state()) if s % 2 else part)
    while len(parts) > 1:
        one = parts.pop(random.randrange(len(parts)))
        parts[random.randrange(len(parts))].merge(one)
    return parts[0].result()


@PATIENT
@given(splits())
def test_moments(case):
    found = run(case, lambda: Moments(ROWS, DIM), lambda a, r, m, i: a.update(r, m))
    whole = case[0].astype(np.float64)
    np.testing.assert_allclose(found["mean"], whole.mean((1, 3, 4)), rtol=1e-6, atol=1e-6)
    # Batch means are float32: what their rounding does to the variance between batches.
    rounding = 4 * np.finfo(np.float32).eps * np.abs(whole).max()
    variance = whole.var((1, 3, 4))
    np.testing.assert_allclose(found["variance"], variance, rtol=1e-5, atol=1e-6 + rounding)


@PATIENT
@given(splits(), st.sampled_from([1, 12, 20, 10**6]), st.sampled_from([0, -3, -10]))
def test_top(case, waiting, shift):
    # However many values wait before they are entered; also where all are negative, or 0 and -0.
    maps = np.where(case[0] + shift == 0, np.float32(-0.0), case[0] + shift).astype(np.float32)
    maps[..., 0, 0] += 0
    case = (maps, *case[1:])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(top, "_WAITING", waiting)
        found = run(case, lambda: Top(ROWS, DIM, N_TOP), lambda a, r, m, i: a.update(r, m, i))
    for row in range(ROWS):
        for channel in range(DIM):
            flat = maps[row, :, channel].reshape(maps.shape[1], -1)
            best = sorted((-flat[i].max(), i, int(flat[i].argmax())) for i in range(len(flat)))
            best = best[:N_TOP]
            n = len(best)
            assert found["top_value"][row, channel, :n].tolist() == [-v for v, _, _ in best]
            assert found["top_image"][row, channel, :n].tolist() == [i for _, i, _ in best]
            assert found["top_position"][row, channel, :n].tolist() == [p for _, _, p in best]
            assert np.isnan(found["top_value"][row, channel, n:]).all()
            assert (found["top_image"][row, channel, n:] == -1).all()


@PATIENT
@given(splits())
def test_sparsity(case):
    found = run(case, lambda: Sparsity(ROWS, DIM), lambda a, r, m, i: a.update(r, m))
    np.testing.assert_allclose(found["sparsity"], (case[0] <= 0).mean((1, 3, 4)))


@PATIENT
@given(splits())
def test_classes(case):
    maps, rng = case[0], case[4]
    kind = rng.integers(0, 4, maps.shape[1]) * 7

    def add(part, row, some, chosen):
        if row == 0:
            part.seen(kind[chosen])
        part.update(row, some, kind[chosen])

    found = run(case, lambda: Classes(ROWS, DIM), add)
    ids = np.unique(kind)
    if len(ids) < 2:
        assert np.isnan(found["selectivity"]).all()
        return
    activity = np.maximum(maps, 0).mean((3, 4), dtype=np.float64)
    for row in range(ROWS):
        means = np.stack([activity[row, kind == c].mean(0) for c in ids])
        for channel in range(DIM):
            ordered = np.sort(means[:, channel])
            rest = ordered[:-1].mean()
            total = ordered[-1] + rest
            got = found["selectivity"][row, channel]
            if total == 0:
                assert np.isnan(got)
                continue
            assert got == pytest.approx((ordered[-1] - rest) / total, abs=1e-6)
            winner = ids.tolist().index(found["selected_class"][row, channel])
            assert means[winner, channel] == pytest.approx(ordered[-1], rel=1e-6)


def test_selectivity_of_a_planted_class_and_of_none():
    rng = np.random.default_rng(2)
    kind = np.repeat(np.arange(10), 20)
    maps = rng.random((200, 2, 2, 2)).astype(np.float32)
    maps[kind == 3, 0] += 5
    part = Classes(1, 2)
    part.seen(kind)
    part.update(0, torch.from_numpy(maps), kind)
    found = part.result()
    assert found["selected_class"][0, 0] == 3
    assert found["selectivity"][0, 0] > 0.8
    assert found["selectivity_null"][0, 0] > 0.02
    # A channel that knows no classes is no more selective than its null.
    assert found["selectivity"][0, 1] == pytest.approx(found["selectivity_null"][0, 1], rel=0.6)
    assert found["selectivity"][0, 1] < 0.15
