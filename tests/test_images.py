"""Every kind of image file, the network's input by hand, and files that are none."""

import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from viz.images import ImageError, find_images, prepare, read_image, unnormalise
from viz.results.network import Preprocessing


@pytest.fixture
def picture(rng):
    return rng.integers(0, 256, (20, 30, 3)).astype(np.uint8)


def test_a_png_comes_back_as_it_is(picture, tmp_path):
    Image.fromarray(picture).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), picture)


def test_modes_become_rgb(picture, tmp_path):
    grey = Image.fromarray(picture[..., 0])
    cases = {
        "grey.png": grey,
        "one.png": grey.convert("1"),
        "palette.png": Image.fromarray(picture).quantize(8),
        "la.png": grey.convert("LA"),
        "cmyk.jpg": Image.fromarray(picture).convert("CMYK"),
    }
    for name, image in cases.items():
        image.save(tmp_path / name)
        read = read_image(tmp_path / name)
        assert read.shape == (20, 30, 3), name
        assert read.dtype == np.uint8
    np.testing.assert_array_equal(read_image(tmp_path / "grey.png")[..., 2], picture[..., 0])


def test_transparency_is_laid_on_white(tmp_path):
    rgba = np.zeros((2, 2, 4), np.uint8)
    rgba[0, 0] = (10, 20, 30, 255)
    Image.fromarray(rgba).save(tmp_path / "a.png")
    read = read_image(tmp_path / "a.png")
    assert read[0, 0].tolist() == [10, 20, 30]
    assert read[1, 1].tolist() == [255, 255, 255]


def test_sixteen_bits_span_black_to_white(tmp_path):
    values = np.array([[0, 32768, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png")[0, :, 0].tolist() == [0, 128, 255]


def test_exif_rotation_is_applied(tmp_path):
    image = Image.fromarray(np.zeros((8, 16, 3), np.uint8))
    image.paste((255, 255, 255), (0, 0, 8, 8))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.jpg", exif=exif, quality=95)
    read = read_image(tmp_path / "a.jpg")
    assert read.shape == (16, 8, 3)
    assert read[2].mean() > 200
    assert read[13].mean() < 50


def test_broken_and_foreign_files_are_named_in_a_sentence(picture, tmp_path):
    Image.fromarray(picture).save(tmp_path / "a.jpg")
    whole = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.jpg").write_text("hello")
    (tmp_path / "empty.png").write_bytes(b"")
    for name in ("cut.jpg", "text.jpg", "empty.png", "missing.png"):
        with pytest.raises(ImageError, match=name):
            read_image(tmp_path / name)


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path):
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    (tmp_path / "bomb.png").write_bytes(png)
    with pytest.raises(ImageError, match="million expected"):
        read_image(tmp_path / "bomb.png")
    Image.new("RGB", (200, 200)).save(tmp_path / "big.png")
    with pytest.raises(ImageError, match="200 x 200"):
        read_image(tmp_path / "big.png", max_pixels=39_999)


def test_folders_are_searched_in_a_fixed_order(picture, tmp_path):
    for name in ("b.png", "a/c.JPG", "a/notes.txt", ".hidden/d.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    names = [str(p.relative_to(tmp_path)) for p in find_images(tmp_path)]
    assert names == ["a/c.JPG", "b.png"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match="no image file"):
        find_images(tmp_path / "empty")
    with pytest.raises(ImageError, match="no such file"):
        find_images(tmp_path / "nowhere")


def test_input_is_the_normalised_centre():
    pixels = np.zeros((8, 12, 3), np.uint8)
    pixels[:, 2:10] = (51, 102, 204)
    pre = Preprocessing(8, 1.0, (0.1, 0.2, 0.3), (0.5, 0.25, 2.0))
    batch = prepare([pixels], pre)
    by_hand = [(0.2 - 0.1) / 0.5, (0.4 - 0.2) / 0.25, (0.8 - 0.3) / 2]
    assert batch.shape == (1, 3, 8, 8)
    for c in range(3):
        torch.testing.assert_close(batch[0, c], torch.full((8, 8), by_hand[c]))
    back = unnormalise(batch, pre)[0, :, 0, 0]
    torch.testing.assert_close(back, torch.tensor([0.2, 0.4, 0.8]))


@pytest.mark.parametrize("shape", [(50, 90), (90, 50), (7, 7), (1, 300)])
@pytest.mark.parametrize("crop", [0.875, 0.96, 1.0])
def test_any_size_fits(shape, crop, rng):
    pixels = rng.integers(0, 256, (*shape, 3)).astype(np.uint8)
    pre = Preprocessing(32, crop, (0.5,), (0.5,))
    assert prepare([pixels, pixels], pre, in_channels=1).shape == (2, 1, 32, 32)
