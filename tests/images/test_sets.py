"""Sets of images: what is read, in which order, and what is said of what cannot be."""

import hashlib

import numpy as np
import pytest
import torch
from photographs import noise
from PIL import Image

from viz.core.network import Preprocessing
from viz.images.reading import ImageError, prepare
from viz.images.sets import open_images

PRE = Preprocessing(16, 1.0, (0.4, 0.5, 0.6), (0.2, 0.3, 0.4))


@pytest.fixture
def folder(tmp_path):
    """Five good images in two folders, a text in disguise and half a file."""
    noise(tmp_path, "b.png", "a.png", "sub/c.png", "sub/a.png", "z.png", size=(20, 24))
    (tmp_path / "c.jpg").write_text("no image")
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "d.png").write_bytes(whole[: len(whole) // 2])
    return tmp_path


def test_batches_are_the_images_in_order_and_the_broken_are_named(folder):
    found = open_images(folder, PRE)
    batches = list(found.batches(2))
    assert [len(b.names) for b in batches] == [2, 2, 1]
    names = ("a.png", "b.png", "sub/a.png", "sub/c.png", "z.png")
    assert sum((b.names for b in batches), ()) == names == found.names
    for batch in batches:
        for name, one in zip(batch.names, batch.inputs, strict=True):
            pixels = np.array(Image.open(folder / name))
            torch.testing.assert_close(one, prepare([pixels], PRE)[0])
    assert set(found.skipped) == {"c.jpg", "d.png"}
    assert found.note.startswith("2 of 7 images skipped: c.jpg: not an image")
    assert "d.png" in found.note
    for name in names:
        assert found.sha256[name] == hashlib.sha256((folder / name).read_bytes()).hexdigest()
    assert set(found.sha256) == set(names)


def test_at_most_a_batch_is_read_ahead(folder, monkeypatch):
    read = []
    from viz.images import sets as image_sets

    original = image_sets.read_pixels
    monkeypatch.setattr(image_sets, "read_pixels", lambda p, n: read.append(p) or original(p, n))
    stream = open_images(folder, PRE).batches(2)
    next(stream)
    assert len(read) == 2


def test_display_is_what_the_network_sees(folder):
    batch = open_images(folder / "a.png", PRE).all()
    pixels = np.array(Image.open(folder / "a.png").resize((19, 16), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(batch.pixels[0], pixels[:, 1:17])
    grey = open_images(folder / "a.png", Preprocessing(16, 1.0, (0.5,), (0.5,)), 1).all()
    assert grey.inputs.shape == (1, 1, 16, 16)
    assert grey.pixels.shape == (1, 16, 16, 3)


def test_names_are_distinct_and_a_file_counts_once(folder):
    given = [folder / "a.png", folder / "sub" / "a.png", folder / "a.png", folder / "sub"]
    assert open_images(given, PRE).names == ("a.png", "a.png (2)", "c.png")


def test_a_limit_spreads_evenly(folder):
    (folder / "c.jpg").unlink()
    (folder / "d.png").unlink()
    assert open_images(folder, PRE, limit=3).names == ("a.png", "sub/a.png", "z.png")


def test_numbers_serve_as_images():
    given = torch.arange(2 * 3 * 4 * 6.0).view(2, 3, 4, 6)
    found = open_images(given, PRE)
    batch = found.all()
    torch.testing.assert_close(batch.inputs, given)
    assert found.sha256["input 1"] == hashlib.sha256(given[1].numpy().tobytes()).hexdigest()
    with pytest.raises(ImageError, match=r"\(2, 3, 4, 6\).*4 channels"):
        open_images(given, PRE, 4)


@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_in_memory_is_as_its_file(folder, channels):
    how = Preprocessing(16, 1.0, (0.5,) * channels, (0.5,) * channels)
    image = Image.open(folder / "b.png")
    found = open_images([image, folder / "a.png"], how, channels)
    assert found.names == ("b.png", "a.png")
    wanted = open_images(folder / "b.png", how, channels).all().inputs
    torch.testing.assert_close(found.all().inputs[:1], wanted, rtol=0, atol=0)


def test_what_cannot_be_used_is_said_in_a_sentence(folder, tmp_path):
    broken, good = [folder / "c.jpg", folder / "d.png"], folder / "a.png"
    open_images([broken[0], good], PRE).check()
    for given, channels, said in (
        (broken[0], 3, r"c\.jpg: not an image"),
        (broken, 3, r"none of 2 images can be read; the first: c\.jpg"),
        (tmp_path / "nowhere", 3, "no such file"),
        (None, 2, r"takes 2 channels.*numpy\.save"),
        (good, 2, r"a\.png: .* found, expected 2 channels"),
        ([], 3, "no image was given"),
    ):
        with pytest.raises(ImageError, match=said):
            open_images(given, PRE, channels).check()
    with pytest.raises(ImageError, match="none of 2 images can be read"):
        list(open_images(broken, PRE).batches())
    with pytest.raises(ImageError, match="at least 1"):
        open_images(folder, PRE, limit=0)
    with pytest.raises(ValueError, match="at least 1"):
        next(open_images(folder, PRE).batches(0))
