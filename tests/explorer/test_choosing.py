"""Choosing a checkpoint: shipped, given, uploaded, broken, hostile, or none at all."""

from pathlib import Path
from uuid import uuid4

import pytest
from visiting import fine, is_overview, sentences

from viz.explorer import checkpoints, uploads
from viz.explorer.cache import cached
from viz.explorer.checkpoints import Opened

pytestmark = pytest.mark.usefixtures("undrawn")


def upload(app, *files):
    """Add files to those uploaded: the browser names each of them once and for all."""
    here = app.file_uploader[0]
    added = [(str(uuid4()), *file, "application/octet-stream") for file in files]
    here._files = [*here._get_files_to_register(), *added]
    return app.run()


def remove(app, name):
    """Press the x of a file."""
    here = app.file_uploader[0]
    kept = [file for file in here._get_files_to_register() if file[1] != name]
    here._files = kept or None
    return app.run()


def others(small_file, count):
    """Return checkpoints that differ in what is remembered of them."""
    from safetensors.torch import load_file, save

    weights = load_file(small_file)
    return [save(weights, {"number": str(number)}) for number in range(count)]


def options(app):
    """Return what can be chosen besides the official names."""
    found = next(s for s in app.selectbox if s.label == "Checkpoint").options
    rest = [name for name in found if not name.endswith(" (official)")]
    assert len(found) - len(rest) == 3
    return rest


def test_shipped_and_given_and_two_of_one_name(open_app, shipped, tmp_path, small_file, grey_file):
    shipped["photos"] = grey_file
    other = tmp_path / "small.safetensors"
    other.write_bytes(grey_file.read_bytes())
    app = open_app(given=(small_file, other), checkpoint="small.safetensors (2)")
    assert options(app) == ["small.safetensors", "small.safetensors (2)", "photos"]
    assert app.session_state["viz opened"].checkpoint.config.dim == 12
    app.selectbox[0].select("photos").run()
    assert app.query_params["checkpoint"] == "photos"
    assert app.title[0].value.replace("\\", "") == "grey.safetensors"


def test_a_given_file_that_is_none(open_app, tmp_path, small_file):
    broken = tmp_path / "notes.safetensors"
    broken.write_text("not weights")
    app = open_app(given=(broken, small_file))
    (sentence,) = sentences(app.error)
    assert "notes.safetensors" in sentence
    app.selectbox[0].select("small.safetensors").run()
    assert fine(app)
    assert is_overview(app)


def test_upload_is_opened_and_left_nowhere(open_app, grey_file, scratch):
    app = upload(open_app("kernels"), ("mine.safetensors", grey_file.read_bytes()))
    assert not app.error
    opened = app.session_state["viz opened"]
    assert opened.private
    assert opened.checkpoint.source.name == "mine.safetensors"
    assert opened.checkpoint.config.dim == 12
    address = app.query_params["checkpoint"]
    assert address == f"upload.{opened.checkpoint.source.sha256[:8]}.mine.safetensors"
    assert "mine.safetensors (uploaded)" in options(app)
    assert list(scratch.iterdir()) == []
    assert "viz.load('mine.safetensors')" in app.code[0].value


def test_a_removed_upload_is_forgotten(open_app, grey_file):
    """With what was made from it; of two it is the other that stays."""
    app = upload(open_app("kernels"), ("mine.safetensors", grey_file.read_bytes()))
    digest = app.session_state["viz opened"].checkpoint.source.sha256
    made = app.session_state["viz store"]._kept
    assert any(digest in key for key in made)
    remove(app, "mine.safetensors")
    assert not app.error
    assert options(app) == ["small.safetensors", "grey.safetensors"]
    assert app.session_state["viz opened"].key == "small.safetensors"
    assert not any(digest in key for key in made)
    assert not app.session_state["viz uploads"].good


def test_uploads_are_bounded(open_app, small_file, monkeypatch):
    """A fifth is told to wait, and is read once there is room for it; so in megabytes."""
    files = [(f"{n}.safetensors", each) for n, each in enumerate(others(small_file, 5))]
    app = upload(open_app(), *files)
    (sentence,) = sentences(app.error)
    assert sentence.startswith("4.safetensors is not opened: 4 uploads are open already")
    assert options(app)[2:] == [f"{n}.safetensors (uploaded)" for n in range(4)]
    remove(app, "1.safetensors")
    assert not app.error
    assert options(app)[2:] == [f"{n}.safetensors (uploaded)" for n in (0, 2, 3, 4)]
    assert app.session_state["viz opened"].checkpoint.source.name == "4.safetensors"
    monkeypatch.setattr(uploads, "MAX_HELD", 0)
    app = upload(open_app(), *files[:2])
    (sentence,) = sentences(app.error)
    assert sentence.startswith("1.safetensors is not opened: with it the uploads would take 0 MB")
    assert options(app)[2:] == ["0.safetensors (uploaded)"]


