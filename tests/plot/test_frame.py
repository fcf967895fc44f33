"""The frame of figures: long names, the note's height, a sentence in a figure's place."""

import pytest

from viz.plot.frame import shortened


@pytest.mark.parametrize(
    ("name", "letters", "expected"),
    [
        ("photos-p7", 12, "photos-p7"),
        ("abcdefghijklmnopqrst", 12, "abcdef…pqrst"),
        ("abcdefghijklmnopqrst", 3, "abcdef…pqrst"),
        ("abcdefghijklmnopqrst", 20, "abcdefghijklmnopqrst"),
        ("photos-p7.safetensors", 12, "photos-p7"),
        ("a-name-as-long.as-it-is", 12, "a-name…it-is"),
        (".safetensors-and-more", 12, ".safet…-more"),
    ],
)
def test_long_names_keep_both_ends(name, letters, expected):
    assert shortened(name, letters) == expected
