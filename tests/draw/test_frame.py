"""The frame of figures: long names, the note's height, a sentence in a figure's place."""

import pytest
from readable import unreadable

from viz.draw.frame import foot, heading, nothing, shortened
from viz.draw.style import ONE_COLUMN, new_figure


@pytest.mark.parametrize(
    ("name", "letters", "expected"),
    [
        ("photos-p7", 12, "photos-p7"),
        ("abcdefghijklmnopqrst", 12, "abcdef…pqrst"),
        ("abcdefghijklmnopqrst", 3, "abcdef…pqrst"),
        ("abcdefghijklmnopqrst", 20, "abcdefghijklmnopqrst"),
    ],
)
def test_long_names_keep_both_ends(name, letters, expected):
    assert shortened(name, letters) == expected


def test_a_heading_fits_and_takes_the_room_it_says():
    figure = new_figure(ONE_COLUMN, 3, dpi=100)
    note = "word " * 60
    _, below = heading(figure, "n" * 200 + ".pth", "a title of some length", note)
    assert below == foot(note, ONE_COLUMN)
    assert unreadable(figure) == []
    figure.canvas.draw()
    title, *lines = figure.texts
    assert title.get_text().endswith(".pth · a title of some length")
    assert " ".join(t.get_text() for t in reversed(lines)).split() == note.split()
    top = max(t.get_window_extent().y1 for t in lines) / 100
    assert top <= below


def test_a_sentence_stands_in_a_figures_place():
    figure = new_figure(ONE_COLUMN, 1.5, dpi=100)
    axes = nothing(figure, "name", "title", "There is nothing to be seen here, because of that.")
    assert axes.texts[0].get_text().replace("\n", " ").endswith("because of that.")
    assert unreadable(figure) == []
