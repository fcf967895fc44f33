"""How the shipped checkpoints were trained, and how to train your own."""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from viz.core.network import IMAGENET_MEAN, IMAGENET_STD, Preprocessing, split_activation
from viz.core.refusal import Refusal, check_place
from viz.network.checkpoint import Checkpoint
from viz.network.convmixer import ConvMixer
from viz.network.saving import save_checkpoint
from viz.training.crops import ClassFolder, augment, mixed, open_training_folder
from viz.training.fast import Way, logits, pick_way
from viz.training.recipes import Recipe

_SNAPSHOTS = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Shares of a training after which a snapshot is kept; fewer leave out the early ones."""
_MEAN, _STD = (torch.tensor(of).view(3, 1, 1) for of in (IMAGENET_MEAN, IMAGENET_STD))


def patch_gain(images: Tensor, patch_size: int, share: float, power: float) -> Tensor:
    """Return the symmetric matrix that scales each principal pattern of the images' patches.

    A pattern of v times the mean variance has the gain ``(v + share) ** power``: a power of -0.5
    whitens (up to the share), 0 is the identity.
    """
    patches = F.unfold(images, patch_size, stride=patch_size).transpose(1, 2).flatten(0, 1)
    values, vectors = torch.linalg.eigh(torch.cov(patches.double().T))
    gain = (values.clamp(min=0) / values.mean().clamp(min=1e-12) + share) ** power
    matrix: Tensor = ((vectors * gain) @ vectors.T).float()
    return matrix


def _hours(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{max(1, minutes)} min"


def _check_start(start: Checkpoint, wanted: Mapping[str, Any]) -> None:
    """Refuse weights of another architecture, for other pixels or for other classes."""
    found = start.config.to_dict() | start.preprocessing.to_dict()
    found |= {f"class {i}": name for i, name in enumerate(start.classes)}
    for what, expected in wanted.items():
        if found.get(what, expected) != expected:
            raise Refusal(
                f"{start.source.name}: {what} is {found[what]}, expected {expected}; start from a "
                "checkpoint of this architecture, for the folder's classes."
            )


class _Run:
    """State of one training: everything that a resumed run needs."""

    def __init__(
        self, recipe: Recipe, data: ClassFolder, device: str, start: Checkpoint | None = None
    ) -> None:
        self.recipe, self.data, self.device = recipe, data, device
        self.per_epoch = max(1, data.n_train // recipe.batch_size)
        self.steps, self.step, self.seconds = recipe.epochs * self.per_epoch, 0, 0.0
        self.losses: list[float] = []
        self.before = {} if start is None else dict(start.training)
        self.generator = torch.Generator().manual_seed(recipe.seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            self.model = ConvMixer.from_config(recipe.config(len(data.classes)))
            noise = torch.randn(recipe.dim, 3 * recipe.patch_size**2)
        if start is None:
            noise = noise @ self._basis(recipe.smooth)
            # 0.577 is the norm of torch's default filters: uniform within 1 / sqrt(fan in).
            filters = noise / noise.norm(dim=1, keepdim=True) * 0.577 * recipe.patch_init
        else:
            names = {f"class {i}": name for i, name in enumerate(data.classes)}
            _check_start(start, {"n_classes": len(data.classes), **names})
            self.model.load_state_dict(start.model.state_dict())
            filters = self.model.patch_embedding.weight.detach().flatten(1)
        # The patch embedding's weight is coefficients @ basis; AdamW sees the coefficients.
        basis = self._basis(-recipe.power)
        coefficients = filters @ torch.linalg.inv(basis.double()).float()
        self.basis, self.coefficients = basis.to(device), nn.Parameter(coefficients.to(device))
        self.model.to(device)
        self.patch = self.model.patch_embedding.weight
        self.fold()
        self.average = copy.deepcopy(self.model).eval()
        of = dict(self.model.named_parameters())
        kernels = [p for name, p in of.items() if name.endswith("depthwise.weight")]
        others = [p for name, p in of.items()
                  if not name.endswith(("depthwise.weight", "patch_embedding.weight"))]  # fmt: skip
        groups: list[tuple[list[nn.Parameter], float, float]] = [
            ([p for p in others if p.ndim > 1], recipe.weight_decay, 1.0),
            ([p for p in others if p.ndim <= 1], 0.0, 1.0),
            (kernels, recipe.weight_decay, recipe.depthwise_lr),
            ([self.coefficients], recipe.patch_weight_decay, recipe.patch_lr)]  # fmt: skip
        self.learned = [p for params, _, _ in groups for p in params]
        self.optimizer = torch.optim.AdamW(
            [{"params": params, "weight_decay": decay, "pace": pace}
             for params, decay, pace in groups],
            lr=recipe.lr, eps=recipe.eps,
        )  # fmt: skip

    def _basis(self, power: float) -> Tensor:
        """Return `patch_gain` of crops of 512 training images, always the same ones."""
        recipe, generator = self.recipe, torch.Generator().manual_seed(1)
        some = torch.randperm(self.data.n_train, generator=generator)[:512]
        crops = [self.crops(part, recipe.size_at(0), generator) for part in torch.split(some, 128)]
        return patch_gain(torch.cat(crops), recipe.patch_size, recipe.share, power)

    def crops(self, indices: Tensor, size: int, generator: torch.Generator) -> Tensor:
        """Return augmented, normalised crops of these images."""
        crops = self.data.train_batch(indices, size, generator)
        return (augment(crops, self.recipe.augmentation, generator) - _MEAN) / _STD

    def fold(self) -> None:
        """Compute the patch embedding from its coefficients."""
        with torch.no_grad():
            self.patch.copy_((self.coefficients @ self.basis).view_as(self.patch))

    def key(self) -> dict[str, Any]:
        """Return what must be equal for a run to be resumed."""
        return {"recipe": asdict(self.recipe), "data": self.data.fingerprint}

    def save(self, path: Path) -> None:
        """Write the state atomically."""
        part = path.with_name(path.name + ".part")
        state = {name: part.state_dict() for name, part in self._parts().items()}
        torch.save(
            state
            | {"key": self.key(), "step": self.step, "seconds": self.seconds,
               "losses": self.losses, "coefficients": self.coefficients.detach(),
               "generator": self.generator.get_state()},
            part,
        )  # fmt: skip
        part.replace(path)

    def _parts(self) -> dict[str, Any]:
        return {"model": self.model, "average": self.average, "optimizer": self.optimizer}

    def resume(self, path: Path) -> None:
        """Read a state written by `save`, if it belongs to this run."""
        state = torch.load(path, weights_only=True)
        if state.get("key") != self.key():
            raise Refusal(
                f"{path.name}: an interrupted training with other settings or images was found; "
                "delete it to start anew, or give the settings it was started with."
            )
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self.step, self.seconds, self.losses = state["step"], state["seconds"], state["losses"]
        self.coefficients.data.copy_(state["coefficients"])
        self.generator.set_state(state["generator"])

    def size(self, step: int) -> int:
        """Return the side of the crops of this step."""
        return self.recipe.size_at(step / self.steps)

    def left(self, seconds: float) -> float:
        """Return the seconds left if a step now takes so many: cost goes with the pixels."""
        pixels = sum(self.size(step) ** 2 for step in range(self.step, self.steps))
        return seconds * pixels / self.size(min(self.step, self.steps - 1)) ** 2

    def rate(self) -> float:
        """Return the learning rate of the next step."""
        recipe, rise = self.recipe, max(1, round(self.recipe.warmup * self.steps))
        if self.step < rise:
            return recipe.lr * (self.step + 1) / rise
        done = (self.step - rise) / max(1, self.steps - rise)
        return recipe.lr * 0.5 * (1 + math.cos(math.pi * done))

    def take_step(self, indices: Tensor, way: Way) -> float:
        """Take one optimiser step; return the loss."""
        recipe, data = self.recipe, self.data
        x = self.crops(indices, self.size(self.step), self.generator)
        y = F.one_hot(data.labels(indices), len(data.classes)).float()
        if torch.rand(1, generator=self.generator).item() < recipe.mix:
            x, y = mixed(x, y, self.step, recipe.alpha, self.generator)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate() * group["pace"]
        out = logits(self.model, x.to(self.device), way)
        loss = F.cross_entropy(out, y.to(self.device), label_smoothing=recipe.smoothing)
        if not math.isfinite(loss.item()):
            raise Refusal(
                f"the loss is {loss.item()} after {self.step} steps; give a lower --lr than "
                f"{recipe.lr:g}."
            )
        self.model.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        assert self.patch.grad is not None
        self.coefficients.grad = self.patch.grad.flatten(1) @ self.basis
        nn.utils.clip_grad_norm_(self.learned, recipe.clip)
        self.optimizer.step()
        self.fold()
        self.step += 1
        decay = min(recipe.ema, (1 + self.step) / (10 + self.step))
        new = self.model.state_dict()
        with torch.no_grad():
            for name, kept in self.average.state_dict().items():
                if kept.is_floating_point():
                    kept.lerp_(new[name], 1 - decay)
        return loss.item()

    def run_epoch(self, way: Way, progress: bool, after_step: Callable[[], None]) -> None:
        """Train one pass; keep its mean loss."""
        self.model.train()
        started, losses, epoch = time.perf_counter(), [], self.step // self.per_epoch
        # Of its own seed: what was drawn before an interruption does not matter.
        seed = torch.Generator().manual_seed(self.recipe.seed * 1000 + epoch)
        order = torch.randperm(self.data.n_train, generator=seed)
        batches = torch.split(order, self.recipe.batch_size)[: self.per_epoch]
        bar = tqdm(batches, f"epoch {epoch + 1}/{self.recipe.epochs}", leave=False,
                   disable=None if progress else True)  # fmt: skip
        for indices in bar:
            losses.append(self.take_step(indices, way))
            after_step()
            bar.set_postfix_str(f"loss {sum(losses) / len(losses):.3f}")
        self.losses.append(sum(losses) / len(losses))
        self.seconds += time.perf_counter() - started

    def answers(self, network: ConvMixer) -> Tensor:
        """Return whether the network's answer to each held-out image is right."""
        with torch.inference_mode():
            batches = (
                ((x.float() / 255 - _MEAN) / _STD).to(self.device) for x in self.data.held_out()
            )
            said = torch.cat([network(x).argmax(1).cpu() for x in batches])
        return said == self.data.held_labels

    def write(self, path: Path, way: Way, network: ConvMixer) -> float:
        """Write a network in half precision, and its accuracy as it then is."""
        from scipy.stats import binomtest

        rounded = copy.deepcopy(network).half().float().eval()
        right, recipe, data = self.answers(rounded), self.recipe, self.data
        n, k = len(right), int(right.sum())
        classes = {name: data.held_labels == i for i, name in enumerate(data.classes)}
        per_class = {name: right[of].float().mean().item() for name, of in classes.items()
                     if of.any()}  # fmt: skip
        training = {
            "recipe": asdict(recipe), "data_fingerprint": data.fingerprint,
            "n_images": data.n_train, "skipped": list(data.skipped), "steps": self.step,
            "crops_seen": self.step * min(recipe.batch_size, data.n_train),
            "seconds": round(self.seconds), "losses": self.losses,
            "held_out_n": n, "held_out_accuracy": k / n,
            "held_out_interval": list(binomtest(k, n).proportion_ci(method="wilson")),
            "per_class_accuracy": per_class, "computed": str(way),
            "torch": torch.__version__, "device": self.device, "before": self.before,
        }  # fmt: skip
        pre = Preprocessing(recipe.image_size, 1.0, interpolation="bilinear",
                            known="the checkpoint's metadata")  # fmt: skip
        save_checkpoint(rounded, path, preprocessing=pre, classes=data.classes,
                        training=training, dtype=torch.float16)  # fmt: skip
        return k / n


