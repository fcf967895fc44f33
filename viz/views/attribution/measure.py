"""Attributions, and how far each can be trusted when patches go, or weights are drawn anew.

Insertion and deletion (Petsiuk, Das and Saenko 2018, RISE), infidelity and maximal sensitivity
(Yeh et al. 2019, as Captum computes them), completeness (Sundararajan et al. 2017), and the
randomisation test (Adebayo et al. 2018); beside each, the same of a random map, of edges and of a
constant map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from viz.core.counting import Progress
from viz.core.own_torch import own_torch
from viz.core.refusal import NoSuch
from viz.core.wide import wide
from viz.images.sets import ImageSet, image_set
from viz.views.attribution import scores
from viz.views.attribution.methods import MEMORY, Explainer, Settings, chosen, to_patches
from viz.views.attribution.network import (
    BY_RANK,
    AttributionError,
    Explained,
    class_index,
    drawn_anew,
    explained_by,
)
from viz.views.attribution.result import COMPLETE, REFERENCES, UNITS, Attributions, Trust

if TYPE_CHECKING:
    from viz.network.checkpoint import Checkpoint

Floats = NDArray[np.float64]
Images = ImageSet | Tensor | str | Path | Sequence[str | Path] | None


@dataclass(frozen=True)
class Effort:
    """How much is spent on each score.

    Steps of the insertion and deletion curves; random sets of patches behind infidelity; noisy
    images behind maximal sensitivity, and the size of the noise; stages of the randomisation test;
    random maps whose scores are averaged. 0 noisy images or stages leave a score out.
    """

    n_curve: int = 16
    n_subsets: int = 64
    n_noise: int = 2
    radius: float = 0.02
    n_stages: int = 3
    n_random: int = 3


@own_torch()
def attribute(checkpoint: Checkpoint, images: Images = None, **options: Any) -> Attributions:
    """Explain a class's logit, or the difference of two, for each image; options as in `rate`.

    The baseline of every method that has one is an input of zeros, the mean colour of the
    training images, except gradient SHAP's: grey images of a random level.
    """
    return Attributions(**_explain(checkpoint, images, None, **options))


@own_torch()
def rate(
    checkpoint: Checkpoint, images: Images = None, *, effort: Effort | None = None, **options: Any
) -> Trust:
    """Explain each image, and rate every explanation.

    An image without some of its patches is unlike any image the network was trained on: curves and
    infidelity measure what the network does with such images. A map that ignores the input has the
    best sensitivity there is. No score says that a map shows what a person would call the reason.
    """
    return Trust(**_explain(checkpoint, images, effort or Effort(), **options))


def _explain(
    checkpoint: Checkpoint,
    images: Images,
    effort: Effort | None,
    *,
    methods: Sequence[str] | None = None,
    target: str | int = "predicted",
    block: int | None = None,
    n_steps: int = Settings.n_steps,
    n_samples: int = Settings.n_samples,
    seed: int = 0,
    memory: int = MEMORY,
    batch_size: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Return the fields of `Attributions`, and those of `Trust` where some effort is made."""
    config, source = checkpoint.config, checkpoint.source
    last = config.depth - 1 if block is None else block
    if not 0 <= last < config.depth:
        raise NoSuch(f"There is no block {last}: blocks are 0 to {config.depth - 1}.")
    if target not in BY_RANK:
        class_index(target, config.n_classes, checkpoint.classes)
    names = chosen(methods, config.activation)
    settings = Settings(n_steps=n_steps, n_samples=n_samples, block=last, seed=seed)
    given = image_set(images, checkpoint.preprocessing, config.in_channels)
    counter = _Counter(progress)
    explainer = Explainer(
        checkpoint.model, checkpoint.preprocessing, settings, memory=memory,
        batch_size=batch_size, count=counter,
    )  # fmt: skip
    rating = None if effort is None else _Rating(explainer, names, effort)
    passes: dict[str, int] = {}
    found: dict[str, list[Any]] = {}
    for batch in given.batches(1):
        full = _whole(batch.inputs, config.patch_size)
        x = explainer.cropped(full)
        if not passes:
            each = sum(explainer.passes(m, explainer.grid(x)) for m in names)
            passes = {"maps": each + 2}
            if rating is not None:
                passes |= rating.passes(explainer.grid(x), each)
            counter.total = sum(passes.values()) * len(given)
        with torch.no_grad():
            logits = wide(explainer.logits(torch.cat([x, torch.zeros_like(x)]))).cpu()
        if not bool(logits.isfinite().all()):
            raise AttributionError(
                "the network's answer is not finite (NaN or infinite), so nothing can be explained;"
                " check its weights with viz info."
            )
        explained = explained_by(target, logits[0], checkpoint.classes)
        raw = {m: explainer.raw(m, x, explained) for m in names}
        patches = np.stack([to_patches(m, raw[m], config.patch_size) for m in names])
        score, baseline = explained.score(logits).tolist()
        values = {
            "names": batch.names[0],
            "pixels": batch.pixels[0],
            "patches": patches,
            "target": explained.target,
            "against": explained.against,
            "predicted": int(logits[0].argmax()),
            "score": score,
            "baseline_score": baseline,
            "probability": float(explained.probability(logits)[0]),
        }
        if rating is not None:
            image = _Image(full, x, explained, logits[:1], score - baseline, raw, patches)
            values |= rating.of(image, len(found.get("names", ())))
        for name, value in values.items():
            found.setdefault(name, []).append(value)
    counter.finish()
    arrays: dict[str, Any] = {k: np.stack(v) for k, v in found.items() if k != "names"}
    if rating is not None:
        arrays |= {"rated": rating.rated, "passes": passes}
        arrays["stages"] = tuple(name for name, _ in rating.stages)
    return {
        "source": replace(
            source,
            settings={"target": str(target), **asdict(settings),
                      "baseline": "zeros: the mean colour", **(asdict(effort) if effort else {})},
            versions={lib: version(lib) for lib in ("torch", "captum")},
            images=given.sha256,
            warnings=(*source.warnings, *([given.note] if given.note else [])),
        ),
        "names": tuple(found["names"]),
        "methods": names,
        "classes": checkpoint.classes or tuple(f"class {i}" for i in range(config.n_classes)),
        "patch_size": config.patch_size,
        **arrays,
    }  # fmt: skip


