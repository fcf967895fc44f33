"""Findings in plain language, where the ordinary sentence would mislead."""

import re
from dataclasses import replace

import numpy as np

import viz
from viz.views import view
from viz.views.wording import percent


def test_patches_too_small_for_names_say_so():
    """Four pixels are fitted by any Gabor: nothing is said of kinds."""
    rng = np.random.default_rng(0)
    result = viz.views.patch_filters.measure.describe(rng.standard_normal((24, 3, 2, 2)))
    sentence = view("patch-filters").sentence(result)
    assert "2 x 2 pixels are too small to name a structure" in sentence
    assert "grey Gabors" not in sentence


def test_early_and_late_are_three_sentences_each_with_its_baseline(small):
    result = viz.views.early_late.measure.measure_checkpoint(small)
    sentence = view("early-late").sentence(result)
    sentences = re.split(r"(?<=\.) (?=[A-Z])", sentence)
    assert len(sentences) == 3
    for text, verdict in zip(sentences, result.verdicts, strict=False):
        assert text == verdict.sentence
        for share in (verdict.own, verdict.other, verdict.random):
            assert percent(share) in text
    late, early, init = result.by_name
    assert all(percent(share) in sentences[2] for share in (late, early, init))


def test_shares_are_said_as_a_colleague_would():
    shares = (0, 0.0004, 0.003, 0.0149, 0.234, 0.99, 0.997, 1)
    said = ["none", "less than 0.1 %", "0.3 %", "1 %", "23 %", "99 %", "99.7 %", "all"]
    assert [percent(share) for share in shares] == said


def test_patch_filters_are_counted_beside_both_nulls(small, monkeypatch):
    monkeypatch.setattr("viz.views.patch_filters.measure._NULL_FILTERS", 200)
    found = viz.views.patch_filters.measure.describe_checkpoint(small)
    said = view("patch-filters").sentence(found)
    noise = np.mean([k == "noise" for k in found.structure])
    assert f"and {round(16 * noise)} noise." in said
    assert f"explains {100 * np.median(found.r2_map):.0f} %" in said
    assert said.endswith("of white noise.")
    smooth = replace(found, smooth_null_r2_map=np.array([0.1, 0.54, 0.9]))
    said = view("patch-filters").sentence(smooth)
    assert said.endswith("and 54 % of random filters as smooth as these.")
