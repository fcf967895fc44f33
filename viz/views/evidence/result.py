"""What each patch and channel gives to each class: the last maps, the head, and an ablation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.core.class_names import plain_name
from viz.core.result import Result, or_none
from viz.views.wording import FEW_IMAGES, listed, n_images

if TYPE_CHECKING:
    import pandas as pd

Numbers = NDArray[np.float64]
SCORES = ("margin", "probability", "first")
"""Target's logit less the other's; target's probability; whether the target is the answer."""
FEW = 8
"""Channels whose ablation is in the finding, or as many as there are."""


def half(values: NDArray[Any]) -> NDArray[np.int64]:
    """Return how few entries of the last axis hold half of the sum of magnitudes."""
    size = -np.sort(-np.abs(values), axis=-1)
    whole = size.cumsum(-1)
    found: NDArray[np.int64] = 1 + (whole < whole[..., -1:] / 2).sum(-1)
    return np.minimum(found, values.shape[-1])


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Evidence(Result):
    """What each patch and channel gives to each class.

    M images are measured, the first m of them shown; the last block has d channels on h x w
    patches, the head C classes. ``logits`` and every evidence follow from what is held here: the
    evidence of channel k at patch p for class c is ``weight[c, k] * maps[i, k, p] / (h * w)``.

    Parameters
    ----------
    images, image_names : ndarray of uint8, (m, H, W, 3), and tuple of str, of all M
        What the network saw: resized and cropped.
    patch_size, class_names : int and tuple of str
        In pixels; of the C outputs.
    block, kernels : int and ndarray of float32, (d, k, k)
        The last block, 0-based, and its depthwise kernels.
    weight, bias : ndarray of float32, (C, d), (C,)
        Of the head.
    maps, pooled : ndarray of float32, (m, d, h, w), and float64, (M, d)
        What the last block puts out, and the mean of that over patches.
    target, against : ndarray of int64, (M,)
        The class that evidence is weighed for, the network's answer unless another was asked for,
        and the one that it is weighed against, the runner-up unless another was.
    label : ndarray of int64, (M,)
        Output named as the image's folder; -1 where none is.
    channel : ndarray of int64, (m, n)
        Of each image shown, the channels with the largest evidence for the target over the other
        class, by magnitude.
    kernel_share, residual_share : ndarray of float32, (m, n, d), and float64, (m, n)
        Share of the variance over patches of such a channel, before its activation, that comes
        from each depthwise kernel of the block, and past the kernels; they sum to 1.
    half_channels, half_channels_null : ndarray, (M,)
        How few channels hold half of the evidence for the target over the other class; mean over
        shuffles of the head's weights over channels.
    half_patches, half_patches_null : ndarray, (m,)
        How few patches do; mean over shuffles of each channel's patches on their own.
    count, chosen, random : ndarray, (q,), (3, q, M), (3, q, M, r)
        Channels that are set to zero at once; `SCORES` without those that speak most for the
        target, and without as many drawn at random, r draws.
    """

    kind: ClassVar[str] = "evidence"
    version: ClassVar[int] = 2
    images: NDArray[np.uint8]
    image_names: tuple[str, ...]
    patch_size: int
    class_names: tuple[str, ...]
    block: int
    kernels: NDArray[np.float32]
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    maps: NDArray[np.float32]
    pooled: Numbers
    target: NDArray[np.int64]
    against: NDArray[np.int64]
    label: NDArray[np.int64]
    channel: NDArray[np.int64]
    kernel_share: NDArray[np.float32]
    residual_share: Numbers
    half_channels: NDArray[np.int64]
    half_channels_null: Numbers
    half_patches: NDArray[np.int64]
    half_patches_null: Numbers
    count: NDArray[np.int64]
    chosen: NDArray[np.float32]
    random: NDArray[np.float32]

    @property
    def logits(self) -> Numbers:
        """The network's answers, (M, C)."""
        found: Numbers = self.pooled @ self.weight.T.astype(np.float64) + self.bias
        return found

    @property
    def probabilities(self) -> Numbers:
        """Softmax of the logits, (M, C)."""
        from scipy.special import softmax

        found: Numbers = softmax(self.logits, axis=1)
        return found

    def name(self, of: int) -> str:
        """Return a class's name without the number that ImageNet's have in front."""
        return plain_name(self.class_names[of])

    def top(self, image: int, n: int = 5) -> NDArray[np.int64]:
        """Return the classes with the largest logits of an image, the answer first."""
        found: NDArray[np.int64] = np.argsort(-self.logits[image], kind="stable")[:n]
        return found

    def readout(self, of: int, against: int | None = None) -> Numbers:
        """Return the head's weights for a class, or for one class over another, (d,)."""
        weight = self.weight[of].astype(np.float64)
        found: Numbers = weight if against is None else weight - self.weight[against]
        return found

    def patches(self, image: int, of: int, against: int | None = None) -> Numbers:
        """Return the evidence of each patch of an image shown, (h, w), in logits."""
        maps = self.maps[image].astype(np.float64)
        found: Numbers = np.tensordot(self.readout(of, against), maps, 1) / maps[0].size
        return found

    def channels(self, image: int, of: int, against: int | None = None) -> Numbers:
        """Return the evidence of each channel, (d,), in logits."""
        found: Numbers = self.readout(of, against) * self.pooled[image]
        return found

    def channel_patches(self, image: int, channel: int, of: int, against: int | None) -> Numbers:
        """Return the evidence of one channel at each patch of an image shown, (h, w)."""
        maps = self.maps[image, channel].astype(np.float64)
        found: Numbers = float(self.readout(of, against)[channel]) * maps / maps.size
        return found

    def feeders(self, image: int, number: int, n: int = 3) -> NDArray[np.int64]:
        """Return the depthwise kernels that feed the number-th deciding channel most."""
        share = np.abs(self.kernel_share[image, number])
        found: NDArray[np.int64] = np.argsort(-share, kind="stable")[:n]
        return found

    @property
    def by_class(self) -> tuple[NDArray[np.int64], NDArray[np.int64], Numbers]:
        """Classes of the images, how many images each has, and evidence of channels, (K, d).

        Images are grouped by their folder where folders are named as outputs, else by the answer.
        Evidence is that for the class over the mean of all classes, averaged over its images: it
        sums to the mean logit less the mean of all logits, biases apart.
        """
        own = self.label if (self.label >= 0).any() else self.logits.argmax(1)
        classes, index, n = np.unique(own[own >= 0], return_inverse=True, return_counts=True)
        total = np.zeros((len(classes), self.pooled.shape[1]))
        np.add.at(total, index, self.pooled[own >= 0])
        weight = self.weight.astype(np.float64)
        return classes, n, (weight[classes] - weight.mean(0)) * (total / n[:, None])

    def to_frame(self) -> pd.DataFrame:
        """Return one row per image and channel: evidence for the target over the other class."""
        import pandas as pd

        m, d = self.pooled.shape
        weight = self.weight.astype(np.float64)
        names = np.array(self.class_names, dtype=object)
        columns: dict[str, Any] = {
            "image": np.repeat(np.array(self.image_names, dtype=object), d),
            "channel": np.tile(np.arange(d), m),
            "target": np.repeat(names[self.target], d),
            "against": np.repeat(names[self.against], d),
        }
        for name, of in (("target", self.target), ("against", self.against)):
            columns[f"evidence_{name}"] = (weight[of] * self.pooled).ravel()
        columns["evidence"] = columns["evidence_target"] - columns["evidence_against"]
        return pd.DataFrame(columns)

    def ablated(self, score: str) -> tuple[Numbers, Numbers]:
        """Return a score by number of channels, strongest and random ones: (q,), (q,)."""
        s = SCORES.index(score)
        return self.chosen[s].mean(1, np.float64), self.random[s].mean((1, 2), np.float64)

    def unablated(self, score: str) -> Numbers:
        """Return a score of the network as it is, (M,)."""
        rows, logits = np.arange(len(self.target)), self.logits
        if score == "margin":
            found: Numbers = logits[rows, self.target] - logits[rows, self.against]
        elif score == "probability":
            found = self.probabilities[rows, self.target]
        else:
            found = (logits.argmax(1) == self.target).astype(np.float64)
        return found

    @property
    def few(self) -> int:
        """Place within ``count`` of the number in the finding."""
        return int(np.flatnonzero(self.count <= FEW)[-1])

    def sentence(self) -> str:
        """What was found, in at most three sentences."""
        d, n, few = self.pooled.shape[1], len(self.target), int(self.count[self.few])
        patches = self.maps[0, 0].size
        p = 100 * self.unablated("probability").mean()
        chosen, drawn = (100 * each[self.few] for each in self.ablated("probability"))
        if len({*zip(self.target.tolist(), self.against.tolist(), strict=True)}) == 1:
            of, over = (self.name(int(c[0])) for c in (self.target, self.against))
        else:
            of, over = "the answer", "the runner-up"
        top = "the top channel" if few == 1 else f"the top {few} channels"
        others = "a random one" if few == 1 else f"{few} random ones"

        def middle(values: NDArray[Any]) -> str:
            if len(values) < FEW_IMAGES:
                return listed([f"{v:.0f}" for v in values])
            return f"{np.median(values):.0f}"

        many = ""
        if n > 1:
            many = f" in the median of {n} images" if n >= FEW_IMAGES else f" on {n} images"
        m = len(self.half_patches)
        shown = "" if m == n else f" on the first {n_images(m)}"
        return (
            f"Half of the evidence for {of} over {over}, which adds up to the difference of their "
            f"logits, comes from {middle(self.half_channels)} of {d} channels{many}, against "
            f"{middle(self.half_channels_null)} with the head's weights shuffled. It comes from "
            f"{middle(self.half_patches)} of {patches} patches{shown}, against "
            f"{middle(self.half_patches_null)} with each channel's patches shuffled. "
            f"Without {top} the {'' if n == 1 else 'mean '}probability of {of} is {chosen:.0f} % "
            f"instead of {p:.0f} %, without {others} {drawn:.0f} %."
        )

    def summary(self) -> dict[str, Any]:
        """Return the numbers as plain JSON values."""
        logits, probabilities = self.logits, self.probabilities
        images = []
        for i, name in enumerate(self.image_names):
            of, over = int(self.target[i]), int(self.against[i])
            row: dict[str, Any] = {
                "image": name,
                "top": [
                    {
                        "class": self.class_names[c],
                        "logit": float(logits[i, c]),
                        "bias": float(self.bias[c]),
                        "probability": float(probabilities[i, c]),
                    }
                    for c in self.top(i).tolist()
                ],
                "target": self.class_names[of],
                "against": self.class_names[over],
                "half_channels": int(self.half_channels[i]),
                "half_channels_shuffled": float(self.half_channels_null[i]),
            }
            if i < len(self.images):
                row |= self._shown(i, of, over)
            images.append(row)
        return {
            "block": self.block,
            "channels": self.pooled.shape[1],
            "patches": int(self.maps[0, 0].size),
            "images": images,
            "ablation": self._ablation(),
        }

    def _shown(self, i: int, of: int, over: int) -> dict[str, Any]:
        evidence = self.channels(i, of, over)
        return {
            "half_patches": int(self.half_patches[i]),
            "half_patches_shuffled": float(self.half_patches_null[i]),
            "deciding": [
                {
                    "channel": c,
                    "evidence": float(evidence[c]),
                    "past_the_kernels": or_none(self.residual_share[i, k]),
                    "kernels": [
                        {"kernel": j, "share": or_none(self.kernel_share[i, k, j])}
                        for j in self.feeders(i, k).tolist()
                    ],
                }
                for k, c in enumerate(self.channel[i].tolist())
            ],
        }

    def _ablation(self) -> dict[str, Any]:
        scores = {score: self.ablated(score) for score in SCORES}
        return {
            "as_it_is": {score: float(self.unablated(score).mean()) for score in SCORES},
            "set_to_zero": [
                {"channels": int(n)}
                | {score: float(own[q]) for score, (own, _) in scores.items()}
                | {f"{score}_random": float(drawn[q]) for score, (_, drawn) in scores.items()}
                for q, n in enumerate(self.count)
            ],
        }
