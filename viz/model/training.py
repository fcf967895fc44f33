"""How the shipped checkpoints were trained, and how to train your own."""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize
from tqdm import tqdm

from viz.model.convmixer import ConvMixer
from viz.model.crops import TrainingImages, augment, open_training_folder
from viz.model.recipes import Recipe
from viz.model.saving import save_checkpoint
from viz.results.network import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from viz.results.refusal import Refusal

__all__ = ["TrainingError", "set_threads", "train", "whitening_matrix"]


class TrainingError(Refusal):
    """Training that cannot start or go on; the message is one sentence for the user."""


def set_threads(n: int) -> None:
    """Compute with this many CPU threads."""
    torch.set_num_threads(n)


class _Whitened(nn.Module):
    """The patch embedding's weight as coefficients on whitened patches."""

    def __init__(self, whitening: Tensor) -> None:
        super().__init__()
        self.register_buffer("whitening", whitening)

    def forward(self, coefficients: Tensor) -> Tensor:
        """Return the filters that these coefficients stand for."""
        filters = coefficients.flatten(1) @ cast(Tensor, self.whitening)
        return filters.view_as(coefficients)


def whitening_matrix(images: Tensor, patch_size: int, share: float, cut: float = 0.0) -> Tensor:
    """Return the matrix that evens out the variances of an image batch's patches.

    Full whitening would raise the finest patterns, which hardly occur, to the height of all
    others, and with them the noise of training; ``cut`` keeps them down, as the low-pass of
    Olshausen and Field does ("Emergence of simple-cell receptive field properties", 1996).

    Parameters
    ----------
    images : torch.Tensor, (n, c, h, w)
        Normalised input.
    patch_size : int
        Side p.
    share : float
        Of the mean variance m, added to every variance v before inverting.
    cut : float
        Of the mean variance: patterns of much less variance are suppressed.

    Returns
    -------
    torch.Tensor, (c p p, c p p)
        Symmetric; each principal pattern's gain is v / (v + cut m) / sqrt(v + share m).
    """
    patches = F.unfold(images, patch_size, stride=patch_size).transpose(1, 2).flatten(0, 1)
    values, vectors = torch.linalg.eigh(torch.cov(patches.double().T))
    values = values.clamp(min=0)
    mean = values.mean()
    gain = (values + share * mean).rsqrt()
    if cut:
        gain = gain * values / (values + cut * mean)
    matrix: Tensor = ((vectors * gain) @ vectors.T).float()
    return matrix


def _optimizer(model: ConvMixer, recipe: Recipe) -> torch.optim.AdamW:
    patch = [p for p in model.patch_embedding.parameters() if p.ndim > 1]
    weights = [p for p in model.parameters() if p.ndim > 1 and p is not patch[0]]
    rest = [p for p in model.parameters() if p.ndim <= 1]
    return torch.optim.AdamW(
        [
            {"params": weights, "weight_decay": recipe.weight_decay},
            {"params": patch, "weight_decay": recipe.patch_weight_decay},
            {"params": rest, "weight_decay": 0.0},
        ],
        lr=recipe.lr,
        eps=recipe.eps,
    )


def _rate(recipe: Recipe, step: int, steps: int) -> float:
    rise = max(1, round(recipe.warmup * steps))
    if step < rise:
        return recipe.lr * (step + 1) / rise
    return recipe.lr * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


def _ema_update(average: ConvMixer, model: ConvMixer, decay: float) -> None:
    with torch.no_grad():
        for kept, new in zip(
            average.state_dict().values(), model.state_dict().values(), strict=True
        ):
            if kept.is_floating_point():
                kept.lerp_(new, 1 - decay)
            else:
                kept.copy_(new)


