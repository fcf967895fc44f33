"""Every kind of image file, the network's input by hand, and files that are none."""

import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from viz.core.network import Preprocessing
from viz.images.reading import (
    ImageError,
    ImageWarning,
    describe_preprocessing,
    find_images,
    prepare,
    read_image,
    read_pixels,
    told,
    unnormalise,
)


@pytest.fixture
def picture(rng):
    return rng.integers(0, 256, (20, 30, 3)).astype(np.uint8)


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


SCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"


@pytest.mark.parametrize(
    ("name", "data"),
    [("cut.jpg", None), ("text.jpg", b"hello"), ("empty.png", b""), ("a.eps", SCRIPT),
     ("a.png", SCRIPT)],
)  # fmt: skip
def test_broken_and_foreign_files_are_named_in_a_sentence(picture, tmp_path, name, data):
    """PIL hands PostScript to Ghostscript: a file must never be executed."""
    if data is None:
        Image.fromarray(picture).save(tmp_path / name)
        data = (tmp_path / name).read_bytes()[:300]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ImageError, match=f"{name}: (not an image|broken image)"):
        read_image(tmp_path / name)


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    (tmp_path / "bomb.png").write_bytes(png)
    with pytest.raises(ImageError, match="million expected"):
        read_image(tmp_path / "bomb.png")
    Image.new("RGB", (200, 200)).save(tmp_path / "big.png")
    monkeypatch.setattr("viz.images.reading.MAX_PIXELS", 39_999)
    with pytest.raises(ImageError, match="200 x 200"):
        read_image(tmp_path / "big.png")


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


def test_a_thin_image_is_not_enlarged_whole():
    """Resized whole, this one would have 2 x 10^9 pixels; the centre is what was asked for."""
    pixels = np.zeros((2, 60_000, 3), np.uint8)
    pixels[:, 29_999:30_001] = 255
    batch = prepare([pixels], Preprocessing(256, 1.0, (0.0,) * 3, (1.0,) * 3))
    assert batch.shape == (1, 3, 256, 256)
    assert batch[0, :, :, 100:156].min() > 0.9


@pytest.mark.parametrize("shape", [(50, 93), (91, 50), (7, 9), (64, 64)])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_the_centre_is_that_of_the_whole_image_resized(shape, interpolation, rng, monkeypatch):
    pixels = rng.integers(64, 192, (*shape, 3)).astype(np.uint8)
    pre = Preprocessing(40, 0.9, (0.0,) * 3, (1.0,) * 3, interpolation)
    scale = round(40 / 0.9) / min(shape)
    w, h = (max(40, round(side * scale)) for side in shape[::-1])
    whole = Image.fromarray(pixels).resize((w, h), Image.Resampling[interpolation.upper()])
    left, top = (w - 40) // 2, (h - 40) // 2
    wanted = np.array(whole.crop((left, top, left + 40, top + 40))) / np.float32(255)
    np.testing.assert_array_equal(prepare([pixels], pre)[0].permute(1, 2, 0).numpy(), wanted)
    monkeypatch.setattr("viz.images.reading.MAX_PIXELS", 1)
    cut_first = prepare([pixels], pre)[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(cut_first, wanted, rtol=0, atol=2.01 / 255)


def test_damage_anywhere_is_an_image_error_or_an_image(picture, tmp_path, rng):
    for suffix in ("png", "jpg", "gif", "bmp", "tif", "webp", "tga", "ppm", "jp2", "ico"):
        path = tmp_path / f"a.{suffix}"
        Image.fromarray(picture).save(path)
        whole = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(25):
            damaged = whole.copy()
            at = rng.integers(0, min(len(whole), 200), 4)
            damaged[at] = rng.integers(0, 256, 4)
            path.write_bytes(damaged.tobytes())
            try:
                assert read_image(path).shape[2] == 3
            except ImageError as error:
                assert str(error).startswith(f"a.{suffix}: ")


def test_preprocessing_as_told_says_so():
    pre = Preprocessing(known="the checkpoint's metadata")
    assert told(pre) is pre
    changed = told(pre, image_size=96, mean=[0.5], std=[0.1, 0.2, 0.3])
    assert describe_preprocessing(changed) == (
        "short side resized to 100 px (bicubic), centre 96 x 96 px, mean 0.5, 0.5, 0.5, std 0.1, "
        "0.2, 0.3 (image size, mean, std as told, the rest from: the checkpoint's metadata)."
    )


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [({"mean": (0.1, 0.2)}, "mean of 2 values found, expected 3"),
     ({"std": (0.1, 0.2, 0.0)}, "positive"), ({"std": (0.1, np.nan, 1.0)}, "finite"),
     ({"crop": 1.5}, "crop"), ({"image_size": 0}, "image size"),
     ({"interpolation": "nearest"}, "nearest")],
)  # fmt: skip
def test_what_cannot_be_told(wrong, sentence):
    with pytest.raises(ImageError, match=sentence):
        told(Preprocessing(), **wrong)


