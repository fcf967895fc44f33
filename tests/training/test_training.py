"""Training: what is held out, what is learned, and that a kill loses nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

import viz
from viz.core.refusal import Refusal
from viz.images.reading import ImageError
from viz.training.crops import Augmentation, mixed, open_training_folder, random_crop
from viz.training.fast import Way
from viz.training.loop import _Run, patch_gain, train
from viz.training.recipes import Recipe

PLAIN = Augmentation(colour=0, grey=0)
SMALL = Recipe(
    dim=16, depth=1, kernel_size=3, patch_size=2, image_size=8, sizes=((0.0, 6), (0.5, 8)),
    epochs=3, batch_size=8, ema=0.8, augmentation=PLAIN,
)  # fmt: skip
QUIET = {"progress": False, "report": lambda line: None}
SAME = {"arithmetic": "float32-matrices", "threads": 1, "progress": False}


def generator():
    return torch.Generator().manual_seed(0)


def picture(path, colour=(0, 0, 0), size=(12, 10)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


@pytest.fixture
def colours(tmp_path):
    """Three classes that a colour alone tells apart, and noise upon them."""
    rng = np.random.default_rng(0)
    for channel, name in enumerate(("red", "green", "blue")):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(10):
            pixels = 40 + rng.normal(0, 20, (10, 12, 3)) + 160 * (np.arange(3) == channel)
            pixels = np.clip(pixels, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / name / f"{i}.png")
    return tmp_path / "data"


def interrupted(folder, out, epoch, **options):
    def interrupt(line):
        if f"Epoch {epoch} of" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(folder, out, SMALL, **SAME, report=interrupt, **options)


def test_it_learns_what_a_colour_tells(colours, tmp_path):
    recipe = replace(SMALL, epochs=12, augmentation=replace(PLAIN, pad=2))
    assert train(colours, tmp_path / "a.safetensors", recipe, **QUIET) > 0.9


def test_an_interrupted_training_loses_nothing(colours, tmp_path):
    whole, broken = tmp_path / "whole.safetensors", tmp_path / "broken.safetensors"
    lines = []
    train(colours, whole, SMALL, **SAME, report=lines.append)
    assert any("of 6 px are computed with float32-matrices, 1 thread" in line for line in lines)
    assert "left" in lines[1] and "left" not in lines[-1]
    interrupted(colours, broken, 3)
    assert not broken.exists()
    resumed = []
    train(colours, broken, SMALL, **SAME, report=resumed.append)
    assert resumed[0] == "The training goes on after epoch 2 of 3."
    torch.testing.assert_close(load_file(broken), load_file(whole), rtol=0, atol=0)
    assert not list(tmp_path.glob("*.resume"))


def test_a_training_starts_from_the_weights_it_is_given(colours, tmp_path):
    first, then = tmp_path / "first.safetensors", tmp_path / "then.safetensors"
    train(colours, first, SMALL, **QUIET)
    old = viz.load(first)
    train(colours, then, replace(SMALL, lr=1e-9), start=old, **QUIET)
    new = viz.load(then)
    for ours, given in zip(new.model.parameters(), old.model.parameters(), strict=True):
        torch.testing.assert_close(ours, given, rtol=2e-3, atol=1e-4)
    assert new.training["before"]["losses"] == old.training["losses"]
    assert new.training["recipe"]["start"] == old.source.sha256
    with pytest.raises(Refusal, match=r"first\.safetensors: depth is 1, expected 3;"):
        train("", tmp_path / "b.safetensors", replace(SMALL, depth=3), start=old, **QUIET)
    with pytest.raises(Refusal, match="activation is gelu, expected relu;"):
        train("", tmp_path / "b.safetensors", replace(SMALL, activation="relu"), start=old, **QUIET)
    with pytest.raises(Refusal, match=r"mean is \(0\.5, 0\.4, 0\.3\), expected \(0\.485"):
        other = viz.load(first, mean=(0.5, 0.4, 0.3))
        train("", tmp_path / "b.safetensors", SMALL, start=other, **QUIET)
    (colours / "red").rename(colours / "pink")
    with pytest.raises(Refusal, match="class 2 is red, expected pink"):
        train(colours, tmp_path / "b.safetensors", SMALL, start=old, **QUIET)


def test_other_settings_do_not_resume(colours, tmp_path):
    interrupted(colours, tmp_path / "a.safetensors", 2)
    with pytest.raises(Refusal, match="other settings"):
        train(colours, tmp_path / "a.safetensors", replace(SMALL, seed=2), **QUIET)


def test_the_file_tells_how_it_was_made(colours, tmp_path):
    out = tmp_path / "a.safetensors"
    (colours / "red" / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    accuracy = train(colours, out, SMALL, **QUIET)
    with safe_open(out, "pt") as file:
        assert file.get_tensor("patch_embedding.weight").dtype == torch.float16
    loaded = viz.load(out)
    told = loaded.training
    assert loaded.classes == ("blue", "green", "red") and loaded.preprocessing.image_size == 8
    assert (told["held_out_accuracy"], told["held_out_n"]) == (accuracy, 6)
    assert told["crops_seen"] == 3 * 3 * 8 and len(told["losses"]) == 3
    assert "broken.jpg" in told["skipped"][0]
    assert np.mean(list(told["per_class_accuracy"].values())) == pytest.approx(accuracy)
    low, high = told["held_out_interval"]
    assert 0 <= low < accuracy <= high <= 1
    # The accuracy is that of the network in the file.
    data = open_training_folder(colours, PLAIN, 8)
    batch = (torch.cat(list(data.held_out())).float() / 255).permute(0, 2, 3, 1)
    batch = (batch - torch.tensor(loaded.preprocessing.mean)) / torch.tensor(
        loaded.preprocessing.std
    )
    said = loaded.model(batch.permute(0, 3, 1, 2)).argmax(1)
    assert (said == data.held_labels).float().mean().item() == pytest.approx(accuracy)


def test_snapshots_lead_from_the_start_to_the_end(colours, tmp_path):
    recipe, out = replace(SMALL, epochs=40), tmp_path / "a.safetensors"
    train(colours, out, recipe, snapshots=6, **QUIET)
    steps = {p.stem.split("-")[-1]: viz.load(p).training["steps"] for p in tmp_path.glob("a-at-*")}
    assert steps == {"0": 0, "1": 1, "3": 4, "10": 12, "30": 36, "100": 120}
    end, last = load_file(out), load_file(tmp_path / "a-at-100.safetensors")
    torch.testing.assert_close(last, end, rtol=0, atol=0)
    out.unlink()
    with pytest.raises(Refusal, match=r"a-at-0\.safetensors exists"):
        train(colours, out, recipe, snapshots=2, **QUIET)


def test_class_folders_hold_out_every_fifth_image(tmp_path):
    for name in ("cat", "dog"):
        for i in range(10):
            picture(tmp_path / name / "deeper" / f"{i}.png", (i, 0, 0))
    data = open_training_folder(tmp_path, PLAIN, 8)
    held = torch.cat(list(data.held_out(3)))
    assert (data.classes, data.n_train) == (("cat", "dog"), 16)
    assert held[:, 0, 0, 0].tolist() == [4, 9, 4, 9]
    assert data.held_labels.tolist() == [0, 0, 1, 1]
    batch = data.train_batch(torch.arange(16), 8, generator())
    assert not set(batch[:, 0].unique().tolist()) & {4, 9}


@pytest.mark.parametrize("held", ["test", "val"])
def test_train_and_test_folders_are_kept_apart(tmp_path, held):
    for part, n in (("train", 3), (held, 2)):
        for name in ("a", "b"):
            for i in range(n):
                picture(tmp_path / part / name / f"{i}.png", (i, 0, 0))
    data = open_training_folder(tmp_path, replace(PLAIN, pad=2), 8)
    assert (data.n_train, data.held_labels.tolist()) == (6, [0, 0, 1, 1])
    for size in (8, 6):
        batch = data.train_batch(torch.tensor([5, 1]), size, generator())
        assert batch.shape == (2, 3, size, size)
        assert batch[:, 0].flatten(1).float().mean(1).tolist() == [2, 1]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([], "no image file"),
        ([f"{i}.png" for i in range(6)], r"0.png lies in no folder of its class; expected one"),
        ([f"a/{i}.png" for i in range(6)], "one class found, 'a'; two or more"),
        ([f"{c}/{i}.png" for c, n in (("a", 6), ("b", 4)) for i in range(n)],
         "class 'b' has 4 images, 5 or more are needed"),
        (["train/a/1.png", "train/b/1.png", "test/c/1.png"], "class 'c' has held-out images but"),
        (["train/a/1.png", "train/b/1.png", "test/1.png"], "1.png lies in no folder of its class"),
    ],
)  # fmt: skip
def test_a_folder_that_teaches_nothing_is_refused(tmp_path, files, words):
    for name in files:
        picture(tmp_path / name)
    with pytest.raises(ImageError, match=words):
        open_training_folder(tmp_path, PLAIN, 8)


def test_a_class_without_readable_images_is_refused(tmp_path):
    for name in ("train/a/1.png", "test/a/1.png", "train/b/1.png"):
        picture(tmp_path / name)
    (tmp_path / "train/b/1.png").write_bytes(b"nothing")
    with pytest.raises(ImageError, match=r"cannot be read: 1, the first of them: .*1\.png"):
        open_training_folder(tmp_path, PLAIN, 8)


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"lr": -1.0}, "learning rate of -1 "), ({"lr": float("nan")}, "learning rate of nan "),
     ({"weight_decay": -0.1}, "weight decay of -0.1 "),
     ({"image_size": 1}, "image size of 1 pixels found, at least one patch of 2"),
     ({"lr": 1e30}, "the loss is nan after .* steps; give a lower --lr than 1e")],
)  # fmt: skip
def test_numbers_that_no_training_can_go_on_with(colours, tmp_path, changes, words):
    with pytest.raises(Refusal, match=words):
        train(colours, tmp_path / "a.safetensors", replace(SMALL, **changes), **QUIET)


def test_crops_cover_the_asked_share_and_are_never_enlarged():
    ramp = torch.arange(100).expand(100, 100)
    image = torch.stack([ramp, ramp.T]).to(torch.uint8)
    for size, low in ((16, 0.43), (80, 0.79)):
        source, spans = generator(), []
        for _ in range(200):
            crop = random_crop(image, size, 0.25, source).float()
            spans.append([crop[0, 0, -1] - crop[0, 0, 0], crop[1, -1, 0] - crop[1, 0, 0]])
        # Sides run from sqrt(.25 * 3/4), or what is fed, to 1; resizing trims the ends.
        smallest = torch.tensor(spans).min(0).values / 100
        assert ((low - 0.05 < smallest) & (smallest < low + 0.1)).all()
        assert torch.tensor(spans).max() > 90


def test_mixing_keeps_labels_true_to_the_pixels():
    x = torch.stack([torch.zeros(3, 50, 50), torch.ones(3, 50, 50)])
    for step in range(8):
        ours, y = mixed(x, torch.eye(2), step, 1.0, generator())
        torch.testing.assert_close(ours.mean((1, 2, 3)), y[:, 1], atol=1e-5, rtol=0)
        torch.testing.assert_close(y.sum(1), torch.ones(2))
        assert len(ours[0].unique()) == (1 if step % 2 else 2)


def test_patterns_are_scaled_by_their_variance():
    """Pixels that vary independently: each is its own principal pattern, with a known gain."""
    v = torch.tensor([8.0, 2.0, 0.5, 0.01])
    patches = torch.randn(200_000, 4, generator=generator()) * v.sqrt()
    for power in (-0.25, 0.0, 0.5):
        matrix = patch_gain(patches.view(-1, 1, 2, 2), 2, 0.5, power).float()
        torch.testing.assert_close(matrix.diagonal(), (v / v.mean() + 0.5) ** power,
                                   rtol=0.03, atol=0)  # fmt: skip
        assert (matrix - matrix.diagonal().diag()).abs().max() < 0.02


def test_the_patch_embedding_is_its_coefficients_in_the_basis(colours):
    recipe = replace(SMALL, clip=1e9)  # a clipped gradient is smaller than the chain rule says
    run = _Run(recipe, open_training_folder(colours, PLAIN, 8), "cpu")
    norms = run.model.patch_filters.detach().flatten(1).norm(dim=1)
    torch.testing.assert_close(
        norms, torch.full((16,), 0.577 * SMALL.patch_init), rtol=1e-4, atol=0
    )
    run.take_step(torch.arange(8), Way("float32", 1))
    folded = (run.coefficients @ run.basis).view_as(run.patch)
    torch.testing.assert_close(run.model.patch_filters, folded, rtol=0, atol=0)
    assert (run.basis - torch.eye(12)).abs().max() > 0.1
    # By the chain rule: how the loss changes with a coefficient is told by a small change of it.
    gradient = (run.patch.grad.flatten(1) @ run.basis.T)[3, 7]
    torch.testing.assert_close(run.coefficients.grad[3, 7], gradient)


@pytest.mark.parametrize("part", ["patch", "depthwise"])
def test_a_part_learned_at_no_rate_stays_while_the_others_move(colours, part):
    recipe = replace(SMALL, **{f"{part}_lr": 0.0})
    run = _Run(recipe, open_training_folder(colours, PLAIN, 8), "cpu")
    start = {name: value.clone() for name, value in run.model.named_parameters()}
    run.take_step(torch.arange(8), Way("float32", 1))
    for name, value in run.model.named_parameters():
        of = {"patch": "patch_embedding.weight", "depthwise": "depthwise.weight"}[part]
        assert torch.equal(value, start[name]) == name.endswith(of), name
