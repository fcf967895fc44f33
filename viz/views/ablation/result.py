"""What the network answers when one of its kernels or patch filters is another or none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.core.result import Result

if TYPE_CHECKING:
    import pandas as pd

CHANGES = ("removed", "fit", "shuffled")
"""What can be done with a filter: its branch gives its mean output; its fit stands in its place;
its own taps do, in random order."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Removal(Result):
    """Logits of n images, of the network as it is and with one filter changed.

    Parameters
    ----------
    block : int
        Of the kernel; -1 for a patch filter.
    channel : int
        0-based.
    changes : tuple of str
        C of `CHANGES`.
    image_names : tuple of str
        The n images.
    class_names : tuple of str
        One per output; numbers where the file has no names.
    logits : ndarray of float32, (1 + C, n, n_classes)
        Of the network as it is first, then of each change.
    """

    kind: ClassVar[str] = "removal of a filter"
    block: int
    channel: int
    changes: tuple[str, ...]
    image_names: tuple[str, ...]
    class_names: tuple[str, ...]
    logits: NDArray[np.float32]

    @property
    def name(self) -> str:
        """What was changed."""
        if self.block < 0:
            return f"patch filter {self.channel}"
        return f"block {self.block}, kernel {self.channel}"

    @property
    def predicted(self) -> NDArray[np.int64]:
        """Class with the largest logit, (1 + C, n)."""
        best: NDArray[np.int64] = self.logits.argmax(-1)
        return best

    @property
    def difference(self) -> NDArray[np.float64]:
        """Logits with each change minus those without, (C, n, n_classes)."""
        logits = self.logits.astype(np.float64)
        return logits[1:] - logits[:1]

    @property
    def answer_changes(self) -> NDArray[np.bool_]:
        """Whether the predicted class becomes another, (C, n)."""
        other: NDArray[np.bool_] = self.predicted[1:] != self.predicted[:1]
        return other

    def top(self, image: int, count: int = 5) -> NDArray[np.int64]:
        """Return the classes to show of an image."""
        logits = self.logits[0, image]
        classes = np.argsort(-logits, kind="stable")[:count]
        every = np.unique(np.concatenate([classes, self.predicted[:, image]]))
        found: NDArray[np.int64] = every[np.argsort(-logits[every], kind="stable")]
        return found

    def sentence(self) -> str:
        """Say how often the answer changes, and how far the answers move."""
        n = len(self.image_names)
        words = {
            "removed": "Without it",
            "fit": "With its fit in its place",
            "shuffled": "With its own taps shuffled",
        }
        parts = []
        for i, change in enumerate(self.changes):
            changed = int(self.answer_changes[i].sum())
            if n == 1:
                before, after = (self.class_names[self.predicted[j, 0]] for j in (0, i + 1))
                answer = f"becomes {after}, not {before}" if changed else f"stays {before}"
            else:
                answer = f"changes on {changed or 'none'} of {n} images"
            move = float(np.abs(self.difference[i]).max())
            parts.append(f"{words[change]} the answer {answer} (logits move by up to {move:.2g}).")
        return " ".join(parts)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per image and class among the five largest: logit, and its changes."""
        import pandas as pd

        rows: list[dict[str, Any]] = []
        for i, image in enumerate(self.image_names):
            for c in self.top(i).tolist():
                row = {"image": image, "class": self.class_names[c], "logit": self.logits[0, i, c]}
                row |= {name: self.difference[j, i, c] for j, name in enumerate(self.changes)}
                rows.append(row)
        return pd.DataFrame(rows)