def test_a_link_to_an_upload(open_app, grey_file):
    """Elsewhere it says what is missing; with the file uploaded it shows the same."""
    first = upload(open_app("kernels", order="norm"), ("mine.safetensors", grey_file.read_bytes()))
    address = dict(first.query_params)
    app = open_app("kernels", **address)
    (sentence,) = sentences(app.warning)
    assert "mine.safetensors" in sentence
    assert address["checkpoint"].split(".")[1] in sentence
    assert app.session_state["viz opened"].key == "small.safetensors"
    upload(app, ("mine.safetensors", grey_file.read_bytes()))
    assert dict(app.query_params) == address


def test_a_link_to_nothing(open_app):
    app = open_app(checkpoint="![x](http://example.com/x.png)")
    (sentence,) = sentences(app.warning)
    assert sentence.startswith("There is no checkpoint called ![x](http://example.com/x.png) here.")
    assert "![" not in app.warning[0].value.replace("\\!\\[", "")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04"])
def test_a_broken_upload_leaves_the_app_usable(open_app, content, scratch):
    app = upload(open_app(), ("broken.pth", content))
    (sentence,) = sentences(app.error)
    assert "broken.pth" in sentence
    assert str(scratch) not in sentence
    assert "viz-upload" not in sentence
    assert not app.exception
    assert app.session_state["viz opened"].key == "small.safetensors"
    assert is_overview(app)
    assert list(scratch.iterdir()) == []


def test_a_fault_of_the_program_is_not_called_bad_input(open_app, monkeypatch, caplog, grey_file):
    """It is told as what it is, without a traceback; the app goes on."""

    def broken(source):
        raise ValueError(f"a secret of {source}")

    app = open_app()
    monkeypatch.setattr(checkpoints, "_load", broken)
    upload(app, ("mine.safetensors", grey_file.read_bytes()))
    (sentence,) = sentences(app.error)
    assert sentence.startswith("mine.safetensors could not be read, and the fault is this program")
    assert "secret" not in sentence
    assert "secret" in caplog.text
    assert not app.exception
    assert is_overview(app)
    remove(app, "mine.safetensors")
    app.selectbox[0].select("grey.safetensors").run()
    assert sentences(app.error)[0].startswith("This page could not be shown (ValueError: ")
    app.selectbox[0].select("small.safetensors").run()
    assert not app.error
    assert is_overview(app)


def test_size_is_checked_in_code(monkeypatch, small_file):
    monkeypatch.setattr(uploads, "MAX_UPLOAD", 1)
    with pytest.raises(ValueError, match=r"large.pt: 2 MB found, at most 1 expected"):
        uploads.load_upload("large.pt", bytes((2 << 20) + 1), checkpoints._load)
    found = uploads.load_upload("small.safetensors", small_file.read_bytes(), checkpoints._load)
    assert found.config.dim == 16


@pytest.mark.parametrize(
    ("name", "kept"),
    [("../../etc/passwd.pt", "passwd.pt"), ("C:\\models\\net.pth", "net.pth"), ("..", "upload"),
     ("", "upload"), ("a\x00b\n.pt", "a_b_.pt"), ("é" * 200 + ".safetensors", None)],
)  # fmt: skip
def test_names_of_uploads_stay_in_their_folder(name, kept, small_file, scratch):
    found = uploads.load_upload(name, small_file.read_bytes(), checkpoints._load)
    if kept is None:
        assert found.source.name.endswith("é.safetensors")
        assert len(found.source.name.encode()) <= 120
    else:
        assert found.source.name == kept
    assert list(scratch.iterdir()) == []


def test_temporary_folder_is_private(scratch):
    seen = []

    def look(path):
        seen.append(Path(path).parent.stat().st_mode & 0o777)
        return "loaded"

    assert uploads.load_upload("x.pt", b"1", look) == "loaded"
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