def _check(recipe: Recipe, out: Path, names: list[Path], force: bool) -> None:
    """Refuse numbers and files that no training can start with."""
    if out.suffix != ".safetensors":
        raise Refusal(f"{out.name}: expected a name that ends in .safetensors.")
    for path in names:
        check_place(path, force=force)
    if not os.access(out.parent, os.W_OK):
        raise Refusal(f"{out}: nothing can be written to the folder {out.parent}.")
    if not 0 < recipe.lr < math.inf or not 0 <= recipe.weight_decay < math.inf:
        raise Refusal(
            f"a learning rate of {recipe.lr:g} and a weight decay of {recipe.weight_decay:g} "
            "found, expected finite numbers, the rate above 0, the decay not below."
        )
    split_activation(recipe.activation)
    if recipe.image_size < recipe.patch_size:
        raise Refusal(
            f"an image size of {recipe.image_size} pixels found, at least one patch of "
            f"{recipe.patch_size} expected; give a larger --image-size."
        )


def train(
    folder: str | Path, out: str | Path, recipe: Recipe, *, device: str = "cpu",
    arithmetic: str | None = None, threads: int | None = None, snapshots: int = 0,
    start: Checkpoint | None = None, force: bool = False, progress: bool = True,
    report: Callable[[str], None] = print,
) -> float:  # fmt: skip
    """Train a ConvMixer on a folder of images; return its top-1 accuracy on the held-out ones.

    ``start`` is of this architecture and these classes. ``OUT.resume`` holds the state after the
    last finished epoch; the same call goes on from there.
    ``OUT-at-PERCENT.safetensors`` are snapshots of the start and after 1, 3, 10, 30 and 100 %.
    """
    out = Path(out)
    resume = out.with_name(out.name + ".resume")
    kept = _SNAPSHOTS[:1][:snapshots] + _SNAPSHOTS[1:][::-1][: max(0, snapshots - 1)]
    names = {s: out.with_name(f"{out.stem}-at-{100 * s:g}.safetensors") for s in kept}
    _check(recipe, out, [out, *([] if resume.exists() else names.values())], force)
    if start is not None:
        wanted = recipe.config(start.config.n_classes).to_dict()
        _check_start(start, wanted | {"mean": IMAGENET_MEAN, "std": IMAGENET_STD})
        recipe = replace(recipe, start=start.source.sha256)
    data = open_training_folder(Path(folder), recipe.augmentation, recipe.image_size)
    for line in data.skipped:
        report(f"An image is left out: {line}")
    before = torch.get_num_threads()
    run = _Run(recipe, data, device, start)
    if resume.exists():
        run.resume(resume)
        report(f"The training goes on after epoch {run.step // run.per_epoch} of {recipe.epochs}.")
    # Where a training is too short for all of them, the start stays.
    keep = {round(share * run.steps): names[share] for share in reversed(kept)}
    n = min(recipe.batch_size, data.n_train)
    way, measured = Way("float32", before), 0

    def snapshot() -> None:
        if run.step in keep:
            # The average of the first steps still holds much of the random start.
            network = run.model if run.step < run.steps // 50 else run.average
            run.write(keep[run.step], way, network)

    if not run.step:
        snapshot()
    while run.step < run.steps:
        if run.size(run.step) != measured:
            measured = run.size(run.step)
            way = pick_way(run.model, (n, measured), run.steps - run.step,
                           arithmetic=arithmetic, threads=threads)  # fmt: skip
            report(f"Crops of {measured} px are computed with {way}: "
                   f"{n / way.seconds:.0f} a second, about {_hours(run.left(way.seconds))} left."
                   )  # fmt: skip
        seconds = run.seconds
        run.run_epoch(way, progress, snapshot)
        epoch, taken = run.step // run.per_epoch, (run.seconds - seconds) / run.per_epoch
        held = ""
        if epoch % max(1, recipe.epochs // 10) == 0 and run.step < run.steps:
            right = run.answers(run.average).float().mean().item()
            held = f", {100 * right:.1f} % of the held-out images right"
        left = f", {_hours(run.left(taken))} left" if run.step < run.steps else ""
        report(f"Epoch {epoch} of {recipe.epochs}: loss {run.losses[-1]:.3f}{held}, "
               f"{n / taken:.0f} crops a second{left}.")  # fmt: skip
        run.save(resume)
    accuracy = run.write(out, way, run.average)
    resume.unlink(missing_ok=True)
    torch.set_num_threads(before)
    return accuracy
