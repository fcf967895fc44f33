"""Training: what is held back, what is learned, and that a kill loses nothing."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

from viz.images import ImageError
from viz.model.convmixer import ConvMixer
from viz.model.crops import (
    Augmentation,
    Photographs,
    augment,
    open_training_folder,
    random_crop,
)
from viz.model.recipes import RECIPES, Recipe, recipe_named, sklearn_images
from viz.model.training import TrainingError, train, whitening_matrix

PLAIN = Augmentation(colour=0, grey=0, high_pass=0)
SMALL = Recipe(
    dim=8, depth=1, kernel_size=3, patch_size=2, image_size=8, epochs=3, crops_per_image=8,
    batch_size=8, bfloat16=False, augmentation=PLAIN,
)  # fmt: skip


@pytest.fixture
def photographs(tmp_path):
    """Four photographs that a colour alone tells apart, and noise upon them."""
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i, colour in enumerate([(200, 40, 40), (40, 200, 40), (40, 40, 200), (180, 180, 40)]):
        pixels = np.clip(np.array(colour) + rng.normal(0, 20, (30, 40, 3)), 0, 255)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"p{i}.png")
    return folder


def test_it_learns_what_a_colour_tells(photographs, tmp_path):
    accuracy = train(photographs, tmp_path / "a.safetensors", replace(SMALL, epochs=10, ema=0.8),
                     progress=False, report=lambda line: None)  # fmt: skip
    assert accuracy > 0.9


def test_no_training_crop_touches_the_held_back_fifth(tmp_path):
    wide = np.zeros((20, 50, 3), np.uint8)
    wide[:, 40:] = 255
    tall = np.zeros((50, 20, 3), np.uint8)
    tall[40:] = 255
    for name, pixels in (("wide", wide), ("tall", tall)):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    data = Photographs(sorted(tmp_path.glob("*.png")), tmp_path, [], min_area=0.15)
    generator = torch.Generator().manual_seed(0)
    crops = data.train_batch(torch.arange(2).repeat(100), 8, generator)
    assert crops.max() == 0
    held, labels = data.test_set(8)
    assert held.min() == 255
    assert labels.tolist() == [0, 0, 0, 1, 1, 1]


def test_crops_cover_the_asked_share_of_the_area():
    image = torch.arange(100).expand(3, 100, 100).to(torch.uint8)
    generator = torch.Generator().manual_seed(0)
    spans = []
    for _ in range(300):
        crop = random_crop(image, 16, 0.25, generator)[0, 0].float()
        spans.append((crop[-1] - crop[0]).item() / 100)
    # Widths run from sqrt(.25 * 3/4) to 1.
    assert 0.35 < min(spans) < 0.6
    assert max(spans) > 0.9


def test_an_interrupted_training_loses_nothing(photographs, tmp_path):
    lines = []

    def interrupt(line):
        lines.append(line)
        if "epoch 3/" in line:
            raise KeyboardInterrupt

    quiet = {"progress": False, "report": lambda line: None}
    train(photographs, tmp_path / "whole.safetensors", SMALL, **quiet)
    broken = tmp_path / "broken.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train(photographs, broken, SMALL, progress=False, report=interrupt)
    assert not broken.exists()
    assert (tmp_path / "broken.safetensors.resume").exists()
    resumed = []
    train(photographs, broken, SMALL, progress=False, report=resumed.append)
    assert "resuming after epoch 2 of 3" in resumed[0]
    whole, again = load_file(tmp_path / "whole.safetensors"), load_file(broken)
    for name, tensor in whole.items():
        assert torch.equal(tensor, again[name]), name
    assert not list(tmp_path.glob("*.resume"))


def test_other_settings_do_not_resume(photographs, tmp_path):
    out = tmp_path / "a.safetensors"

    def interrupt(line):
        if "epoch 2/" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(photographs, out, SMALL, progress=False, report=interrupt)
    with pytest.raises(TrainingError, match="other settings"):
        train(photographs, out, replace(SMALL, seed=1), progress=False, report=lambda line: None)


def test_the_file_tells_how_it_was_made(photographs, tmp_path):
    out = tmp_path / "a.safetensors"
    (photographs / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    accuracy = train(photographs, out, replace(SMALL, epochs=2), save_every=1, progress=False,
                     report=lambda line: None)  # fmt: skip
    with safe_open(out, "pt") as file:
        meta = file.metadata()
        assert file.get_tensor("patch_embedding.weight").shape == (8, 3, 2, 2)
    assert json.loads(meta["classes"]) == ["p0", "p1", "p2", "p3"]
    training = json.loads(meta["training"])
    assert training["held_out_accuracy"] == accuracy
    assert training["crops_seen"] == 2 * 32
    assert "broken.jpg" in training["skipped"][0]
    assert json.loads(meta["preprocessing"])["image_size"] == 8
    ConvMixer.from_config(RECIPES["photographs"] and _config(meta)).load_state_dict(load_file(out))
    assert [p.name for p in sorted(tmp_path.glob("a-e*"))] == [
        "a-e001.safetensors",
        "a-e002.safetensors",
    ]
    with pytest.raises(TrainingError, match="exists"):
        train(photographs, out, SMALL, progress=False, report=lambda line: None)


def _config(meta):
    from viz.results.network import Config

    return Config(**json.loads(meta["config"]))


def test_class_folders_hold_out_every_fifth_image(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for i in range(10):
            Image.new("RGB", (8, 8), (i, 0, 0)).save(tmp_path / name / f"{i}.png")
    data = open_training_folder(tmp_path, PLAIN, [])
    held, labels = data.test_set(8)
    assert data.classes == ("cat", "dog")
    assert data.n_train == 16
    assert held[:, 0, 0, 0].tolist() == [4, 9, 4, 9]
    assert labels.tolist() == [0, 0, 1, 1]


def test_train_and_test_folders_are_kept_apart(tmp_path):
    for part, n in (("train", 3), ("test", 2)):
        for name in ("a", "b"):
            (tmp_path / part / name).mkdir(parents=True)
            for i in range(n):
                Image.new("RGB", (8, 8), (i, 0, 0)).save(tmp_path / part / name / f"{i}.png")
    data = open_training_folder(tmp_path, replace(PLAIN, pad=2), [])
    assert (data.n_train, len(data.test_set(8)[0])) == (6, 4)
    batch = data.train_batch(torch.tensor([5]), 8, torch.Generator().manual_seed(0))
    assert batch.shape == (1, 3, 8, 8)
    assert batch[0, 0].unique().tolist() == [2]


def test_a_folder_without_images_is_refused(tmp_path):
    with pytest.raises(ImageError, match="no image file"):
        open_training_folder(tmp_path, PLAIN, [])


def test_high_pass_takes_out_coarse_contrast_and_keeps_fine():
    n = 84
    ramp = torch.linspace(0, 255, n).expand(n, n)
    fine = 127 + 60 * (torch.arange(n) % 2 * 2 - 1).expand(n, n)
    batch = torch.stack([ramp.expand(3, n, n), fine.expand(3, n, n)]).to(torch.uint8)
    only = Augmentation(colour=0, grey=0, high_pass=1)
    out = augment(batch, only, 7, torch.Generator().manual_seed(0))
    before = (batch.float() / 255).std((1, 2, 3))
    after = out.std((1, 2, 3))
    assert after[0] < before[0]
    assert after[1] > 0.9 * before[1]


def test_whitening_makes_patches_white():
    torch.manual_seed(0)
    mix = torch.randn(12, 12)
    patches = torch.randn(20_000, 12) @ mix
    images = patches.view(-1, 3, 2, 2)
    white = whitening_matrix(images, 2, 1e-6)
    covariance = torch.cov((patches @ white).T)
    torch.testing.assert_close(covariance, torch.eye(12), atol=0.02, rtol=0)
    torch.testing.assert_close(white, white.T)


def test_whitening_keeps_rare_patterns_down():
    """Pixels that vary independently: each is its own principal pattern, with a known gain."""
    v = torch.tensor([8.0, 2.0, 0.5, 0.01])
    torch.manual_seed(0)
    patches = torch.randn(200_000, 4) * v.sqrt()
    matrix = whitening_matrix(patches.view(-1, 1, 2, 2), 2, share=0.5, cut=0.2)
    m = v.sum() / 4
    gain = v / (v + 0.2 * m) / (v + 0.5 * m) ** 0.5
    torch.testing.assert_close(matrix.diagonal(), gain, rtol=0.03, atol=0)
    assert (matrix - matrix.diagonal().diag()).abs().max() < 0.02


def test_named_recipes_differ_where_told():
    assert recipe_named("cifar").patch_size == 2
    assert recipe_named("photographs", dim=5).dim == 5
    assert [path.name for path in sklearn_images()] == ["china.jpg", "flower.jpg"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lr": -1.0}, "learning rate of -1 "),
        ({"lr": float("nan")}, "learning rate of nan "),
        ({"weight_decay": -0.1}, "weight decay of -0.1 "),
        ({"image_size": 1}, "image size of 1 pixels found, at least one patch of 2"),
    ],
)
def test_numbers_that_no_training_can_start_with(tmp_path, changes, words):
    with pytest.raises(TrainingError, match=words):
        train(tmp_path, tmp_path / "a.safetensors", replace(SMALL, **changes))


def test_no_bar_is_written_where_the_error_stream_is_no_terminal(photographs, tmp_path, capsys):
    train(photographs, tmp_path / "a.safetensors", replace(SMALL, epochs=1), report=print)
    said = capsys.readouterr()
    assert "epoch 1/1" in said.out
    assert said.err == ""
