"""The style of figures: their font, and colours that are not those of signs."""

import colorsys

import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib.colors import to_rgb
from quick import small_nulls

from viz.cli import main
from viz.plot import style
from viz.plot.mosaic import framed
from viz.views.kernels.colours import NAME_COLOURS
from viz.views.patch_filters.draw_kinds import KIND_STYLES


def test_figures_have_the_font_that_comes_with_the_package(tmp_path):
    with style.own_style():
        figure = style.new_figure(2, 1)
        figure.text(0.1, 0.5, "1.5 ± 0.2, −3 × 10 %")
    path = style.save_figure(figure, tmp_path / "a.pdf")
    fonts = path.read_bytes()
    assert b"Roboto" in fonts and b"DejaVu" not in fonts
    assert b"/Type3" not in fonts.replace(b" ", b"")


def test_another_font_can_be_asked_for(monkeypatch, tmp_path, small_file):
    monkeypatch.setattr(style, "_FAMILIES", list(style._FAMILIES))
    words = ["patch-filters", small_file, "-o", tmp_path / "a.pdf", "--font", "STIXGeneral"]
    with small_nulls():
        done = CliRunner().invoke(main, list(map(str, words)))
    assert done.exit_code == 0, done.output
    assert b"STIX" in (tmp_path / "a.pdf").read_bytes()


COLOURS = {
    "orange": style.ORANGE,
    "teal": style.TEAL,
    "purple": style.PURPLE,
    "grey": style.GREY,
    **NAME_COLOURS,
    **{kind: each.colour for kind, each in KIND_STYLES.items()},
}
SIGNED = ("blob+", "blob-", "on-centre", "off-centre")
"""Names that have a sign have a colour of its side."""


@pytest.mark.parametrize("name", [name for name in COLOURS if name not in SIGNED])
def test_red_and_blue_mean_signs_alone(name):
    hue, _, saturation = colorsys.rgb_to_hls(*to_rgb(COLOURS[name]))
    degrees = 360 * hue
    assert saturation < 0.1 or 12 < degrees < 190 or 250 < degrees < 335


def luminance(colour):
    """Relative luminance, as the Web Content Accessibility Guidelines define it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_dark_page_is_legible_and_keeps_hues():
    """What is drawn stands out from the page by 3 to 1 at least; pictures stay as they are."""
    hues = (style.ORANGE, style.TEAL, style.PURPLE)
    with style.own_style(), style.dark_style():
        figure = style.new_figure()
        axes = figure.add_subplot()
        lines = [axes.plot([0, 1], color=colour)[0] for colour in (*hues, "black", style.INK)]
        axes.bar([0], [1], color="white", edgecolor="black")
        picture = axes.imshow([[0.0, 1.0]])
        text = axes.set_xlabel("label")
        style.darken(figure)
        page = luminance([c / 255 for c in style.page_colour()])
        frame = framed(np.zeros((1, 2, 2, 3), np.uint8), ["#000000"], 1, 1)[0, 0, 0] / 255
    assert style.page_colour() == (255, 255, 255)
    assert luminance(figure.get_facecolor()[:3]) == pytest.approx(page, abs=1e-6)
    assert luminance(axes.patches[0].get_facecolor()[:3]) == pytest.approx(page, abs=1e-6)
    tick = axes.get_xticklabels()[0]
    drawn = [*(line.get_color() for line in lines), text.get_color(), tick.get_color(), frame]
    for colour in drawn:
        assert (luminance(colour[:3]) + 0.05) / (page + 0.05) > 3
    for line, colour in zip(lines, hues, strict=False):
        hue = colorsys.rgb_to_hls(*to_rgb(colour))[0]
        assert colorsys.rgb_to_hls(*line.get_color()[:3])[0] == pytest.approx(hue, abs=0.02)
    assert picture.get_array().tolist() == [[0.0, 1.0]]
