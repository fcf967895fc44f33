"""Other people's settings for torch and matplotlib change neither numbers nor figures."""

import contextlib
import functools
import os

import matplotlib as mpl
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from quick import CHEAP, small_nulls

import viz
from viz.cli import main
from viz.images.sets import open_images
from viz.network.checkpoint import adapted
from viz.plot.style import save_figure
from viz.views import Given, view


@contextlib.contextmanager
def default(dtype):
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


SETTINGS = {"float64": lambda: default(torch.float64), "inference": torch.inference_mode}


@functools.cache
def measured(small_file, name, setting=""):
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float32)
    checkpoint = adapted(viz.load(small_file), image_size=32)
    given = Given(lambda: open_images(x, checkpoint.preprocessing, 3))
    result = view(name).measure(checkpoint, given, **CHEAP.get(name, {}))
    return {k: v for k, v in vars(result).items() if isinstance(v, np.ndarray)}


@pytest.mark.parametrize("name", ["receptive-field", "attribution", "feature-maps"])
@pytest.mark.parametrize("setting", sorted(SETTINGS))
def test_settings_of_torch_change_no_number(small_file, name, setting):
    plain = measured(small_file, name)
    with SETTINGS[setting]():
        changed = measured(small_file, name, setting)
    assert plain.keys() == changed.keys()
    for key, value in plain.items():
        if value.dtype.kind in "fiub":
            np.testing.assert_allclose(changed[key], value, rtol=1e-4, atol=1e-6, equal_nan=True)


def test_a_matplotlibrc_changes_no_figure(small_file, tmp_path):
    row = view("patch-filters")
    with small_nulls():
        result = row.measure(viz.load(small_file), Given())
    save_figure(row.figures[0].make(result), tmp_path / "a.png")
    theirs = {"text.usetex": True, "font.size": 40, "axes.grid": True, "figure.facecolor": "red",
              "image.cmap": "jet", "savefig.bbox": "tight"}  # fmt: skip
    with mpl.rc_context(theirs):
        save_figure(row.figures[0].make(result), tmp_path / "b.png")
        assert mpl.rcParams["text.usetex"] and mpl.rcParams["font.size"] == 40
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_characters_that_the_figures_font_lacks_come_from_another_or_are_told():
    from matplotlib.font_manager import findfont, get_font
    from matplotlib.text import Text

    from viz.plot.frame import nothing
    from viz.plot.style import LACKING, new_figure, own_style, printable

    sans, other = (get_font(findfont(n)).get_charmap() for n in ("DejaVu Sans", "STIXGeneral"))
    there = next(chr(c) for c in sorted(other, reverse=True) if c not in sans)
    assert printable(f"a{there}b") == f"a{there}b"
    with own_style():
        figure = new_figure(4, 2)
        nothing(figure, printable(f"a{there}b.pth"))
    families = [text.get_fontfamily() for text in figure.findobj(Text) if there in text.get_text()]
    assert families and len(families[0]) > 2
    figure.canvas.draw()
    gone = "\U0010fffe"
    assert printable(gone) == LACKING


def test_a_notebooks_backend_does_not_matter(small_file, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "module://no_such_notebook.backend")
    assert CliRunner().invoke(main, ["info", str(small_file)]).exit_code == 0
    assert os.environ["MPLBACKEND"] == "agg"
