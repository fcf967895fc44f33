"""RepLKNet's area ratios against its procedure written out, and against its known faults."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from viz.images import ImageError
from viz.measure.replknet_field import area_ratios, replknet_area_ratios
from viz.measure.theoretical_field import ReceptiveFieldError


def original(scores, threshold):
    """Grow a square around the middle until it holds more than the share of the logarithms."""
    logs = np.log10(scores + 1)
    logs = logs / logs.max()
    side = len(logs)
    for i in range(1, side // 2):
        rows = slice(side // 2 - i, side // 2 + 1 + i)
        if logs[rows, rows].sum() / logs.sum() > threshold:
            return 2 * i + 1, (2 * i + 1) ** 2 / side**2
    return None


@pytest.mark.parametrize("side", [16, 17, 40])
def test_squares_are_those_of_the_original(rng, side):
    y = np.arange(side) - side // 3
    for _ in range(20):
        scores = rng.gamma(0.5, size=(side, side)) * 10 ** rng.uniform(-4, 4)
        scores *= np.exp(-(y[:, None] ** 2 + y[None] ** 2) / rng.uniform(2, side**2))
        thresholds = (0.1, 0.2, 0.5, 0.9, 0.99)
        sides, ratios = area_ratios(scores, thresholds)
        for threshold, found, ratio in zip(thresholds, sides, ratios, strict=True):
            expected = original(scores, threshold)
            if expected is None:
                assert found == 0
                assert np.isnan(ratio)
            else:
                assert (found, ratio) == pytest.approx(expected)


def gaussian(side=1024, sigma=60.0):
    y = np.arange(side) - side // 2
    return np.exp(-(y[:, None] ** 2 + y[None] ** 2) / (2 * sigma**2))


def test_it_changes_with_the_gradient_s_scale():
    """The same Gaussian, a million times larger: 1.5 % of the area becomes 6.2 %."""
    small, large = (area_ratios(gaussian() * scale, [0.5])[1][0] for scale in (1e-2, 1e4))
    assert 100 * small == pytest.approx(1.5, abs=0.05)
    assert 100 * large == pytest.approx(6.2, abs=0.05)


def test_it_is_centred_on_the_image():
    moved = np.roll(gaussian(128, 5.0), 30, axis=0)
    assert area_ratios(moved, [0.5])[0][0] > 3 * area_ratios(gaussian(128, 5.0), [0.5])[0][0]


def test_a_flat_map_reaches_no_high_threshold():
    sides, ratios = area_ratios(np.ones((64, 64)), [0.5, 0.99])
    assert sides.tolist() == [47, 0]
    assert np.isnan(ratios[1])


def test_only_squares():
    with pytest.raises(ReceptiveFieldError, match="8 x 9 pixels found, expected a square"):
        area_ratios(np.ones((8, 9)))


def slow_scores(network, images):
    """Image by image, as in the original script, through the network's own modules."""
    maps = []
    for image in images:
        x = image[None].clone().requires_grad_()
        y = network.embed(x)
        for block in network.blocks:
            y = block(y)
        middle = y[:, :, y.shape[2] // 2, y.shape[3] // 2]
        (g,) = torch.autograd.grad(F.relu(middle).sum(), x)
        maps.append(F.relu(g).sum((0, 1)).numpy())
    return np.mean(maps, axis=0)


def test_scores_are_those_of_the_original(small):
    images = torch.randn(3, 3, 48, 48)
    found = replknet_area_ratios(small, images)
    scores = slow_scores(small.model, images)
    assert found.scores == pytest.approx(scores, rel=1e-3, abs=1e-6 * float(scores.max()))
    for row in found.rows():
        expected = original(scores, row["threshold"])
        found_here = (row["side_px"], row["area_ratio"])
        assert found_here == (pytest.approx(expected) if expected else (None, None))
    assert found.n_images == 3


def test_files_are_squashed_and_the_first_few_taken(small, tmp_path, rng):
    pixels = [rng.integers(0, 256, (60 + i, 90, 3), dtype=np.uint8) for i in range(3)]
    for i, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
    found = replknet_area_ratios(small, tmp_path, image_size=40, n_images=2)
    squashed = [
        np.asarray(Image.fromarray(p).resize((40, 40), Image.Resampling.BICUBIC)) / 255.0
        for p in pixels[:2]
    ]
    mean, std = small.preprocessing.mean, small.preprocessing.std
    images = torch.tensor((np.stack(squashed) - mean) / std).permute(0, 3, 1, 2).float()
    scores = slow_scores(small.model, images)
    assert found.scores == pytest.approx(scores, rel=1e-3, abs=1e-5 * float(scores.max()))
    assert found.n_images == 2


def test_images_without_a_number_are_left_out(small):
    images = torch.randn(3, 3, 32, 32)
    images[1] = float("nan")
    found = replknet_area_ratios(small, images)
    assert (found.n_images, found.n_skipped) == (2, 1)
    assert (found.scores == replknet_area_ratios(small, images[[0, 2]]).scores).all()
    with pytest.raises(ReceptiveFieldError, match="1 gradients found that are not numbers"):
        replknet_area_ratios(small, images[1:2])


def test_what_cannot_be_measured_is_named(small, tmp_path):
    with pytest.raises(ReceptiveFieldError, match=r"64 x 64 pixels needs .* at most 0 MB"):
        replknet_area_ratios(small, torch.zeros(1, 3, 64, 64), memory_mb=0.1)
    with pytest.raises(ReceptiveFieldError, match="expected a square"):
        replknet_area_ratios(small, torch.randn(1, 3, 64, 60))
    with pytest.raises(ImageError, match="found no image file"):
        replknet_area_ratios(small, tmp_path)


def test_a_broken_file_is_left_out(small, tmp_path):
    Image.new("RGB", (40, 40), "red").save(tmp_path / "red.png")
    whole = replknet_area_ratios(small, tmp_path, image_size=24)
    (tmp_path / "broken.jpg").write_text("no image")
    found = replknet_area_ratios(small, tmp_path, image_size=24)
    assert (found.n_images, found.n_skipped) == (1, 1)
    assert (found.scores == whole.scores).all()
    with pytest.raises(ImageError, match="not an image"):
        replknet_area_ratios(small, tmp_path / "broken.jpg", image_size=24)