def ramp(low, high, kind):
    return np.linspace(low, high, 4096).astype(kind).reshape(64, 64)


@pytest.mark.parametrize(
    ("values", "black", "white", "note"),
    [
        (ramp(0, 4095, np.uint16), 0, 4095, "4095 is taken as white"),
        (ramp(0, 1023, np.uint16), 0, 1023, "1023 is taken as white"),
        (ramp(0, 65535, np.uint16), 0, 65535, ""),
        (ramp(0, 4000, np.int32), 0, 4095, "4095 is taken as white"),
        (ramp(0, 1, np.float32), 0, 1, ""),
        (ramp(0, 250, np.float32), 0, 250, "250 is taken as white"),
        (ramp(-1, 1, np.float32), -1, 1, "-1 is taken as black"),
        (ramp(-3, 5, np.float32), -3, 5, "from -3 to 5: stretched"),
    ],
)
def test_more_than_8_bits_keep_all_grey_levels(tmp_path, values, black, white, note):
    path = tmp_path / "f.tif"
    Image.fromarray(values).save(path)
    pixels, said = read_pixels(path)
    assert note in said and bool(note) == bool(said)
    expected = (values.astype(float) - black) / (white - black) * 255
    assert np.abs(pixels[..., 0] - expected).max() <= 0.51
    assert len(np.unique(pixels)) > 240
    if note:
        with pytest.warns(ImageWarning, match=note):
            read_image(path)


@pytest.mark.parametrize("channels", [2, 4, 10])
@pytest.mark.parametrize("order", ["last", "first"])
def test_arrays_have_as_many_channels_as_the_network(tmp_path, channels, order):
    rng = np.random.default_rng(0)
    values = rng.random((40, 50, channels), dtype=np.float32)
    stored = values if order == "last" else values.transpose(2, 0, 1)
    path = tmp_path / "a.npy"
    np.save(path, stored)
    how = Preprocessing(40, 1.0, (0.0,) * channels, (1.0,) * channels)
    pixels, _ = read_pixels(path, channels)
    batch = prepare([pixels], how, in_channels=channels)
    np.testing.assert_allclose(batch[0].permute(1, 2, 0), values[:, 5:45], atol=1e-6)
    for wrong in {2, 4, 10} - {channels}:
        with pytest.raises(ImageError, match=f"expected {wrong} channels"):
            read_pixels(path, wrong)


@pytest.mark.parametrize("channels", [2, 5])
def test_pages_of_a_tiff_are_channels(tmp_path, channels):
    values = np.random.default_rng(0).integers(0, 4096, (channels, 30, 30)).astype(np.uint16)
    pages = [Image.fromarray(page) for page in values]
    pages[0].save(tmp_path / "p.tif", save_all=True, append_images=pages[1:])
    pixels, note = read_pixels(tmp_path / "p.tif", channels)
    np.testing.assert_allclose(pixels, values.transpose(1, 2, 0) / 4095, atol=1e-6)
    assert "4095" in note


@pytest.mark.parametrize("bad", [np.array(["a"]), np.zeros((2, 2), complex), np.zeros((3, 0)),
                                 np.zeros(4), np.array([None, 1])])  # fmt: skip
def test_arrays_that_are_no_images_are_refused(tmp_path, bad):
    path = tmp_path / "bad.npy"
    np.save(path, bad, allow_pickle=True)
    with pytest.raises(ImageError):
        read_pixels(path, 2)


def test_several_arrays_in_one_file_are_no_image(tmp_path):
    path = tmp_path / "several.npy"
    with path.open("wb") as file:
        np.savez(file, a=np.zeros((4, 4)), b=np.zeros((4, 4)))
    with pytest.raises(ImageError, match=r"several\.npy: several arrays found in it; expected one"):
        read_pixels(path, 2)
