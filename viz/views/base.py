"""What a view is: a measure, its figures, and how to read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

    from viz.core.result import Result
    from viz.images.sets import ImageSet
    from viz.network.checkpoint import Checkpoint

__all__ = ["Comparison", "FigureRow", "Given", "Shown", "View"]


@dataclass(frozen=True)
class Given:
    """What a view may use besides the checkpoint.

    Parameters
    ----------
    images : callable, optional
        Opens the images anew, so that every view reads them from the start; None where none were
        given. Views that need images take scikit-learn's two photographs then.
    seed : int
        Of everything random.
    progress : callable, optional
        Called with (steps done, steps in all) during long work.
    sweep : Path, optional
        File of `viz sweep`, of this checkpoint and of the images above. Views that use one make
        their own pass over the images without it.
    """

    images: Callable[[], ImageSet] | None = None
    seed: int = 0
    progress: Callable[[int, int], None] | None = None
    sweep: Path | None = None


@dataclass(frozen=True)
class FigureRow:
    """One figure of a view.

    Parameters
    ----------
    name : str
        File name without suffix.
    caption : str
        What is shown; how to read it is the figure's own label, which is written behind it.
    make : callable
        Result to a finished Figure.
    narrow : callable, optional
        The same for one column of a journal's page, where its text stays at 7 pt; none
        where the figure needs both columns, or fits one as it is.
    """

    name: str
    caption: str
    make: Callable[[Any], Figure]
    narrow: Callable[[Any], Figure] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "make", styled(self.make))
        if self.narrow is not None:
            object.__setattr__(self, "narrow", styled(self.narrow))


def styled(make: Callable[[Any], Figure]) -> Callable[[Any], Figure]:
    """Return a function that draws in the project's own style, whatever has been set."""

    @wraps(make)
    def drawn(result: Any) -> Figure:
        from viz.plot.style import own_style

        with own_style():
            return make(result)

    return drawn


def _as_expected(measure: Callable[..., Result]) -> Callable[..., Result]:
    """Return a measure that runs as it expects torch, whatever has been set."""

    @wraps(measure)
    def measured(*given: Any) -> Result:
        from viz.core.own_torch import own_torch

        with own_torch():
            return measure(*given)

    return measured


@dataclass(frozen=True)
class Shown:
    """What every row of the catalogue is, whatever it measures.

    Parameters
    ----------
    name : str
        As on the command line, such as ``"patch-filters"``.
    title : str
        As in a report.
    measure : callable
        One checkpoint or two, and `Given`, to result.
    result : str
        Type of the result, ``"module:class"``, for reading it back from a file.
    drawings : callable
        Returns the figures, the main one first; only then is matplotlib imported.
    misleads : str
        How the picture can mislead, in a sentence or two.
    summary : callable, optional
        Result to what ``--json`` prints; none for a view that only shows weights.
    sentence : callable, optional
        Result to the finding in plain language, with its numbers.
    needs_images : bool
        Whether it is about what a network does on images.
    slow : bool
        Whether a quick report leaves it out.
    """

    name: str
    title: str
    measure: Callable[..., Result]
    result: str
    drawings: Callable[[], tuple[FigureRow, ...]]
    misleads: str
    summary: Callable[[Any], Any] | None = None
    sentence: Callable[[Any], str] | None = None
    needs_images: bool = False
    slow: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "measure", _as_expected(self.measure))

    @cached_property
    def figures(self) -> tuple[FigureRow, ...]:
        """The figures, the main one first."""
        return self.drawings()

    def load(self, path: str | Path) -> Result:
        """Read a result of this row back from its .npz."""
        module, _, name = self.result.partition(":")
        loaded: Result = getattr(import_module(module), name).load(path)
        return loaded


@dataclass(frozen=True)
class View(Shown):
    """One thing to look at, the same on the command line, in the explorer and in reports.

    Its parameters are those of `Shown`; it measures one checkpoint.
    """

    measure: Callable[[Checkpoint, Given], Result]


def _nothing_refused(a: Checkpoint, b: Checkpoint) -> str:
    return ""


@dataclass(frozen=True)
class Comparison(Shown):
    """One thing to look at in two networks side by side.

    Its parameters are those of `Shown`; it measures two checkpoints. ``refuses`` tells in seconds
    at most why two networks cannot be compared in this way, in a sentence; empty where they can.
    ``measure`` raises a ValueError with the same sentence.
    """

    measure: Callable[[Checkpoint, Checkpoint, Given], Result]
    refuses: Callable[[Checkpoint, Checkpoint], str] = _nothing_refused