class _Run:
    """State of one training: everything that a resumed run needs."""

    def __init__(self, recipe: Recipe, data: TrainingImages, device: str) -> None:
        self.recipe, self.data, self.device = recipe, data, device
        self.steps_per_epoch = max(1, data.n_train * recipe.crops_per_image // recipe.batch_size)
        self.generator = torch.Generator().manual_seed(recipe.seed)
        torch.manual_seed(recipe.seed)
        shape = (recipe.dim, recipe.depth, recipe.kernel_size, recipe.patch_size)
        self.model = ConvMixer(*shape, len(data.classes), activation=recipe.activation)
        with torch.no_grad():
            self.model.patch_embedding.weight.mul_(recipe.patch_init)
        mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
        self.mean, self.std = mean.view(-1, 1, 1), std.view(-1, 1, 1)
        if recipe.whiten:
            self._whiten()
        self.average = copy.deepcopy(self.model)
        for network in (self.model, self.average):
            network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average.eval()
        self.optimizer = _optimizer(self.model, recipe)
        self.epoch, self.seconds = 0, 0.0
        self.history: list[dict[str, float]] = []

    def _whiten(self) -> None:
        """Let the patch embedding be learned on whitened patches of plain crops."""
        recipe, n = self.recipe, self.data.n_train
        some = torch.randperm(n, generator=self.generator)[: min(n, 512)]
        crops = self.data.train_batch(some, recipe.image_size, self.generator)
        images = (crops.float() / 255 - self.mean) / self.std
        matrix = whitening_matrix(images, recipe.patch_size, recipe.whiten, recipe.whiten_cut)
        # The random start is taken over as coefficients: its size is what matters.
        parametrize.register_parametrization(
            self.model.patch_embedding, "weight", _Whitened(matrix)
        )

    def key(self) -> dict[str, Any]:
        """Return what must be equal for a run to be resumed."""
        return {"recipe": asdict(self.recipe), "data": self.data.fingerprint}

    def save(self, path: Path) -> None:
        """Write the state atomically."""
        part = path.with_name(path.name + ".part")
        torch.save(
            {
                "key": self.key(),
                "epoch": self.epoch,
                "seconds": self.seconds,
                "history": self.history,
                "model": self.model.state_dict(),
                "average": self.average.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "generator": self.generator.get_state(),
            },
            part,
        )
        part.replace(path)

    def resume(self, path: Path) -> None:
        """Read a state written by `save`, if it belongs to this run."""
        state = torch.load(path, weights_only=True)
        if state["key"] != self.key():
            raise TrainingError(
                f"{path.name}: an interrupted training with other settings or images was found; "
                "delete it to start anew, or give the settings it was started with."
            )
        self.epoch, self.seconds = state["epoch"], state["seconds"]
        self.history = state["history"]
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"])

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Return augmented, normalised crops of these images and their classes."""
        crops = self.data.train_batch(indices, self.recipe.image_size, self.generator)
        x = augment(crops, self.recipe.augmentation, self.recipe.patch_size, self.generator)
        x = ((x - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        return x.to(self.device), self.data.labels(indices).to(self.device)

    def step(self, number: int, indices: Tensor) -> tuple[float, float]:
        """Take one optimiser step; return loss and accuracy on the crops."""
        recipe = self.recipe
        rate = _rate(recipe, number, recipe.epochs * self.steps_per_epoch)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        x, y = self.batch(indices)
        device_type = torch.device(self.device).type
        with torch.autocast(device_type, torch.bfloat16, enabled=recipe.bfloat16):
            logits = self.model(x).float()
        loss = F.cross_entropy(logits, y, label_smoothing=recipe.smoothing)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip)
        self.optimizer.step()
        _ema_update(self.average, self.model, min(recipe.ema, (1 + number) / (10 + number)))
        return loss.item(), (logits.argmax(1) == y).float().mean().item()

    def run_epoch(self, progress: bool) -> dict[str, float]:
        """Train one pass; return its mean loss and accuracy."""
        self.model.train()
        recipe, started = self.recipe, time.perf_counter()
        n = self.steps_per_epoch * recipe.batch_size
        order: Tensor = torch.cat(
            [
                torch.randperm(self.data.n_train, generator=self.generator)
                for _ in range(-(-n // self.data.n_train))
            ]
        )[:n]
        loss_sum = accuracy_sum = 0.0
        batches = torch.split(order, recipe.batch_size)
        bar = tqdm(batches, desc=f"epoch {self.epoch + 1}/{recipe.epochs}", leave=False,
                   disable=None if progress else True)  # fmt: skip
        for i, indices in enumerate(bar):
            loss, accuracy = self.step(self.epoch * self.steps_per_epoch + i, indices)
            loss_sum, accuracy_sum = loss_sum + loss, accuracy_sum + accuracy
            bar.set_postfix_str(
                f"loss {loss_sum / (i + 1):.3f}, accuracy {accuracy_sum / (i + 1):.3f}"
            )
        self.epoch += 1
        self.seconds += time.perf_counter() - started
        return {"loss": loss_sum / len(batches), "accuracy": accuracy_sum / len(batches)}

    def held_out_accuracy(self) -> float:
        """Return the averaged weights' top-1 accuracy on the held-out images."""
        images, labels = self.data.test_set(self.recipe.image_size)
        right = 0
        with torch.inference_mode():
            for x, y in zip(torch.split(images, 256), torch.split(labels, 256), strict=True):
                batch = ((x.float() / 255 - self.mean) / self.std).to(self.device)
                batch = batch.contiguous(memory_format=torch.channels_last)
                right += int((self.average(batch).argmax(1).cpu() == y).sum())
        return right / len(labels)

    def write(self, path: Path, accuracy: float | None) -> None:
        """Write the averaged weights with their metadata."""
        recipe = self.recipe
        training = {
            "recipe": asdict(recipe),
            "data_fingerprint": self.data.fingerprint,
            "n_images": self.data.n_train,
            "skipped": list(self.data.skipped),
            "epochs_done": self.epoch,
            "crops_seen": self.epoch * self.steps_per_epoch * recipe.batch_size,
            "seconds": round(self.seconds),
            "train_accuracy": self.history[-1]["accuracy"] if self.history else None,
            "held_out_accuracy": accuracy,
            "torch": torch.__version__,
            "device": self.device,
        }
        pre = Preprocessing(recipe.image_size, 1.0, interpolation="bilinear",
                            known="the checkpoint's metadata")  # fmt: skip
        # A plain network: removing a parametrisation would remove it from all copies.
        folded = ConvMixer.from_config(self.average.config)
        state = self.average.state_dict()
        state["patch_embedding.weight"] = self.average.patch_filters.detach()
        folded.load_state_dict({name: state[name] for name in folded.state_dict()})
        save_checkpoint(
            folded, path, preprocessing=pre, classes=self.data.classes, training=training
        )


def _check(recipe: Recipe) -> None:
    """Refuse numbers that no training can start with."""
    if not 0 < recipe.lr < math.inf or not 0 <= recipe.weight_decay < math.inf:
        raise TrainingError(
            f"a learning rate of {recipe.lr:g} and a weight decay of {recipe.weight_decay:g} "
            "found, expected finite numbers, the rate above 0, the decay not below."
        )
    if recipe.image_size < recipe.patch_size:
        raise TrainingError(
            f"an image size of {recipe.image_size} pixels found, at least one patch of "
            f"{recipe.patch_size} expected; give a larger --image-size."
        )


def train(
    folder: str | Path,
    out: str | Path,
    recipe: Recipe,
    *,
    extra: tuple[str | Path, ...] = (),
    device: str = "cpu",
    save_every: int = 0,
    force: bool = False,
    progress: bool = True,
    report: Callable[[str], None] = print,
) -> float:
    """Train a ConvMixer on a folder of images; resume an interrupted training.

    Parameters
    ----------
    folder : str or Path
        Photographs (each its own class) or class folders, as in `open_training_folder`.
    out : str or Path
        The .safetensors file to write. While training, ``OUT.resume`` beside it holds the state
        after the last finished epoch; the same call goes on from there.
    recipe : Recipe
        Settings.
    extra : tuple of paths
        Further photographs for a flat folder.
    device : str
        Where to compute.
    save_every : int
        Keep a snapshot ``OUT-eNNN.safetensors`` every so many epochs; 0 keeps none.
    force : bool
        Replace an existing file.
    progress : bool
        Show a progress bar, where the error stream is a terminal.
    report : callable
        Receives one line of text per epoch.

    Returns
    -------
    float
        Top-1 accuracy on the held-out images.

    Raises
    ------
    TrainingError
        If the file exists, or an interrupted training with other settings is in the way.
    ImageError
        If the folder holds nothing to train on.
    """
    out = Path(out)
    resume = out.with_name(out.name + ".resume")
    if out.suffix != ".safetensors":
        raise TrainingError(f"{out.name}: expected a name that ends in .safetensors.")
    if not out.parent.is_dir():
        raise TrainingError(f"{out}: the folder {out.parent} does not exist; make it first.")
    if not os.access(out.parent, os.W_OK):
        raise TrainingError(f"{out}: nothing can be written to the folder {out.parent}.")
    if out.exists() and not force:
        raise TrainingError(f"{out.name} exists; choose another name or pass --force.")
    _check(recipe)
    data = open_training_folder(Path(folder), recipe.augmentation, [Path(p) for p in extra])
    for line in data.skipped:
        report(f"skipped {line}")
    run = _Run(recipe, data, device)
    if resume.exists():
        run.resume(resume)
        report(f"resuming after epoch {run.epoch} of {recipe.epochs}")
    accuracy: float | None = None
    while run.epoch < recipe.epochs:
        done = run.run_epoch(progress)
        run.history.append(done)
        if run.epoch % 5 == 0 or run.epoch == recipe.epochs:
            accuracy = run.held_out_accuracy()
        held = "" if accuracy is None else f", held out {accuracy:.3f}"
        speed = run.epoch * run.steps_per_epoch * recipe.batch_size / run.seconds
        report(
            f"epoch {run.epoch}/{recipe.epochs}: loss {done['loss']:.3f}, "
            f"accuracy {done['accuracy']:.3f}{held}, {speed:.0f} crops/s"
        )
        run.save(resume)
        if save_every and run.epoch % save_every == 0:
            run.write(out.with_name(f"{out.stem}-e{run.epoch:03d}.safetensors"), accuracy)
    accuracy = run.held_out_accuracy()
    run.write(out, accuracy)
    resume.unlink(missing_ok=True)
    return accuracy
