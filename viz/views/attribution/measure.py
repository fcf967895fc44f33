"""How far attributions can be trusted: what happens when patches go, or weights are drawn anew.

Insertion and deletion (Petsiuk, Das and Saenko 2018, RISE), infidelity and maximal sensitivity
(Yeh et al. 2019, as Captum computes them), completeness (Sundararajan et al. 2017), and the
randomisation test (Adebayo et al. 2018); beside each, the same of a random
map, of edges and of a constant map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from viz.core.counting import Progress
from viz.core.own_torch import own_torch
from viz.core.wide import wide
from viz.views.attribution import scores
from viz.views.attribution.gathering import Collected, Seen
from viz.views.attribution.maps import KEEP, Counter, Images, open_images_for, settled, whole
from viz.views.attribution.maps_result import UNITS
from viz.views.attribution.methods import AttributionError, Explainer, chosen, to_patches
from viz.views.attribution.network import MEMORY, drawn_anew
from viz.views.attribution.result import COMPLETE, REFERENCES, Trust

if TYPE_CHECKING:
    from viz.network.checkpoint import Checkpoint

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Effort:
    """How much is spent on each score.

    Parameters
    ----------
    n_curve : int
        Steps of the insertion and deletion curves, at most one a patch.
    n_subsets : int
        Random sets of patches behind infidelity.
    n_noise : int
        Noisy images behind maximal sensitivity; 0 to leave it out.
    radius : float
        Of that noise: uniform within plus or minus this, in units of network input.
    n_stages : int
        Most stages of the randomisation test, evenly over depth; 0 to leave it out.
    n_random : int
        Random maps whose scores are averaged.
    norms : bool
        Whether a part's batch norms are drawn anew with it (then as in a new network), or stay.

    Raises
    ------
    AttributionError
        If a number makes no sense.
    """

    n_curve: int = 32
    n_subsets: int = 100
    n_noise: int = 4
    radius: float = 0.02
    n_stages: int = 6
    n_random: int = 5
    norms: bool = True

    def __post_init__(self) -> None:
        least = {"n_curve": 1, "n_subsets": 2, "n_noise": 0, "n_stages": 0, "n_random": 1}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise AttributionError(f"{name} is at least {low}, not {getattr(self, name)}.")


@own_torch()
def rate(
    checkpoint: Checkpoint,
    images: Images = None,
    *,
    methods: Sequence[str] | None = None,
    target: str | int = "predicted",
    block: int | None = None,
    n_steps: int = 50,
    n_samples: int = 25,
    effort: Effort | None = None,
    seed: int = 0,
    keep: int = KEEP,
    memory: int = MEMORY,
    batch_size: int | None = None,
    progress: Progress | None = None,
) -> Trust:
    """Explain each image, and rate every explanation.

    An image without some of its patches is unlike any image the network was trained on: curves and
    infidelity measure what the network does with such images. A map that ignores the input has the
    best sensitivity there is. No score says that a map shows what a person would call the reason.
    """
    given, spent = open_images_for(checkpoint, images), effort or Effort()
    settings = settled(
        checkpoint, block=block, n_steps=n_steps, n_samples=n_samples, seed=seed
    )  # fmt: skip
    names = chosen(methods, checkpoint.config.activation)
    counter = Counter(progress)
    explainer = Explainer(
        checkpoint.model, checkpoint.preprocessing, settings, memory=memory,
        batch_size=batch_size, count=counter,
    )  # fmt: skip
    collected = Collected(checkpoint, names, target, keep)
    rating = _Rating(checkpoint, explainer, names, spent, seed)
    for batch in given.batches(1):
        full = whole(batch.inputs, checkpoint)
        x = explainer.split.cropped(full)
        if not counter.total:
            counter.total = rating.passes(explainer.grid(x)) * len(given)
        seen = collected.look(explainer, x)
        raw = {m: explainer.raw(m, x, seen.explained) for m in names}
        patches = collected.add(batch.names[0], batch.pixels[0], seen, raw)
        rating.add(full, x, seen, raw, patches)
    counter.finish()
    fields = collected.fields(given, settings, asdict(spent))
    return Trust(**fields, **rating.fields())


def stage_parts(depth: int, n_stages: int) -> list[tuple[str, tuple[str, ...]]]:
    """Return the stages of the randomisation test."""
    order: list[tuple[str, tuple[str, ...]]] = [("head", ("head",))]
    order += [(f"block {b}", (f"blocks.{b}",)) for b in reversed(range(depth))]
    order += [("patch embedding", ("patch_embedding", "patch_norm"))]
    if n_stages < 1:
        return []
    last = np.unique(np.linspace(0, len(order) - 1, min(n_stages, len(order))).round().astype(int))
    return [
        (order[i][0], tuple(part for _, parts in order[: i + 1] for part in parts)) for i in last
    ]


class _Rating:
    """Gathers scores image by image."""

    def __init__(
        self, checkpoint: Checkpoint, explainer: Explainer, names: tuple[str, ...],
        effort: Effort, seed: int,
    ) -> None:  # fmt: skip
        self.checkpoint, self.explainer, self.names = checkpoint, explainer, names
        self.effort, self.seed = effort, seed
        self.rated = (*names, *REFERENCES)
        self.stages = stage_parts(checkpoint.config.depth, effort.n_stages)
        self.found: dict[str, list[Any]] = {}

    def passes(self, grid: tuple[int, int]) -> int:
        e = self.effort
        maps = sum(self.explainer.passes(m, grid) for m in self.names)
        points = len(scores.points(grid[0] * grid[1], e.n_curve))
        curves = 2 * points * (len(self.names) + len(REFERENCES) - 1 + e.n_random)
        shap = self.explainer.settings.n_samples if "gradient-shap" in self.names else 0
        return maps * (1 + e.n_noise + len(self.stages)) + curves + e.n_subsets + 2 + shap

    def add(
        self, full: Tensor, x: Tensor, seen: Seen, raw: dict[str, Any], patches: Floats
    ) -> None:
        """Rate one image's maps."""
        at = len(self.found.get("insertion", ()))
        rng = np.random.default_rng([self.seed, at])
        grid = self.explainer.grid(x)
        random = rng.standard_normal((self.effort.n_random, *grid))
        drawn = scores.edges(x, self.checkpoint.config.patch_size)
        even = np.ones(grid)
        maps = np.concatenate([patches, random, drawn[None], even[None]])
        self._keep("reference_patches", np.stack([random[0], drawn, even]))
        self._curves(full, x, seen, maps, rng)
        self._infidelity(x, seen, raw, maps, rng)
        self._keep("completeness_gap", self._gaps(x, seen, patches))
        self._keep("max_sensitivity", self._sensitivity(x, seen, raw, drawn))
        self._keep("rank_correlation", self._randomised(x, seen, patches, drawn, rng))

    def fields(self) -> dict[str, Any]:
        """Return the fields of `Trust` that `Attributions` lacks."""
        n_patches = int(np.prod(self.found["reference_patches"][0].shape[1:]))
        return {
            "rated": self.rated,
            "changed": scores.points(n_patches, self.effort.n_curve) / n_patches,
            "stages": tuple(name for name, _ in self.stages),
            **{name: np.stack(values) for name, values in self.found.items()},
        }

    def _keep(self, name: str, values: Floats) -> None:
        self.found.setdefault(name, []).append(values)

    def _averaged(self, values: Floats) -> Floats:
        """Put the mean over random maps in place of them: (M + n_random + 2, ...) to (A, ...)."""
        m, n = len(self.names), self.effort.n_random
        return np.concatenate([values[:m], values[m : m + n].mean(0)[None], values[m + n :]])

    def _curves(
        self, full: Tensor, x: Tensor, seen: Seen, maps: Floats, rng: np.random.Generator
    ) -> None:
        split = self.explainer.split
        with torch.no_grad():
            blur = split.cropped(scores.blurred(full))
            image, soft, gone = (split.columns(v) for v in (x, blur, torch.zeros_like(x)))
        counts = scores.points(maps[0].size, self.effort.n_curve)
        masks = np.concatenate([scores.top_patches(each, counts, rng) for each in maps])
        for name, there, elsewhere in (("insertion", image, soft), ("deletion", gone, image)):
            found = seen.explained.probability(split.mixed(masks, there, elsewhere))
            curves = self._averaged(found.numpy().reshape(len(maps), -1))
            self._keep(name, curves)
            self._keep(f"{name}_auc", scores.area(curves))

    def _infidelity(
        self, x: Tensor, seen: Seen, raw: dict[str, Any], maps: Floats, rng: np.random.Generator
    ) -> None:
        split, m = self.explainer.split, len(self.names)
        with torch.no_grad():
            image, gone = split.columns(x), split.columns(torch.zeros_like(x))
        removed = scores.subsets(self.effort.n_subsets, self.explainer.grid(x), rng)
        after = seen.explained.score(split.mixed(removed, gone, image)).numpy()
        before = float(seen.explained.score(seen.logits))
        claims = [
            scores.contribution(maps[i], raw[name], x, UNITS[name] != "logit")
            for i, name in enumerate(self.names)
        ]
        found = scores.infidelity(np.stack([*claims, *maps[m:]]), removed, before - after)
        for name, values in zip(("infidelity", "unexplained", "best_scale"), found, strict=True):
            self._keep(name, self._averaged(values))

    def _gaps(self, x: Tensor, seen: Seen, patches: Floats) -> Floats:
        score = seen.explained.score
        fall = float(score(seen.logits) - score(seen.baseline))
        gaps = np.full(len(self.rated), np.nan)
        for i, name in enumerate(self.names):
            if name not in COMPLETE:
                continue
            promised = fall
            if name == "gradient-shap":
                promised = float(score(seen.logits)) - self._grey_score(x, seen)
            gaps[i] = patches[i].sum() - promised
        return gaps

    def _grey_score(self, x: Tensor, seen: Seen) -> float:
        """Return the mean score of gradient SHAP's grey images."""
        values, split = self.explainer.shap_baselines(), self.explainer.split
        size = split.batch(self.explainer.grid(x), gradient=False)
        total = 0.0
        with torch.no_grad():
            for start in range(0, len(values), size):
                grey = values[start : start + size].to(x.device, x.dtype)[:, :, None, None]
                logits = split.logits(grey.expand(-1, -1, *x.shape[2:]))
                total += float(wide(seen.explained.score(logits)).sum())
        return total / len(values)

    def _sensitivity(self, x: Tensor, seen: Seen, raw: dict[str, Any], drawn: Floats) -> Floats:
        """Return the largest relative change of each map; two references ignore the input."""
        worst = np.full(len(self.rated), np.nan)
        generator = torch.Generator().manual_seed(self.seed)
        before = [*(raw[name] for name in self.names), None, drawn, None]
        for _ in range(self.effort.n_noise):
            noise = torch.empty(x.shape).uniform_(-1, 1, generator=generator)
            noisy = x + self.effort.radius * noise.to(x.device, x.dtype)
            after = [self.explainer.raw(m, noisy, seen.explained) for m in self.names]
            every = [*after, None, scores.edges(noisy, self.checkpoint.config.patch_size), None]
            for i, (old, new) in enumerate(zip(before, every, strict=True)):
                change = 0.0
                if old is not None and new is not None:
                    size = float(np.linalg.norm(old.astype(np.float64)))
                    change = float(np.linalg.norm(new.astype(np.float64) - old)) / (size or 1.0)
                worst[i] = np.fmax(worst[i], change)
        return worst

    def _randomised(
        self, x: Tensor, seen: Seen, patches: Floats, drawn: Floats, rng: np.random.Generator
    ) -> Floats:
        """Return the rank correlation of each map with that of each network drawn anew."""
        found = np.full((len(self.rated), len(self.stages)), np.nan)
        p, split = self.checkpoint.config.patch_size, self.explainer.split
        random = self.found["reference_patches"][-1][0]
        for t, (_, parts) in enumerate(self.stages):
            other = Explainer(
                drawn_anew(split.network, parts, seed=self.seed, norms=self.effort.norms),
                self.explainer.preprocessing, self.explainer.settings, memory=split.memory,
                batch_size=split.batch_size, count=split.count,
            )  # fmt: skip
            maps = [to_patches(m, other.raw(m, x, seen.explained), p) for m in self.names]
            even = np.ones_like(drawn)
            pairs = [*zip(patches, maps, strict=True),
                     (random, rng.standard_normal(random.shape)), (drawn, drawn),
                     (even, even)]  # fmt: skip
            found[:, t] = [scores.rank_correlation(one, two) for one, two in pairs]
        return found
