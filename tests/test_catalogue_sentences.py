"""Findings in plain language, where the ordinary sentence would mislead."""

import re

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


def test_the_two_answers_come_first_and_no_number_is_lost(small):
    result = viz.measure.early_late.measure_checkpoint(small)
    first, *rest = view("early-late").sentence(result).split("\n\n")
    early, late = result.verdicts
    assert first == (
        f"Early kernels, positive centre, negative rest: {early.answer}. Late kernels, halves, or "
        f"positive inside and negative around: {late.answer}."
    )
    numbers = [re.findall(r"[-+]?\d[\d.]*", text) for text in (
        result.difference, early.sentence, late.sentence, result.note)]  # fmt: skip
    assert [re.findall(r"[-+]?\d[\d.]*", text) for text in rest] == numbers
