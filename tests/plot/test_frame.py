"""What figures are put together from: long names, panels, keys, a sentence in a figure's place."""

import pytest
from readable import unreadable

from viz.plot.frame import colour_key, nothing, shortened
from viz.plot.style import ONE_COLUMN, SIGNED, new_figure


@pytest.mark.parametrize(
    ("name", "letters", "expected"),
    [
        ("abcdefghijklmnopqrst", 3, "abcdef…pqrst"),
        ("abcdefghijklmnopqrst", 20, "abcdefghijklmnopqrst"),
        ("some-p7.safetensors", 12, "some-p7"),
        (".safetensors-and-more", 12, ".safet…-more"),
    ],
)
def test_long_names_keep_both_ends(name, letters, expected):
    assert shortened(name, letters) == expected


def test_a_sentence_stands_in_a_figures_place():
    figure = new_figure(ONE_COLUMN, 1.5, dpi=100)
    axes = nothing(figure, "There is nothing to be seen here, because of that.")
    assert axes.texts[0].get_text().replace("\n", " ").endswith("because of that.")
    assert unreadable(figure) == []


def test_the_key_runs_from_blue_to_red_with_white_at_zero():
    figure = new_figure(ONE_COLUMN, 1, dpi=100)
    axes = colour_key(figure, (1.0, 0.5, 1.2), "0.3")
    assert [t.get_text() for t in axes.get_xticklabels()] == ["−0.3", "0", "+0.3"]
    image = axes.get_images()[0]
    assert image.get_cmap() == SIGNED and image.get_extent()[:2] == [-1, 1]
    ramp = image.to_rgba(image.get_array())[0]
    assert ramp[0, 2] > ramp[0, 0] and ramp[-1, 0] > ramp[-1, 2]
    assert ramp[len(ramp) // 2, :3].min() == 1
    assert unreadable(figure) == []
