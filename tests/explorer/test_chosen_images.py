"""Images: the default ones, a folder given at the start, uploads; their results and their links."""

import hashlib
import os
import re
import shutil

import pytest
from visiting import picture, sentences

from viz.explorer import images as chosen
from viz.explorer.cache import store
from viz.images.sets import default_images
from viz.views.feature_maps.result import FeatureMaps

pytestmark = pytest.mark.usefixtures("undrawn")


def sha(content):
    return hashlib.sha256(content).hexdigest()


def upload(app, *files):
    app.file_uploader(key="viz image files").set_value(
        [(name, content, "image/png") for name, content in files]
    )
    return app.run()


def results(kept):
    """Return the images behind the feature maps kept, newest first."""
    values = [value for value, _ in reversed(kept._kept.values())]
    found = [v.value for v in values if isinstance(getattr(v, "value", None), FeatureMaps)]
    return [dict(result.source.images) for result in found]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(chosen, "_FRESH", 0.0)
    found = tmp_path / "pictures"
    found.mkdir()
    for name in ("a.png", "b.png"):
        (found / name).write_bytes(picture(ord(name[0])))
    return found


def test_a_folder_given_at_the_start(open_app, folder):
    """What changed in it is shown anew; the photographs can be chosen instead."""
    app = open_app("feature_maps", folder=folder)
    assert app.query_params["images"] == "folder.pictures"
    first = {name: sha((folder / name).read_bytes()) for name in ("a.png", "b.png")}
    assert results(store(False)) == [first]
    app.run()
    assert len(results(store(False))) == 1
    (folder / "b.png").write_bytes(picture(77) + b"more")
    app.run()
    second = {**first, "b.png": sha((folder / "b.png").read_bytes())}
    assert results(store(False)) == [second, first]
    next(s for s in app.selectbox if s.label == "Images").select("photographs").run()
    assert app.query_params["images"] == "photographs"
    wanted = {path.name: sha(path.read_bytes()) for path in default_images()}
    assert results(store(False))[0] == wanted


def test_names_that_are_no_text_do_not_close_the_folder(folder):
    (folder / os.fsdecode(b"\xff.png")).write_bytes(picture(3))
    names, stamp = chosen._stamp(str(folder))
    assert set(names) == {"a.png", "b.png", r"\xff.png"}
    (folder / os.fsdecode(b"\xff.png")).write_bytes(picture(4) + b"more")
    assert chosen._stamp(str(folder))[1] != stamp


def test_what_cannot_be_read_is_told_on_the_page(open_app, folder):
    (folder / "broken.png").write_bytes(picture(1)[:60])
    app = open_app("feature_maps", folder=folder)
    (sentence,) = sentences(app.warning)
    assert sentence.startswith("1 of 3 images skipped: broken.png: ")
    assert not app.error
    assert set(results(store(False))[0]) == {"a.png", "b.png"}


def test_a_folder_that_has_gone(open_app, folder):
    app = open_app("feature_maps", folder=folder)
    shutil.rmtree(folder)
    app.run()
    assert "no such file or folder" in sentences(app.warning)[0]
    assert not app.error
    assert app.query_params["images"] == "photographs"


def test_uploads_are_used_and_left_nowhere(open_app, scratch):
    """Kept with the session alone; a copied link tells elsewhere what is missing."""
    app = open_app("feature_maps")
    before = results(store(False))
    files = (("b.png", picture(2)), ("a.png", picture(1)), ("../../b.png", picture(3)))
    upload(app, *files)
    assert not app.error
    assert not app.warning
    wanted = {"a.png": sha(picture(1)), "b.png": sha(picture(2)), "b (2).png": sha(picture(3))}
    assert results(app.session_state["viz store"]) == [wanted]
    assert results(store(False)) == before
    assert list(scratch.iterdir()) == []
    address = dict(app.query_params)
    assert re.fullmatch(r"upload\.[0-9a-f]{8}", address["images"])
    assert "images=['images/a.png', " in app.code[0].value

    other = open_app("feature_maps", **address)
    (sentence,) = sentences(other.warning)
    assert sentence.startswith("This link shows uploaded images (the sha256 of all begins with ")
    assert address["images"].split(".")[1] in sentence
    upload(other, *reversed(files))
    assert dict(other.query_params)["images"] != ""
    assert not other.warning

    app.file_uploader(key="viz image files").set_value([])
    app.run()
    assert app.query_params["images"] == "photographs"


def test_uploads_are_checked_in_code(scratch, monkeypatch):
    monkeypatch.setattr(chosen, "MAX_IMAGE_UPLOAD", 1)
    monkeypatch.setattr(chosen, "MAX_IMAGES", 6)
    huge = b"P6 60000 60000 255\n"
    files = [
        ("good.png", picture(0)), ("large.png", bytes((1 << 20) + 1)), ("huge.ppm", huge),
        ("text.png", b"no image at all"), ("page.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n"),
        ("x\x00/../..", picture(0)), ("seventh.png", picture(0)),
    ]  # fmt: skip
    good, refused = chosen.check_uploads(files)
    assert [name for name, _ in good] == ["good.png"]
    assert refused[0] == "7 images found: the first 6 are taken."
    names = ("large.png", "huge.ppm", "text.png", "page.eps", "upload")
    for sentence, name in zip(refused[1:], names, strict=True):
        assert sentence.startswith(f"{name}: ")
        assert sentence.endswith(".")
        assert str(scratch) not in sentence
    assert list(scratch.iterdir()) == []


def test_a_bad_upload_leaves_the_page_usable(open_app):
    app = upload(open_app("feature_maps"), ("![x](http:).png", b"no image"))
    assert not app.error
    assert len(sentences(app.warning)) == 1
    assert "![" not in app.warning[0].value
    assert app.query_params["images"] == "photographs"


@pytest.mark.parametrize(
    ("wish", "word"),
    [("folder.holidays", "upload its images on the left"), ("<b>", "no images called <b> here")],
)
def test_links_to_images_that_are_not_here(open_app, wish, word):
    app = open_app("feature_maps", images=wish)
    (sentence,) = sentences(app.warning)
    assert word in sentence
    assert sentence.endswith("Shown instead: scikit-learn's two photographs.")


def test_a_sweep_given_at_the_start_is_of_the_whole_folder(open_app, folder, small, tmp_path):
    """Of another checkpoint it is told, and the chosen images are looked at instead."""
    from viz.images.sets import open_images
    from viz.sweep.run import sweep_images
    from viz.sweep.tally import Settings

    for number in range(9):
        (folder / f"{number}.png").write_bytes(picture(number))
    everything = open_images(folder, small.preprocessing)
    settings = Settings(("sparsity", "classes"), field_images=0)
    file = tmp_path / "sweep.npz"
    sweep_images(small, everything, settings=settings).save(file)
    app = open_app("selectivity", folder=folder, sweep=file, checkpoint="small.safetensors")
    assert not app.info
    assert "Of the sweep sweep.npz of the whole folder." in sentences(app.caption)
    assert any("On 11 images" in s for s in sentences(app.markdown))
    app = open_app("selectivity", folder=folder, sweep=file, checkpoint="grey.safetensors")
    assumed, unfit = sentences(app.info)
    assert "pixels are assumed" in assumed
    assert "checkpoint" in unfit
    assert any("On 8 images" in s for s in sentences(app.markdown))
