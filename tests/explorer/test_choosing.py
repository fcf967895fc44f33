"""Choosing a checkpoint: shipped, given, uploaded, broken, hostile, or none at all."""

import pickle
import re
from pathlib import Path

import pytest

from viz.explorer import checkpoints
from viz.explorer.cache import cached
from viz.explorer.checkpoints import Opened

pytestmark = pytest.mark.usefixtures("undrawn")


def sentences(elements):
    return [re.sub(r"\\(.)", r"\1", e.value) for e in elements]


def upload(app, name, content):
    app.file_uploader[0].set_value((name, content, "application/octet-stream"))
    return app.run()


def options(app):
    """Return what can be chosen besides the official names."""
    found = next(s for s in app.selectbox if s.label == "Checkpoint").options
    rest = [name for name in found if not name.endswith(" (official)")]
    assert len(found) - len(rest) == 3
    return rest


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def test_nothing_to_open(open_app):
    app = open_app(given=())
    assert not app.error
    assert not app.exception
    sentence = sentences(app.info)[0]
    assert sentence.startswith("No checkpoint is shipped with this installation yet")
    assert app.file_uploader


def test_shipped_and_given(open_app, shipped, small_file, grey_file):
    shipped["photos"] = grey_file
    app = open_app(given=(small_file,))
    assert options(app) == ["small.safetensors", "photos"]
    app.selectbox[0].select("photos").run()
    assert app.query_params["checkpoint"] == "photos"
    assert app.title[0].value.replace("\\", "") == "grey.safetensors"


def test_two_files_of_one_name(open_app, tmp_path, small_file, grey_file):
    other = tmp_path / "small.safetensors"
    other.write_bytes(grey_file.read_bytes())
    app = open_app(given=(small_file, other), checkpoint="small.safetensors (2)")
    assert options(app) == ["small.safetensors", "small.safetensors (2)"]
    assert {m.label: m.value for m in app.metric}["dim"] == "12"


def test_a_given_file_that_is_none(open_app, tmp_path, small_file):
    broken = tmp_path / "notes.safetensors"
    broken.write_text("not weights")
    app = open_app(given=(broken, small_file))
    (sentence,) = sentences(app.error)
    assert "notes.safetensors" in sentence
    assert not app.exception
    app.selectbox[0].select("small.safetensors").run()
    assert not app.error
    assert app.metric


def test_upload_is_opened_and_left_nowhere(open_app, grey_file, scratch):
    app = upload(open_app("depthwise"), "mine.safetensors", grey_file.read_bytes())
    assert not app.error
    opened = app.session_state["viz opened"]
    assert opened.private
    assert opened.checkpoint.source.name == "mine.safetensors"
    assert opened.checkpoint.config.dim == 12
    address = app.query_params["checkpoint"]
    assert address == f"upload.{opened.checkpoint.source.sha256[:8]}.mine.safetensors"
    assert "mine.safetensors (uploaded)" in options(app)
    assert list(scratch.iterdir()) == []
    shell = next(c.value for c in app.code if c.language == "bash")
    assert shell.startswith("viz depthwise mine.safetensors -o ")


def test_a_broken_upload_does_not_close_a_good_one(open_app, grey_file):
    app = upload(open_app(), "mine.safetensors", grey_file.read_bytes())
    upload(app, "broken.pth", b"no weights at all")
    (sentence,) = sentences(app.error)
    assert sentence.startswith("broken.pth: ")
    assert sentence.endswith("Still open: mine.safetensors.")
    assert app.session_state["viz opened"].checkpoint.source.name == "mine.safetensors"
    assert "mine.safetensors (uploaded)" in options(app)


def test_a_removed_upload_is_forgotten(open_app, grey_file):
    app = upload(open_app(), "mine.safetensors", grey_file.read_bytes())
    app.file_uploader[0].set_value(None)
    app.run()
    assert not app.error
    assert options(app) == ["small.safetensors", "grey.safetensors"]
    assert "viz upload" not in app.session_state
    assert app.session_state["viz opened"].key == "small.safetensors"


def test_a_link_to_an_upload(open_app, grey_file):
    """Elsewhere it says what is missing; with the file uploaded it shows the same."""
    first = upload(open_app("depthwise", order="norm"), "mine.safetensors", grey_file.read_bytes())
    address = dict(first.query_params)
    app = open_app("depthwise", **address)
    (sentence,) = sentences(app.warning)
    assert "mine.safetensors" in sentence
    assert address["checkpoint"].split(".")[1] in sentence
    assert app.session_state["viz opened"].key == "small.safetensors"
    upload(app, "mine.safetensors", grey_file.read_bytes())
    assert dict(app.query_params) == address


