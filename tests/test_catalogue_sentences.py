"""Findings in plain language, where the ordinary sentence would mislead."""

import numpy as np

import viz
from viz.catalogue import view


def test_patches_too_small_for_names_say_so():
    """Four pixels are fitted by any Gabor: nothing is said of kinds."""
    rng = np.random.default_rng(0)
    result = viz.measure.patch_filters.describe(rng.standard_normal((24, 3, 2, 2)))
    sentence = view("patch-filters").sentence(result)
    assert "2 x 2 pixels are too small for names" in sentence
    assert "grey Gabors" not in sentence
