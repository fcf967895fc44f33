"""Small networks that every test may use."""

import gc
from pathlib import Path
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pytest
import torch

from viz.core.network import Preprocessing
from viz.network.convmixer import ConvMixer
from viz.network.saving import save_checkpoint

mpl.use("agg")

_STARTS = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}
_INCH = 72


def pytest_collection_finish():
    """What is imported and collected stays; full collections, of all there is, are made rarer."""
    gc.collect()
    gc.freeze()
    first, second, third = gc.get_threshold()
    gc.set_threshold(first, second, max(third, 40))


@pytest.fixture(scope="session")
def small_file(tmp_path_factory):
    """A checkpoint file of a 16-dim, 3-block network with four named classes."""
    torch.manual_seed(0)
    network = ConvMixer(16, 3, 5, 4, 4).eval()
    path = tmp_path_factory.mktemp("small") / "small.safetensors"
    return save_checkpoint(
        network,
        path,
        preprocessing=Preprocessing(32, 1.0, interpolation="bilinear", known="the file"),
        classes=("ant", "bee", "cat", "dog"),
    )


@pytest.fixture
def small(small_file):
    """That network, loaded."""
    from viz.network.checkpoint import load

    return load(small_file)


@pytest.fixture
def planted_bank():
    """A stand-in for a checkpoint whose every weight tells where it stands."""
    torch.manual_seed(0)
    network = ConvMixer(10, 3, 5, 4, 2)
    from viz.core.network import Source

    with torch.no_grad():
        for b in range(3):
            values = torch.arange(10.0)[:, None, None] + 100 * b
            network.depthwise_kernels(b).copy_(values + torch.arange(25.0).view(5, 5) / 100)
        network.patch_filters.copy_(torch.linspace(-1, 1, 480).view(10, 3, 4, 4))
    return SimpleNamespace(
        model=network, config=network.config, source=Source(name="planted", sha256="0" * 64)
    )


@pytest.fixture
def rng():
    """A seeded numpy generator."""
    return np.random.default_rng(0)


def _stub(figure, path, *, force=False):
    """Save a figure as a file of its kind without ink; a report draws it for its page."""
    path = Path(path)
    if path.suffix == ".pdf":
        from pypdf import PdfWriter

        blank = PdfWriter()
        blank.add_blank_page(*(_INCH * figure.get_size_inches()))
        blank.write(path)
    elif path.suffix == ".png":
        from PIL import Image

        Image.new("RGB", (8, 8), "white").save(path)
    else:
        path.write_bytes(_STARTS[path.suffix])
    return path


@pytest.fixture(scope="session")
def stub_save():
    """Stands in for `save_figure` where a report's files, not its figures' ink, are tested."""
    return _stub


@pytest.fixture
def bare_figures(monkeypatch):
    """Reports draw their figures for the page alone; the files beside it are stubs."""
    for module in ("sections", "folder"):
        monkeypatch.setattr(f"viz.report.{module}.save_figure", _stub)


@pytest.fixture(scope="session")
def whole(small_file, tmp_path_factory):
    """A report of every view of a network with an odd name: its folder, sections and name."""
    from dataclasses import replace
    from functools import partial

    from quick import CHEAP, small_nulls

    from viz.network.checkpoint import load
    from viz.report.build import build
    from viz.views import VIEWS

    rows = [replace(r, measure=partial(r.measure, **CHEAP.get(r.name, {}))) for r in VIEWS]
    small = load(small_file)
    name = r"<img src=x>漢字 50%_$x^{a}\\#&~" + "x" * 80 + ".pth"
    odd = replace(small, source=replace(small.source, name=name))
    folder = tmp_path_factory.mktemp("whole") / "report"
    with small_nulls(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("viz.report.sections.PAGE_DPI", 40)
        patch.setattr("viz.report.sections.save_figure", _stub)
        sections = build(odd, folder, views=rows, formats=(".pdf",))
    return SimpleNamespace(folder=folder, sections=sections, name=name)