def test_a_link_to_nothing(open_app):
    app = open_app(checkpoint="![x](http://example.com/x.png)")
    (sentence,) = sentences(app.warning)
    assert sentence.startswith("There is no checkpoint called ![x](http://example.com/x.png) here.")
    assert "![" not in app.warning[0].value.replace("\\!\\[", "")


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04", b"\x80\x02}q\x00."])
def test_a_broken_upload_leaves_the_app_usable(open_app, content, scratch):
    app = upload(open_app(), "broken.pth", content)
    (sentence,) = sentences(app.error)
    assert "broken.pth" in sentence
    assert str(scratch) not in sentence
    assert "viz-upload" not in sentence
    assert not app.exception
    assert app.session_state["viz opened"].key == "small.safetensors"
    assert app.metric
    assert list(scratch.iterdir()) == []


def test_a_hostile_upload_is_not_executed(open_app, tmp_path):
    mark = tmp_path / "executed"
    content = pickle.dumps({"state_dict": Bomb(mark)}, protocol=2)
    app = upload(open_app(), "model.pth", content)
    assert len(app.error) == 1
    assert not mark.exists()
    # The control: it would have done harm.
    pickle.loads(content)
    assert mark.exists()


def test_a_fault_of_the_program_is_not_called_bad_input(open_app, monkeypatch, caplog, grey_file):
    """It is told as what it is, without a traceback; the app goes on."""

    def broken(source):
        raise ValueError(f"a secret of {source}")

    app = open_app()
    monkeypatch.setattr(checkpoints, "_load", broken)
    upload(app, "mine.safetensors", grey_file.read_bytes())
    (sentence,) = sentences(app.error)
    assert sentence.startswith("mine.safetensors could not be read, and the fault is this program")
    assert "secret" not in sentence
    assert "secret" in caplog.text
    assert not app.exception
    assert app.metric
    app.file_uploader[0].set_value(None)
    app.selectbox[0].select("grey.safetensors").run()
    assert sentences(app.error)[0].startswith("This page could not be shown (ValueError: ")
    app.selectbox[0].select("small.safetensors").run()
    assert not app.error
    assert app.metric


def test_a_truncated_upload(open_app, small_file):
    app = upload(open_app(), "half.safetensors", small_file.read_bytes()[:5000])
    (sentence,) = sentences(app.error)
    assert sentence.startswith("half.safetensors")


def test_size_is_checked_in_code(monkeypatch, small_file):
    monkeypatch.setattr(checkpoints, "MAX_UPLOAD", 1)
    with pytest.raises(ValueError, match=r"large.pt: 2 MB found, at most 1 expected"):
        checkpoints.load_upload("large.pt", bytes((2 << 20) + 1))
    found = checkpoints.load_upload("small.safetensors", small_file.read_bytes())
    assert found.config.dim == 16


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd.pt", "passwd.pt"),
        ("C:\\models\\net.pth", "net.pth"),
        ("..", "upload"),
        ("", "upload"),
        ("a\x00b\n.pt", "a_b_.pt"),
        ("é" * 200 + ".safetensors", None),
    ],
)
def test_names_of_uploads_stay_in_their_folder(name, kept, small_file, scratch):
    found = checkpoints.load_upload(name, small_file.read_bytes())
    if kept is None:
        assert found.source.name.endswith("é.safetensors")
        assert len(found.source.name.encode()) <= 120
    else:
        assert found.source.name == kept
    assert list(scratch.iterdir()) == []


def test_temporary_folder_is_private(monkeypatch, small_file, scratch):
    seen = []

    def look(path):
        seen.append(Path(path).parent.stat().st_mode & 0o777)
        return "loaded"

    monkeypatch.setattr(checkpoints, "_load", look)
    assert checkpoints.load_upload("x.pt", b"1") == "loaded"
    assert seen == [0o700]


def test_cache_tells_apart_what_differs(small):
    from dataclasses import replace

    calls = []

    def measure(subject, **settings):
        calls.append((subject.source.name, settings))
        return object()

    shared = Opened("a", "a", small, False)
    first = cached(shared, measure, small, order="norm")
    assert cached(shared, measure, small, order="norm") is first
    assert cached(shared, measure, small, order="index") is not first
    renamed = replace(small, source=replace(small.source, name="other"))
    assert cached(shared, measure, renamed, order="norm") is not first
    other = replace(small, source=replace(small.source, sha256="1" * 64))
    assert cached(shared, measure, other, order="norm") is not first
    assert len(calls) == 4
