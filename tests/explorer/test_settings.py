"""The safe settings hold however the explorer is started."""

import socket
import tomllib
from pathlib import Path

import pytest
from browsing import free_port
from click.testing import CliRunner
from PIL import Image
from streamlit import config
from streamlit.testing.v1 import AppTest

from viz.cli import main
from viz.core.refusal import Refusal
from viz.explorer import launch
from viz.explorer.settings import OPTIONS, Start, flags, unsafe
from viz.explorer.text import facts, plain, said_here

ROOT = Path(__file__).parents[2]


def test_the_file_and_the_flags_say_the_same():
    tables = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert {f"{t}.{n}": v for t, rows in tables.items() for n, v in rows.items()} == OPTIONS


def test_every_option_is_one_of_streamlits():
    known = config.get_config_options()
    assert OPTIONS.keys() <= known.keys()
    assert not [name for name in OPTIONS if known[name].deprecated]


def test_unsafe_starts_are_named():
    assert "every network interface" in unsafe(None, ["localhost"], False)
    assert "any host name" in unsafe("127.0.0.1", [], False)
    assert "report usage" in unsafe("127.0.0.1", ["localhost"], True)


def test_the_app_refuses_to_run_unsafely(shipped, monkeypatch, small_file):
    shipped["small"] = small_file
    config.set_option("server.address", None)
    app = AppTest.from_file(launch.APP, default_timeout=1200).run()
    assert "viz explore" in app.error[0].value
    assert not app.title
    assert not app.selectbox


@pytest.fixture
def served(monkeypatch):
    """What streamlit would be started with; nothing is served."""
    seen = []
    monkeypatch.setenv("VIZ_EXPLORER", "")
    monkeypatch.setattr("streamlit.web.cli.main", lambda given, **kw: seen.extend(given))
    return seen


def test_launch_hands_over(served, small_file, tmp_path, monkeypatch):
    """Paths are made whole; a name of what is shipped stays as it is."""
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    (tmp_path / "ü x.npz").touch()
    given = {"images": ".", "sweep": "ü x.npz", "port": free_port(), "browser": False}
    assert launch.launch([small_file, "imagenette-p7"], **given) == 0
    assert served[:2] == ["run", str(launch.APP)]
    assert served[-4:] == ["--server.port", str(given["port"]), "--server.headless", "true"]
    assert set(flags()) <= set(served)
    names = (str(small_file), "imagenette-p7")
    assert Start.read() == Start(names, str(tmp_path), str(tmp_path / "ü x.npz"))


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"checkpoints": ["nowhere.pt"]}, "nowhere.pt: no such file"),
        ({"images": "nowhere"}, "nowhere: no such folder"), ({"port": 70000}, "no port 70000"),
        ({"sweep": "nowhere.npz"}, "nowhere.npz: no such file"),
        ({"sweep": __file__}, "give the folder of its images"),
    ],
)  # fmt: skip
def test_launch_refuses_what_is_not_there(served, wrong, word):
    with pytest.raises(Refusal, match=word):
        launch.launch(**wrong)


def explored(*arguments):
    """What the command answers."""
    done = CliRunner().invoke(main, ["explore", "--no-browser", *map(str, arguments)])
    return done.exit_code, done.stderr


def test_what_cannot_be_shown_is_refused_before_anything_is_served(served, small_file, tmp_path):
    bad = tmp_path / "bad.pth"
    bad.write_bytes(b"no weights")
    (tmp_path / "a.png").write_bytes(b"no image")
    for given, name in [((small_file, bad), "bad.pth"), (("--images", tmp_path), "a.png")]:
        code, said = explored(*given)
        assert name in said
        assert (code, said[:5], said.count("\n")) == (2, "viz: ", 1)
    assert not served
    assert explored(small_file) == (0, "")
    assert served


def test_a_port_in_use_is_refused(served):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        refused = (2, f"viz: port {port} is in use; choose another with --port.\n")
        assert explored("--port", port) == refused
        assert not served
    assert explored("--port", port) == (0, "")


def test_text_is_made_harmless():
    assert plain("a\n *b*") == "a \\*b\\*"
    assert plain("![x](http://e.com/x.png)").count("\\") == 11
    assert facts({"a": "<img src=x>", "empty": ""}) == "- a: **\\<img src\\=x\\>**"
    told = "say which with --activation (in Python activation=); give --mean, too"
    assert said_here(told) == "say which in Python, with activation=; give mean, too"
    assert "under “There”, on the left" in said_here(told, "There")
