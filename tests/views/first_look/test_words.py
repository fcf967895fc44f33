"""What the overview says in its first sentence, on planted names."""

from types import SimpleNamespace

import numpy as np
import pytest

from viz.core.network import Config
from viz.network.zoo import OFFICIAL
from viz.views.first_look.words import FAMILIES, accuracy, at_first_sight, two_at_first_sight
from viz.views.kernels.result import KERNEL_NAMES, UNNAMED


def named(*blocks):
    """A description whose kernels have these names, block by block."""
    names = [name for block in blocks for name in block]
    return SimpleNamespace(
        name=np.array(names),
        block=np.repeat(np.arange(len(blocks)), [len(block) for block in blocks]),
        finite=np.ones(len(names), dtype=bool),
    )


def test_every_name_belongs_to_one_family():
    members = [name for family in FAMILIES.values() for name in family]
    assert sorted(members) == sorted(set(KERNEL_NAMES) - {UNNAMED})


NONE, ALIKE = ["unnamed"] * 10, ["edge"] * 3 + ["unnamed"] * 7
# Edges are commonest in both; points are what early ones have more of, bars late ones.
EARLY = ["identity"] * 2 + ["shift"] + ["edge"] * 4 + ["unnamed"] * 3
LATE = ["shift"] + ["edge"] * 4 + ["bar"] * 3 + ["unnamed"] * 2


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        ((EARLY, ["ring"] * 10, LATE),
         "Early kernels are more often single points (identity or shift; 30 % of block 0, 10 % of "
         "block 2), late kernels are more often bars (30 % of block 2, 0 % of block 0); 17 % of "
         "all have no clear shape."),
        ((NONE, NONE, ["bar"] * 2 + NONE[2:]),
         "Late kernels are more often bars (20 % of block 2, 0 % of block 0); 93 % of all have no "
         "clear shape."),
        ((ALIKE, ALIKE, ALIKE),
         "Early and late kernels look alike: no shape is commoner by more than 0 points in block 0 "
         "or block 2; 70 % of all have no clear shape."),
        ((["edge"] * 3 + ["bar"],),
         "Its kernels are most often edges (75 %); 0 % of all have no clear shape."),
        ((NONE,), "None of its kernels has a clear shape."),
    ],
)  # fmt: skip
def test_what_is_said_at_first_sight(blocks, said):
    assert at_first_sight(named(*blocks)) == said


def test_two_networks_are_told_apart_whatever_their_depth():
    a, b = named(["edge"] * 5 + ["unnamed"] * 5), named(["bar"] * 2, ["bar"] * 2 + ["unnamed"] * 6)
    assert two_at_first_sight(a, b) == (
        "A's kernels are more often edges (50 % of A's, 0 % of B's), B's kernels are more often "
        "bars (40 % of B's, 0 % of A's); 50 % of A and 60 % of B have no clear shape."
    )


def checkpoint(sha256="0", **training):
    config = Config(dim=16, depth=3, kernel_size=5, patch_size=4, n_classes=4)
    return SimpleNamespace(source=SimpleNamespace(sha256=sha256), config=config, training=training)


@pytest.mark.parametrize("stated", [None, float("nan"), "high", -1, 77.4, 10**400])
def test_no_accuracy_is_made_up(stated):
    assert accuracy(checkpoint(held_out_accuracy=stated)) == ""
    assert accuracy(checkpoint()) == ""
    headless = checkpoint(held_out_accuracy=0.5)
    headless.config = Config(dim=16, depth=3, kernel_size=5, patch_size=4, n_classes=0)
    assert accuracy(headless) == ""


def test_accuracy_is_told_beside_guessing():
    assert accuracy(checkpoint(held_out_accuracy=0.774, held_out_n=2000)) == (
        "It is right on 77 % of 2,000 held-out images, as its file states; guessing one of 4 "
        "classes is right on 25 %."
    )
    weights = next(each for each in OFFICIAL.values() if each.sha256)
    assert f"{weights.top1:.1f} %" in accuracy(checkpoint(weights.sha256))
