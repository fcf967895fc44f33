"""Findings in plain language, where the ordinary sentence would mislead."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from photographs import noise
from planted_kernels import planted
from quick import CHEAP, small_nulls
from spoken import WITHOUT_NULL, judged

import viz
from viz.images.sets import open_images
from viz.views import COMPARISONS, VIEWS, Given, view
from viz.views._template.card import VIEW as TEMPLATE
from viz.views.wording import percent


@pytest.fixture(autouse=True, scope="module")
def quick():
    with small_nulls():
        yield


@pytest.mark.parametrize(
    "row", [row for row in VIEWS if row.sentence and row.images], ids=lambda row: row.name
)  # fmt: skip
def test_of_one_image_no_interval_is_said(row, small, tmp_path):
    taps = np.concatenate([planted(name, 5, 8) for name in ("edge", "blob+")])
    with torch.no_grad():
        for block in range(3):
            small.model.depthwise_kernels(block).copy_(torch.from_numpy(taps))
    noise(tmp_path, "0.png", size=(32, 36))
    given = Given(images=lambda: open_images(tmp_path, small.preprocessing, 3))
    text = row.sentence(row.measure(small, given, **CHEAP.get(row.name, {})))
    judged(text, null=row.name not in WITHOUT_NULL)
    assert "[" not in text and "interval" not in text


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


def test_shares_are_said_as_a_colleague_would():
    shares = (0, 0.0004, 0.003, 0.0149, 0.234, 0.99, 0.997, 1)
    said = ["none", "less than 0.1 %", "0.3 %", "1 %", "23 %", "99 %", "99.7 %", "all"]
    assert [percent(share) for share in shares] == said


def test_patch_filters_are_counted_beside_both_nulls(small):
    found = viz.views.patch_filters.measure.describe_checkpoint(small)
    said = view("patch-filters").sentence(found)
    noise = np.mean([k == "noise" for k in found.structure])
    assert f"and {round(16 * noise)} look like noise." in said
    assert f"explains {100 * np.median(found.r2_map):.0f} %" in said
    assert said.endswith("of white noise.")
    smooth = replace(found, smooth_null_r2_map=np.array([0.1, 0.54, 0.9]))
    said = view("patch-filters").sentence(smooth)
    assert said.endswith("and 54 % of random filters as smooth as these.")
