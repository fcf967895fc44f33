"""Steps and ranks, counted by hand."""

import numpy as np

from viz.core.counting import Steps, rank_within


def test_rows_are_numbered_within_their_groups():
    group = np.array([2, 0, 2, 2, 5, 0])
    seen = {}
    expected = []
    for g in group.tolist():
        expected.append(seen.get(g, 0))
        seen[g] = expected[-1] + 1
    assert rank_within(group).tolist() == expected
    assert rank_within(group[:0]).tolist() == []


def test_steps_are_told_one_by_one():
    told = []
    step = Steps(lambda *each: told.append(each), 3)
    for _ in range(3):
        step()
    assert told == [(1, 3), (2, 3), (3, 3)]
    Steps(None, 1)()
