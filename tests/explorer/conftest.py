"""The explorer run without a browser, on small networks."""

import io
import json
import tempfile
from pathlib import Path

import pytest
import streamlit as st
import torch
from PIL import Image
from streamlit import config
from streamlit.components.v2.component_manager import BidiComponentManager
from streamlit.testing.v1 import AppTest
from visiting import go

from viz.explorer import checkpoints
from viz.explorer.settings import OPTIONS
from viz.network.convmixer import ConvMixer
from viz.network.saving import save_checkpoint

APP = Path(__file__).parents[2] / "viz" / "explorer" / "app.py"


@pytest.fixture(scope="session")
def grey_file(tmp_path_factory):
    """A checkpoint file of a network for one-channel input with an even kernel."""
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("grey") / "grey.safetensors"
    return save_checkpoint(ConvMixer(12, 2, 4, 3, 2, in_channels=1), path)


@pytest.fixture(scope="session")
def loaded():
    """What was loaded, by path: descriptions last as long as the network that they are of."""
    return {}


@pytest.fixture(autouse=True)
def safe(monkeypatch, loaded, tmp_path_factory):
    """Serve as `viz explore` does, from empty caches; few pixels save time."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    # Each app would look through all installed packages for components; ours come from no package.
    monkeypatch.setattr(
        BidiComponentManager, "discover_and_register_components", lambda self, **settings: None
    )
    load = checkpoints._load

    def once(source):
        if not Path(source).is_file():
            return load(source)
        stat = Path(source).stat()
        key = (str(source), stat.st_mtime_ns, stat.st_size)
        if key not in loaded:
            loaded[key] = load(source)
        return loaded[key]

    monkeypatch.setattr(checkpoints, "_load", once)
    monkeypatch.setattr("viz.explorer.sections._SCREEN_DPI", 40)
    # What is made on request is made, unless a test is about that.
    monkeypatch.setattr("viz.explorer.sections._is_open", lambda part: True)
    before = {name: config.get_option(name) for name in OPTIONS}
    for name, value in OPTIONS.items():
        config.set_option(name, value)
    yield
    for name, value in before.items():
        config.set_option(name, value)
    st.cache_resource.clear()


@pytest.fixture
def undrawn(monkeypatch):
    """No picture is drawn: for tests about what stands beside them. Returns what would be."""
    out, drawn = io.BytesIO(), []
    Image.new("L", (1, 1)).save(out, "PNG")

    def blank(result, draw, **settings):
        drawn.append(result)
        return out.getvalue()

    monkeypatch.setattr("viz.explorer.sections.png", blank)
    return drawn


@pytest.fixture
def shipped(monkeypatch):
    """Decide what is shipped: nothing, unless a test adds to it."""
    found = {}
    monkeypatch.setattr("viz.network.zoo.shipped_checkpoints", lambda: found)
    return found


@pytest.fixture
def open_app(shipped, monkeypatch, small_file, grey_file):
    """Open a page of the explorer, by default on the small networks."""

    def opened(view=None, *, given=(small_file, grey_file), folder=None, sweep=None, **address):
        start = {
            "checkpoints": list(map(str, given)),
            "images": folder and str(folder),
            "sweep": sweep and str(sweep),
        }
        monkeypatch.setenv("VIZ_EXPLORER", json.dumps(start))
        app = AppTest.from_file(APP, default_timeout=1200)
        for name, value in address.items():
            app.query_params[name] = value
        if view is not None:
            go(app, view)
        return app.run()

    return opened


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """The folder in which temporary files are made."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture(scope="module")
def chromium():
    from browsing import launched

    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def visits(chromium, url):
    from browsing import visiting

    with visiting(chromium, url) as made:
        yield made


@pytest.fixture
def visit(visits):
    with visits() as opened:
        yield opened
