"""What a view's card holds: the question, the measure, the options, the figures, the caveat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

    from viz.core.result import Result
    from viz.images.sets import ImageSet
    from viz.network.checkpoint import Checkpoint


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


def numbers(text: str) -> list[int]:
    """Read ``"0-2,7"`` as [0, 1, 2, 7]: sorted, each once."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not text.isascii() or not first.isdigit() or (dash and not last.isdigit()):
            raise ValueError(f"{text!r} is not a list of numbers such as 0-2,7.")
        if max(len(first), len(last)) > 6:
            raise ValueError(f"{text!r} holds a number above 999999; check its digits.")
        found.update(range(int(first), int(last or first) + 1))
    return sorted(found)


def kernel_name(text: str) -> str:
    """Return a name of kernels, or refuse what is none."""
    from viz.views.kernels.result import KERNEL_NAMES

    if text not in KERNEL_NAMES:
        raise ValueError(f"{text!r} is not a name of kernels; they are {', '.join(KERNEL_NAMES)}.")
    return text


@dataclass(frozen=True)
class Option:
    """One setting of a view, the same on the command line and in Python.

    Parameters
    ----------
    name : str
        As in Python; the command line has - for _.
    help : str
        A sentence.
    default : Any
        None where the view decides; the help says how.
    kind : type, tuple of str or callable
        bool, int, float, str; the words allowed; or what reads a text and raises a ValueError
        whose message is a sentence.
    least : float, optional
        Smallest number allowed.
    many : bool
        Whether it may be repeated.
    metavar : str, optional
        Of the value in the help.
    draws : bool
        Whether it is about the main figure, not about what is measured.
    """

    name: str
    help: str
    default: Any = None
    kind: type | tuple[str, ...] | Callable[[str], Any] = str
    least: float | None = None
    many: bool = False
    metavar: str | None = None
    draws: bool = False


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
        Result, and what `Option.draws` sets, to a finished Figure.
    narrow : callable, optional
        The same for one column of a journal's page; none where the figure needs both columns, or
        fits one as it is.

    Attributes
    ----------
    onto : callable, optional
        Result and a part of another figure: draws there. Of ``make``, where that can.
    """

    name: str
    caption: str
    make: Callable[..., Figure]
    narrow: Callable[..., Figure] | None = None
    onto: Callable[[Any, Any], None] | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "onto", getattr(self.make, "onto", None))
        object.__setattr__(self, "make", _styled(self.make))
        if self.narrow is not None:
            object.__setattr__(self, "narrow", _styled(self.narrow))


def _styled(make: Callable[..., Figure]) -> Callable[..., Figure]:
    """Return a function that draws in the project's own style, whatever has been set."""

    @wraps(make, assigned=())
    def drawn(result: Any, **options: Any) -> Figure:
        from viz.plot.style import own_style

        with own_style():
            return make(result, **options)

    return drawn


def _as_expected(measure: Callable[..., Result]) -> Callable[..., Result]:
    """Return a measure that runs as it expects torch, whatever has been set."""

    @wraps(measure)
    def measured(*given: Any, **options: Any) -> Result:
        from viz.core.own_torch import own_torch

        with own_torch():
            return measure(*given, **options)

    return measured


def _summary(result: Any) -> Any:
    """Return the numbers of a result: its own summary, or the rows of its table."""
    from viz.core.result import records

    return result.summary() if hasattr(result, "summary") else records(result.to_frame())


def _sentence(result: Any) -> str:
    return str(result.sentence())


@dataclass(frozen=True)
class Shown:
    """What every card holds, whatever it measures.

    Parameters
    ----------
    name, title, question : str
        The folder's name, with - for _; as in a report; what it answers.
    measure : callable
        One checkpoint or two, `Given`, and the options that do not draw, to result.
    result : str
        Type of the result, ``"module:class"``, for reading it back from a file.
    drawings : callable
        Returns the figures, the main one first; only then is matplotlib imported.
    misleads : str
        How the picture can mislead, in a sentence or two.
    about : str
        What the command does: a line, and more after an empty one.
    options : tuple of Option
        Settings.
    summary, sentence : callable, optional
        Result to what ``--json`` prints, and to the finding in plain language; by default the
        result's own.
    images : {"", "needed"}
        Whether it is about what a network does on images.
    swept, slow : bool
        Whether a sweep's file spares the pass over the images; whether a quick report leaves it
        out.
    method : str
        Folder of its method page within the package, where that is another's.
    menu, group, icon : str
        Its short name in the explorer, where it is listed there, and its sign.
    """

    name: str
    title: str
    measure: Callable[..., Result]
    result: str
    drawings: Callable[[], tuple[FigureRow, ...]]
    misleads: str
    question: str = ""
    about: str = ""
    options: tuple[Option, ...] = ()
    summary: Callable[[Any], Any] | None = _summary
    sentence: Callable[[Any], str] | None = _sentence
    images: Literal["", "needed"] = ""
    swept: bool = False
    method: str = ""
    slow: bool = False
    menu: str = ""
    group: str = ""
    icon: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "measure", _as_expected(self.measure))

    @property
    def page(self) -> str:
        """Folder of the method page within the package."""
        return self.method or f"views/{self.name.replace('-', '_')}"

    @property
    def needs_images(self) -> bool:
        """Whether nothing can be shown without images."""
        return self.images == "needed"

    @cached_property
    def figures(self) -> tuple[FigureRow, ...]:
        """The figures, the main one first."""
        return self.drawings()

    def load(self, path: str | Path) -> Result:
        """Read a result of this view back from its .npz."""
        module, _, name = self.result.partition(":")
        loaded: Result = getattr(import_module(module), name).load(path)
        return loaded


@dataclass(frozen=True)
class View(Shown):
    """One thing to look at in a network, the same on the command line, in Python and on pages."""

    measure: Callable[..., Result]


@dataclass(frozen=True)
class Comparison(Shown):
    """One thing to look at in two networks side by side.

    ``refuses`` tells in seconds at most why two networks cannot be compared in this way, in a
    sentence; empty where they can. ``measure`` raises a ValueError with the same sentence.
    """

    refuses: Callable[[Checkpoint, Checkpoint], str] = lambda a, b: ""
