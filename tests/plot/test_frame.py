"""The frame of figures: long names, the note's height, a sentence in a figure's place."""

import pytest
from readable import unreadable

from viz.plot.frame import foot, heading, nothing, one_column, panel_boxes, shortened
from viz.plot.style import ONE_COLUMN, TEXT, TITLE, TWO_COLUMNS, new_figure


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


def test_a_title_is_smaller_where_a_usual_name_would_be_cut():
    for name, size in (("convmixer_768_32.safetensors", TEXT), ("a.pth", TITLE)):
        figure = new_figure(ONE_COLUMN, 3, dpi=100)
        heading(figure, name, "depthwise kernels by depth", "")
        assert figure.texts[0].get_text() == f"{name} · depthwise kernels by depth"
        assert figure.texts[0].get_fontsize() == size
        assert unreadable(figure) == []


def test_a_title_too_long_for_a_line_is_wrapped():
    figure = new_figure(ONE_COLUMN, 3, dpi=100)
    words = "a title of more words than a single line of a column holds"
    above, _ = heading(figure, "name", words, "")
    assert unreadable(figure) == []
    title = figure.texts[0]
    assert title.get_text().replace("\n", " ") == f"name · {words}"
    assert 3 - title.get_window_extent().y0 / 100 <= above
    assert above > heading(new_figure(TWO_COLUMNS, 3), "name", "a title", "")[0]


@pytest.mark.parametrize("words", [3, 200])
def test_one_column_is_as_tall_as_its_note_needs(words):
    note, seen = "word " * words, []

    def draw(result, figure):
        _, below = heading(figure, "name", result, note)
        seen.append(figure.get_figheight() - below)

    figure = one_column(draw, "title", 2.0)
    assert figure.get_figwidth() == ONE_COLUMN
    assert seen[-1] == pytest.approx(2)


def test_panels_stand_side_by_side_or_below_one_another():
    sizes = {"left": 0.5, "beside": 0.4, "between": 0.3, "right": 0.1}
    one, two = panel_boxes(TWO_COLUMNS, (1.0, 2.0), 2, **sizes)
    assert one[1] == two[1] == 1 and one[3] == two[3] == 1
    assert one[0] == 0.5 and two[0] == pytest.approx(one[0] + one[2] + 0.4)
    assert two[0] + two[2] == pytest.approx(TWO_COLUMNS - 0.1)
    one, two = panel_boxes(ONE_COLUMN, (1.0, 2.0), 2, **sizes)
    assert one[0] == two[0] == 0.5 and one[0] + one[2] == pytest.approx(ONE_COLUMN - 0.1)
    assert two[1] == 1 and one[1] == pytest.approx(two[1] + two[3] + 0.3)
    assert one[1] + one[3] == pytest.approx(2)


def test_a_sentence_stands_in_a_figures_place():
    figure = new_figure(ONE_COLUMN, 1.5, dpi=100)
    axes = nothing(figure, "name", "title", "There is nothing to be seen here, because of that.")
    assert axes.texts[0].get_text().replace("\n", " ").endswith("because of that.")
    assert unreadable(figure) == []