class _Counter:
    """Turns counts of images sent through the network into progress."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress, self.done, self.total = progress, 0, 0

    def __call__(self, n: int) -> None:
        self.done += n
        if self.progress is not None and self.total:
            self.progress(min(self.done, self.total - 1), self.total)

    def finish(self) -> None:
        if self.progress is not None:
            self.progress(max(self.total, 1), max(self.total, 1))


def _whole(inputs: Tensor, p: int) -> Tensor:
    """Return network input that holds at least one patch, or say that it does not."""
    if min(inputs.shape[-2:]) < p:
        raise AttributionError(
            f"an image of {inputs.shape[-1]} x {inputs.shape[-2]} pixels found, at least one patch "
            f"of {p} x {p} expected; give a larger one."
        )
    return inputs


def stage_parts(depth: int, n_stages: int) -> list[tuple[str, tuple[str, ...]]]:
    """Return the stages of the randomisation test, evenly over depth, the head first."""
    order: list[tuple[str, tuple[str, ...]]] = [("head", ("head",))]
    order += [(f"block {b}", (f"blocks.{b}",)) for b in reversed(range(depth))]
    order += [("patch embedding", ("patch_embedding", "patch_norm"))]
    last = np.unique(np.linspace(0, len(order) - 1, min(n_stages, len(order))).round().astype(int))
    return [
        (order[i][0], tuple(part for _, parts in order[: i + 1] for part in parts)) for i in last
    ]


@dataclass(frozen=True)
class _Image:
    """One image, and what was explained of it: x is cut to whole patches, full is not."""

    full: Tensor
    x: Tensor
    explained: Explained
    logits: Tensor
    fall: float
    raw: dict[str, NDArray[np.float32]]
    patches: Floats


class _Rating:
    """Rates the maps of one image after the other."""

    def __init__(self, explainer: Explainer, names: tuple[str, ...], effort: Effort) -> None:
        self.explainer, self.names, self.effort = explainer, names, effort
        self.seed = explainer.settings.seed
        self.rated = (*names, *REFERENCES)
        self.stages = stage_parts(explainer.config.depth, effort.n_stages)

    def passes(self, grid: tuple[int, int], maps: int) -> dict[str, int]:
        """Return the images that each score sends through the network."""
        e, counts = self.effort, scores.points(grid[0] * grid[1], self.effort.n_curve)
        shap = "gradient-shap" in self.names
        return {
            "insertion and deletion": 2 * len(counts) * (len(self.names) + e.n_random + 2),
            "infidelity": e.n_subsets,
            "completeness": self.explainer.settings.n_samples * shap,
            "max-sensitivity": maps * e.n_noise,
            "randomisation": maps * len(self.stages),
        }

    def of(self, image: _Image, number: int) -> dict[str, Any]:
        """Return one image's scores."""
        rng = np.random.default_rng([self.seed, number])
        grid = self.explainer.grid(image.x)
        random = rng.standard_normal((self.effort.n_random, *grid))
        drawn = scores.edges(image.x, self.explainer.config.patch_size)
        references = np.stack([random[0], drawn, np.ones(grid)])
        maps = np.concatenate([image.patches, random, references[1:]])
        return {
            "reference_patches": references,
            **self._curves(image, maps, rng),
            **self._infidelity(image, maps, rng),
            "completeness_gap": self._gaps(image),
            "max_sensitivity": self._sensitivity(image, drawn),
            "rank_correlation": self._randomised(image, references, rng),
        }

    def _averaged(self, values: Floats) -> Floats:
        """Put the mean over random maps in place of them: (M + n_random + 2,) to (A,)."""
        m, n = len(self.names), self.effort.n_random
        return np.concatenate([values[:m], [values[m : m + n].mean()], values[m + n :]])

    def _curves(self, image: _Image, maps: Floats, rng: np.random.Generator) -> dict[str, Floats]:
        blur, gone = self.explainer.cropped(scores.blurred(image.full)), torch.zeros_like(image.x)
        counts = scores.points(maps[0].size, self.effort.n_curve)
        masks = np.concatenate([scores.top_patches(each, counts, rng) for each in maps])
        found = {}
        for name, there, elsewhere in (
            ("insertion_auc", image.x, blur),
            ("deletion_auc", gone, image.x),
        ):
            logits = self.explainer.mixed(masks, there, elsewhere)
            curves = image.explained.probability(logits).numpy().reshape(len(maps), -1)
            area = np.trapezoid(curves, dx=1 / (len(counts) - 1), axis=1)
            found[name] = self._averaged(area)
        return found

    def _infidelity(
        self, image: _Image, maps: Floats, rng: np.random.Generator
    ) -> dict[str, Floats]:
        p, x = self.explainer.config.patch_size, image.x.cpu().double().numpy()[0]
        removed = scores.subsets(self.effort.n_subsets, self.explainer.grid(image.x), rng)
        after = self.explainer.mixed(removed, torch.zeros_like(image.x), image.x)
        fall = float(image.explained.score(image.logits)) - image.explained.score(after).numpy()
        # A gradient claims that the score falls by gradient times input.
        claims = [
            to_patches("input-x-gradient", image.raw[m] * x, p) if UNITS[m] != "logit" else each
            for m, each in zip(self.names, image.patches, strict=True)
        ]
        found = scores.infidelity(np.stack([*claims, *maps[len(claims) :]]), removed, fall)
        names = ("infidelity", "unexplained")
        return {n: self._averaged(values) for n, values in zip(names, found, strict=True)}

    def _gaps(self, image: _Image) -> Floats:
        """Return by how much each map misses the difference of scores that it promises."""
        promised = dict.fromkeys(COMPLETE, image.fall)
        if "gradient-shap" in self.names:
            score = float(image.explained.score(image.logits))
            promised["gradient-shap"] = score - self._grey_score(image)
        sums = dict(zip(self.names, image.patches.sum((1, 2)), strict=True))
        return np.array([sums.get(name, np.nan) - promised.get(name, np.nan)
                         for name in self.rated])  # fmt: skip

    def _grey_score(self, image: _Image) -> float:
        """Return the mean score of gradient SHAP's grey images."""
        grey = self.explainer.shap_baselines().to(image.x)[:, :, None, None]
        grey = grey.expand(-1, -1, *image.x.shape[2:])
        size = self.explainer.batch(self.explainer.grid(image.x), gradient=False)
        with torch.no_grad():
            logits = torch.cat([self.explainer.logits(part) for part in torch.split(grey, size)])
        return float(wide(image.explained.score(logits)).mean())

    def _sensitivity(self, image: _Image, drawn: Floats) -> Floats:
        """Return the largest relative change of each map; two references ignore the input."""
        worst = np.full(len(self.rated), np.nan)
        generator = torch.Generator().manual_seed(self.seed)
        before: list[NDArray[Any]] = [*(image.raw[name] for name in self.names), drawn]
        for _ in range(self.effort.n_noise):
            noise = torch.empty(image.x.shape).uniform_(-1, 1, generator=generator)
            noisy = image.x + self.effort.radius * noise.to(image.x)
            after = [self.explainer.raw(m, noisy, image.explained) for m in self.names]
            after.append(scores.edges(noisy, self.explainer.config.patch_size).astype(np.float32))
            change = [
                np.linalg.norm(new.astype(np.float64) - old) / (np.linalg.norm(old) or 1.0)
                for old, new in zip(before, after, strict=True)
            ]
            worst = np.fmax(worst, np.array([*change[:-1], 0, change[-1], 0]))
        return worst

    def _randomised(self, image: _Image, references: Floats, rng: np.random.Generator) -> Floats:
        """Return the rank correlation of each map with that of each network drawn anew."""
        old = self.explainer
        found = np.full((len(self.rated), len(self.stages)), np.nan)
        for t, (_, parts) in enumerate(self.stages):
            other = Explainer(
                drawn_anew(old.network, parts, seed=self.seed), old.preprocessing, old.settings,
                memory=old.memory, batch_size=old.batch_size, count=old.count,
            )  # fmt: skip
            p = old.config.patch_size
            maps = [to_patches(m, other.raw(m, image.x, image.explained), p) for m in self.names]
            after = [*maps, rng.standard_normal(references[0].shape), *references[1:]]
            pairs = zip([*image.patches, *references], after, strict=True)
            found[:, t] = [scores.rank_correlation(one, two) for one, two in pairs]
        return found
