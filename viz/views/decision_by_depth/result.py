"""The head read out after every block: probability, rank and map of the answer by depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.core.class_names import plain_name
from viz.core.result import Result, or_none
from viz.views.wording import FEW_IMAGES, listed, probability

if TYPE_CHECKING:
    import pandas as pd

Numbers = NDArray[np.float64]
BASELINES = ("shuffled", "random")
"""The same network with its blocks in another order; a randomly initialised one."""

MANY = 10
"""Images from which on shares of them are given, with baselines beside."""


def _share(right: NDArray[np.bool_]) -> Numbers:
    """Return the share of images by depth, nan of none."""
    return right.mean(1) if right.shape[1] else np.full(len(right), np.nan)


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class DecisionByDepth(Result):
    """A readout after the patch embedding and after every block, B + 1 depths.

    M images are measured, the first m of them shown. *As it stands*: the network's own head on the
    mean over patches of a block's output. *Fitted*: a logistic regression on the same means, each
    image judged by one that was fitted without it.

    Parameters
    ----------
    images, image_names : ndarray of uint8, (m, H, W, 3), and tuple of str, of all M
        What the network saw: resized and cropped.
    patch_size, class_names : int and tuple of str
        In pixels; of the C outputs.
    block : ndarray of int64, (B + 1,)
        After which is read out; -1 is the patch embedding.
    logits, maps : ndarray of float32, (B + 1, m, C), (B + 1, m, h, w)
        As it stands, and what each patch gives to the answer's logit over the mean of all logits.
    answer, label : ndarray of int64, (M,)
        The network's answer, and the output named as the image's folder; -1 where none is.
    probability, rank, first : ndarray of float64 and int64, (B + 1, M)
        Of the answer, as it stands, where rank 1 is first; and the class that is first.
    target_names, target_is, not_fitted : tuple of str, and str
        Classes that the fitted readout tells apart, whether they are a ``"folder"`` or an
        ``"answer"``, and why there is none; empty where there is.
    target : ndarray of int64, (M,)
        Of each image; -1 where it had no part in the fit.
    fitted_probability, fitted_rank, fitted_maps : ndarray, (B + 1, M), (B + 1, m, h, w)
        As above, by the fitted readout and for the target; nan and 0 where there is none.
    baselines : ndarray of float64, (3, 2, r, B + 1)
        ``agreement``, ``accuracy`` and ``fitted_accuracy`` of r draws of each of `BASELINES`; nan
        as these are.
    """

    kind: ClassVar[str] = "decision by depth"
    images: NDArray[np.uint8]
    image_names: tuple[str, ...]
    patch_size: int
    class_names: tuple[str, ...]
    block: NDArray[np.int64]
    logits: NDArray[np.float32]
    maps: NDArray[np.float32]
    answer: NDArray[np.int64]
    label: NDArray[np.int64]
    probability: Numbers
    rank: NDArray[np.int64]
    first: NDArray[np.int64]
    target_names: tuple[str, ...]
    target: NDArray[np.int64]
    target_is: str
    not_fitted: str
    fitted_probability: Numbers
    fitted_rank: NDArray[np.int64]
    fitted_maps: NDArray[np.float32]
    baselines: Numbers

    @property
    def agreement(self) -> Numbers:
        """Share of images whose answer is first already, as it stands, (B + 1,)."""
        return _share(self.rank == 1)

    @property
    def accuracy(self) -> Numbers:
        """Share of images whose right class is first, as it stands; nan where none is known."""
        return _share((self.first == self.label)[:, self.label >= 0])

    @property
    def fitted_accuracy(self) -> Numbers:
        """Cross-validated accuracy of the fitted readout, (B + 1,); nan where there is none."""
        return _share((self.fitted_rank == 1)[:, self.target >= 0])

    @property
    def most_frequent(self) -> float:
        """Accuracy of always naming the most frequent target; nan where nothing was fitted."""
        used = self.target[self.target >= 0]
        return float(np.bincount(used).max() / len(used)) if len(used) else float("nan")

    @property
    def settled(self) -> NDArray[np.int64]:
        """Block from which on the answer stays first, as it stands, (M,)."""
        stays = np.logical_and.accumulate((self.rank == 1)[::-1])[::-1]
        found: NDArray[np.int64] = self.block[stays.argmax(0)]
        return found

    def baseline(self, measure: int, name: str) -> Numbers:
        """Return a baseline by depth, mean over its draws; nan where there is none."""
        drawn = self.baselines[measure, BASELINES.index(name)]
        return drawn.mean(0) if len(drawn) else np.full(len(self.block), np.nan)

    def place(self, depth: int) -> str:
        """Say after what a depth is read out."""
        block = int(self.block[depth])
        return "the patch embedding" if block < 0 else f"block {block}"

    def sentence(self) -> str:
        """What was found, in at most three sentences."""
        n, middle = len(self.answer), len(self.block) // 2
        if n < MANY:
            return self._few_finding(middle)
        said = (
            f"Read by the network's own head, {probability(self.agreement[middle])} of {n} images "
            f"have the network's answer after {self.place(middle)} and "
            f"{probability(self.agreement[-2])} after {self.place(-2)}"
        )
        if self.baselines.shape[2]:
            shuffled, random = (self.baseline(0, name)[-1] for name in BASELINES)
            said += (
                f", against {probability(shuffled)} at the end with the blocks shuffled and "
                f"{probability(random)} in a randomly initialised network"
            )
        return f"{said}.{self._fitted_finding(middle)}"

    def _few_finding(self, middle: int) -> str:
        """What was found on so few images that each has its own values."""
        n, chance = len(self.answer), probability(1 / len(self.class_names))
        since = [f"from {self.place(d)} on" for d in range(len(self.block) - 1)]
        since.append(f"only after {self.place(-1)}, the last")
        if n < FEW_IMAGES:
            answers: dict[str, list[str]] = {}
            for answer, block in zip(self.answer, self.settled, strict=True):
                names = answers.setdefault(since[block + 1], [])
                names.append(plain_name(self.class_names[answer]))
            first = listed([f"{s} ({listed(names)})" for s, names in answers.items()])
            p, q = (listed([probability(v) for v in row]) for row in self.probability[[middle, -1]])
        else:
            block = int(np.ceil(np.median(self.settled)))
            first = f"{since[block + 1]} in the median of {n} images"
            p, q = (f"{probability(v)} in the mean" for v in self.probability.mean(1)[[middle, -1]])
        return (
            f"Read by the network's own head, the final answer leads for good {first}. Its "
            f"probability is {p} after {self.place(middle)} and {q} after {self.place(-1)}, where "
            f"chance is {chance}."
        )

    def _fitted_finding(self, middle: int) -> str:
        if not self.target_names:
            return ""
        fitted = self.fitted_accuracy
        random = self.baseline(2, "random")
        classes = {"folder": "classes of the folder", "answer": "network's answers"}[self.target_is]
        beside = f"{probability(self.most_frequent)} for always naming the same class"
        if np.isfinite(random).all():
            drawn = probability(random.max())
            beside = f"at most {drawn} in a randomly initialised network and {beside}"
        return (
            f" A linear readout fitted after each block finds the {len(self.target_names)} "
            f"{classes} on {probability(fitted[middle])} of the images after {self.place(middle)} "
            f"and {probability(fitted[-1])} after the last, against {beside}."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row per image and depth."""
        import pandas as pd

        depths, n = self.rank.shape
        names = np.array(self.class_names, dtype=object)
        columns: dict[str, Any] = {
            "image": np.tile(np.array(self.image_names, dtype=object), depths),
            "block": np.repeat(self.block, n),
            "answer": np.tile(names[self.answer], depths),
            "probability": self.probability.ravel(),
            "rank": self.rank.ravel(),
            "first": names[self.first.ravel()],
            "fitted_probability": self.fitted_probability.ravel(),
            "fitted_rank": np.where(self.fitted_rank > 0, self.fitted_rank, np.nan).ravel(),
        }
        return pd.DataFrame(columns)

    def summary(self) -> dict[str, Any]:
        """Return the numbers as plain JSON values; what is undefined is None."""
        values = {
            "agreement": self.agreement,
            "accuracy": self.accuracy,
            "fitted_accuracy": self.fitted_accuracy,
        }
        return {
            "images": len(self.answer),
            "outputs": len(self.class_names),
            "fitted_to": self.target_is if self.target_names else None,
            "not_fitted": self.not_fitted or None,
            "most_frequent": or_none(self.most_frequent),
            "depth": [
                {"block": int(block)}
                | {name: or_none(own[d]) for name, own in values.items()}
                | {
                    f"{name}_{each}": or_none(self.baseline(i, each)[d])
                    for i, name in enumerate(values)
                    for each in BASELINES
                }
                for d, block in enumerate(self.block)
            ],
            "shown": [
                {
                    "image": self.image_names[i],
                    "answer": self.class_names[self.answer[i]],
                    "first_from_block": int(self.settled[i]),
                    "probability": self.probability[:, i].tolist(),
                    "rank": self.rank[:, i].tolist(),
                    "fitted_probability": [or_none(p) for p in self.fitted_probability[:, i]],
                }
                for i in range(len(self.images))
            ],
        }
