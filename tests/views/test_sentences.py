"""Findings in plain language, where the ordinary sentence would mislead."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from planted_kernels import planted

import viz
from viz.images.sets import open_images
from viz.views import COMPARISONS, VIEWS, Given, view
from viz.views._template.card import VIEW as TEMPLATE
from viz.views.wording import percent

WITHOUT_NULL = ("selectivity",)
"""Views whose numbers on images without classes have nothing to be compared with."""
BASELINE = re.compile(
    r"against|baseline|null|chance|where guessing|false-positive|shuffled|random|too small to name"
)
SUPERLATIVE = re.compile(
    r"(?<!at )\b(most|largest|best|strongest|least|smallest|worst|highest)\b", re.I
)
TEST = re.compile(r"\bp [=<] |test of the maximum")
CHEAP = {"attribution": {"quick": True, "steps": 2, "samples": 2}, "clusters": {"n_clusters": 2},
         "substitution": {"crops": 2}}  # fmt: skip


def sentences(text):
    """Split where a sentence ends."""
    return re.split(r"(?<=\.) (?=[A-Z0-9])", text)


def judged(text, null=True):
    """What makes a finding one that can be said aloud and is no more than the numbers."""
    said = sentences(text)
    assert 1 <= len(said) <= 3, text
    assert all(each.endswith(".") and each[0] == each[0].upper() for each in said), text
    assert re.search(r"\d", text), text
    assert "nan" not in text and "None" not in text.replace("None of", ""), text
    assert not null or BASELINE.search(text), text
    for each in said:
        assert not SUPERLATIVE.search(each) or TEST.search(each), each


@pytest.mark.parametrize(
    "row", [*(row for row in VIEWS if row.sentence), TEMPLATE], ids=lambda row: row.name
)
@pytest.mark.parametrize("n", [1, 2, 6])
def test_a_finding_has_answer_number_and_baseline(row, n, small, tmp_path, monkeypatch):
    if n > 1 and not row.images:
        pytest.skip("without images")
    monkeypatch.setattr("viz.views.patch_filters.measure._NULL_FILTERS", 200)
    with torch.no_grad():
        taps = np.concatenate([planted(name, 5, 8) for name in ("edge", "blob+")])
        for block in range(3):
            small.model.depthwise_kernels(block).copy_(torch.from_numpy(taps))
    pixels = np.random.default_rng(n).integers(0, 256, (n, 32, 36, 3), dtype=np.uint8)
    for i, each in enumerate(pixels):
        Image.fromarray(each).save(tmp_path / f"{i}.png")
    given = Given(images=lambda: open_images(tmp_path, small.preprocessing, 3))
    text = row.sentence(row.measure(small, given, **CHEAP.get(row.name, {})))
    judged(text, null=row.name not in WITHOUT_NULL)
    # Fewer than five images have no interval and no share of images.
    if n < 5:
        assert "[" not in text and "interval" not in text and "% of 2" not in text


@pytest.mark.parametrize("row", COMPARISONS, ids=lambda row: row.name)
def test_a_comparison_has_answer_number_and_baseline(row, small):
    judged(row.sentence(row.measure(small, small, Given())))


def test_what_says_too_much_is_found():
    for text in (
        "Edges are the largest group, against 3 % at random.",
        "It is 3, against 2. It is 4. It is 5. It is 6.",
        "It is nan, against 2.",
        "It is 3.",
        "Many are edges, against few at random.",
    ):
        with pytest.raises(AssertionError):
            judged(text)
    judged("The largest is 3, against 2 under a test of the maximum.")


@pytest.mark.parametrize("row", [*VIEWS, *COMPARISONS, TEMPLATE], ids=lambda row: row.name)
def test_what_a_card_says_is_whole_sentences(row):
    assert row.question.endswith("?")
    for text in (row.misleads, *(each.caption for each in row.figures)):
        assert text.endswith(".") and text[0] == text[0].upper(), text
    for text in (row.misleads, row.about, row.question, *(each.caption for each in row.figures),
                 *(option.help for option in row.options)):  # fmt: skip
        assert not re.search(r"said is|gone on with|\btold\b|\btells of\b", text, re.I), text


def test_patches_too_small_for_names_say_so():
    """Four pixels are fitted by any Gabor: nothing is said of kinds."""
    rng = np.random.default_rng(0)
    result = viz.views.patch_filters.measure.describe(rng.standard_normal((24, 3, 2, 2)))
    sentence = view("patch-filters").sentence(result)
    assert "2 x 2 pixels are too small to name a structure" in sentence
    assert "Gabor" not in sentence


def test_early_and_late_are_three_sentences_each_with_its_baseline(small):
    result = viz.early_late(small)
    said = sentences(view("early-late").sentence(result))
    assert len(said) == 3
    assert said[0].startswith("By name, ") and "randomly initialised" in said[0]
    for text, verdict in zip(said[1:], result.verdicts, strict=True):
        assert text == verdict.sentence
        for share in (verdict.own, verdict.other, verdict.random):
            assert percent(share) in text.lower()


def test_shares_are_said_as_a_colleague_would():
    shares = (0, 0.0004, 0.003, 0.0149, 0.234, 0.99, 0.997, 1)
    said = ["none", "less than 0.1 %", "0.3 %", "1 %", "23 %", "99 %", "99.7 %", "all"]
    assert [percent(share) for share in shares] == said


def test_patch_filters_are_counted_beside_both_nulls(small, monkeypatch):
    monkeypatch.setattr("viz.views.patch_filters.measure._NULL_FILTERS", 200)
    found = viz.views.patch_filters.measure.describe_checkpoint(small)
    said = view("patch-filters").sentence(found)
    noise = np.mean([k == "noise" for k in found.structure])
    assert f"and {round(16 * noise)} look like noise." in said
    assert f"explains {100 * np.median(found.r2_map):.0f} %" in said
    assert said.endswith("of white noise.")
    smooth = replace(found, smooth_null_r2_map=np.array([0.1, 0.54, 0.9]))
    said = view("patch-filters").sentence(smooth)
    assert said.endswith("and 54 % of random filters as smooth as these.")
