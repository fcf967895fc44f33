"""The look that all figures share: sizes in print, the signed colour map, saving."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.collections import Collection
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, fontManager, get_font
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text
from numpy.typing import NDArray

from viz.core.refusal import Refusal, check_place

MM = 1 / 25.4
ONE_COLUMN, TWO_COLUMNS, TALLEST = 85 * MM, 178 * MM, 220 * MM
"""Usual column widths of journals, and the height that a page leaves a figure, in inches."""
TEXT, SMALL = 8.0, 7.0
"""Font sizes in points, at print size: of labels and of numbers."""
INK = "#444444"
"""Of axes, which stand back behind what they measure."""
ORANGE, TEAL, PURPLE, GREY = "#e69f00", "#00807a", "#8a5fa8", "#888888"
"""Of what is told apart, as colour-blind readers can: red and blue mean sign alone."""
FORMATS = (".png", ".svg", ".pdf")

# Anchors of ColorBrewer's RdBu (colour-blind safe) with pure white in the middle: white is zero.
SIGNED = LinearSegmentedColormap.from_list(
    "viz_signed",
    ["#053061", "#2166ac", "#4393c3", "#92c5de", "#d1e5f0", "#ffffff",
     "#fddbc7", "#f4a582", "#d6604d", "#b2182b", "#67001f"],
    N=255,
).with_extremes(bad="#bbbbbb")  # fmt: skip
"""Signed values: blue negative, white zero, red positive."""

LACKING = "\N{WHITE SQUARE}"
"""What is drawn for a character that no font of this machine has."""
FONT = "Roboto"
"""The figures' font, of Helvetica's kind; it comes as a package."""
_FAMILIES = [FONT, "DejaVu Sans"]
"""The figures' font, then those found for characters that it lacks."""
_STYLED: ContextVar[bool] = ContextVar("viz own style", default=False)
_DARK: ContextVar[bool] = ContextVar("viz dark", default=False)
_NIGHT, _CHALK = (23, 22, 20), 0.98
"""The page of a dark theme, and how light its ink is."""
_NEUTRAL, _DIM = 0.08, 0.45
"""Spread of red, green and blue of what is called grey; what is lighter shows on a dark page."""
_SAVING = threading.Lock()
_DROP, _COMPACT = "_drop_tables_default", "_compact_layout_tables"
"""Of fontTools: the tables left out of fonts, and what reads them nevertheless."""
for _weight in ("Regular", "Bold"):
    fontManager.addfont(str(files("font_roboto") / "files" / f"Roboto-{_weight}.ttf"))


def signed_lut() -> NDArray[np.uint8]:
    """Return the signed colour map as (255, 3)."""
    colours: NDArray[np.uint8] = SIGNED(np.linspace(0, 1, 255), bytes=True)[:, :3]
    return colours


def use_font(family: str) -> None:
    """Draw all text in a font of this machine, such as the LaTeX document's."""
    try:
        findfont(family, fallback_to_default=False)
    except ValueError:
        raise Refusal(
            f"no font {family!r} on this machine; expected the name of an installed family, such "
            "as DejaVu Sans."
        ) from None
    _FAMILIES[:] = [family, *(other for other in _FAMILIES if other != family)]


@cache
def _glyphs() -> frozenset[int]:
    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())


@cache
def _fallback(missing: frozenset[int]) -> frozenset[int]:
    """Look for fonts of this machine that have what the figures' font lacks; use them from now."""
    found: set[int] = set()
    for entry in sorted(fontManager.ttflist, key=lambda e: (e.style, e.weight != 400, e.name)):
        if not missing - found:
            break
        # The last resort has a box for every character.
        if "LastResort" in entry.fname or not entry.fname.lower().endswith(
            (".ttf", ".otf", ".ttc")
        ):
            continue
        try:
            here = (missing - found) & get_font(entry.fname).get_charmap().keys()
        except (OSError, RuntimeError):
            continue
        if here and entry.name not in _FAMILIES:
            _FAMILIES.append(entry.name)
            if _STYLED.get():
                mpl.rcParams["font.family"] = list(_FAMILIES)
        found |= here
    return frozenset(found)


def printable(text: str) -> str:
    """Make a name from outside safe to draw: what no font of this machine has becomes `LACKING`."""
    glyphs = _glyphs() | _fallback(frozenset(map(ord, text)) - _glyphs())
    shown = "".join(c if ord(c) in glyphs else LACKING for c in text)
    return shown.replace("$", r"\$")


@contextmanager
def dark_style() -> Iterator[None]:
    """Draw for a dark page: what is made inside is turned by `darken` once it is finished."""
    before = _DARK.set(True)
    try:
        yield
    finally:
        _DARK.reset(before)


def is_dark() -> bool:
    """Tell whether `dark_style` is in force."""
    return _DARK.get()


def page_colour() -> tuple[int, int, int]:
    """Return the page behind figures: white, or dark where `dark_style` is in force."""
    return _NIGHT if is_dark() else (255, 255, 255)


def turned(colour: Any) -> Any:
    """Return RGBA for a dark page: greys change sides, dim colours become lighter."""
    rgba = np.array(to_rgba(colour))
    page, level = np.array(_NIGHT) / 255, rgba[:3].mean()
    if np.ptp(rgba[:3]) < _NEUTRAL:
        rgba[:3] = page + (1 - level) * (_CHALK - page)
    elif level < _DIM:
        rgba[:3] += (_DIM - level) * (1 - rgba[:3])
    return tuple(rgba)


def darken(figure: Figure) -> Figure:
    """Turn a finished figure for a dark page; pictures and what has a halo stay as they are."""
    # Ticks are made when they are asked for.
    figure.draw_without_rendering()
    for artist in figure.findobj():
        if artist.get_path_effects():
            continue
        if isinstance(artist, Text):
            # White on a picture is legible as it is.
            if artist.get_color() != "white":
                artist.set_color(turned(artist.get_color()))
            box = artist.get_bbox_patch()
            if box is not None:
                box.set(facecolor=turned(box.get_facecolor()))
        elif isinstance(artist, Line2D):
            artist.set_color(turned(artist.get_color()))
            for part in ("markerfacecolor", "markeredgecolor"):
                colour = getattr(artist, f"get_{part}")()
                if str(colour) not in ("none", "auto"):
                    getattr(artist, f"set_{part}")(turned(colour))
        elif isinstance(artist, Patch):
            artist.set(facecolor=turned(artist.get_facecolor()),
                       edgecolor=turned(artist.get_edgecolor()))  # fmt: skip
        elif isinstance(artist, Collection) and artist.get_array() is None:
            artist.set(facecolor=[turned(each) for each in artist.get_facecolor()],
                       edgecolor=[turned(each) for each in artist.get_edgecolor()])  # fmt: skip
    return figure


@contextmanager
def own_style() -> Iterator[None]:
    """Draw as this project does, whatever a matplotlibrc or a notebook has set."""
    kept = {"backend", "backend_fallback", "interactive", "toolbar", "datapath"}
    usual = {name: value for name, value in mpl.rcParamsDefault.items() if name not in kept}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mpl.MatplotlibDeprecationWarning)
        own: dict[Any, Any] = {
            "svg.hashsalt": "viz",
            "pdf.fonttype": 42,
            "font.family": list(_FAMILIES),
            "font.size": SMALL,
            "axes.titlelocation": "left",
            "axes.titlesize": TEXT,
            "axes.labelsize": TEXT,
            "axes.labelpad": 1.0,
            "axes.linewidth": 0.5,
            "axes.edgecolor": INK,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "legend.frameon": False,
            "legend.fontsize": SMALL,
        }
        with mpl.rc_context({**usual, **own}):
            before = _STYLED.set(True)
            try:
                yield
            finally:
                _STYLED.reset(before)


class _OwnFigure(Figure):
    """A figure that is saved in the style it was drawn in: its PDFs hold TrueType fonts."""

    def savefig(self, *args: Any, **kwargs: Any) -> None:
        with own_style():
            super().savefig(*args, **kwargs)


def new_figure(width: float = TWO_COLUMNS, height: float = 4.0, *, dpi: float = 300) -> Figure:
    """Make a white Figure that pyplot knows nothing of."""
    with own_style():
        return _OwnFigure(figsize=(width, height), dpi=dpi, facecolor="white")


def check_path(path: str | Path, *, force: bool = False) -> Path:
    """Tell whether a figure can be written here, before any work is done."""
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise Refusal(
            f"{path.name}: cannot write a figure in a file ending in {path.suffix!r}; expected a "
            "name that ends in .png, .svg or .pdf."
        )
    check_place(path, force=force)
    return path


@contextmanager
def _saving() -> Iterator[None]:
    """One figure at a time: what makes files alike, and fonts small, is global."""
    from fontTools import subset  # type: ignore[import-untyped]

    # Tables on ligatures and kerning say nothing once the text is laid out; to read them and cut
    # them to the glyphs used takes longer than all the rest of a PDF.
    dropped = [*getattr(subset.Options, _DROP, []), "GSUB", "GPOS", "GDEF", "kern"]
    changes = ((subset.Options, _DROP, dropped), (subset, _COMPACT, nullcontext))
    with _SAVING, own_style():
        before = [(place, name, getattr(place, name, None)) for place, name, _ in changes]
        for place, name, value in changes:
            setattr(place, name, value)
        try:
            yield
        finally:
            for place, name, old in before:
                setattr(place, name, old)


def save_figure(figure: Figure, path: str | Path, *, force: bool = False) -> Path:
    """Write a figure; the same figure gives the same bytes."""
    path = check_path(path, force=force)
    suffix = path.suffix.lower()
    metadata: dict[str, Any] = {
        ".png": {"Software": None},
        ".svg": {"Date": None},
        ".pdf": {"CreationDate": None},
    }[suffix]
    # Fast compression: on mosaics the best one takes three times as long for 6 % less.
    extra: dict[str, Any] = {"pil_kwargs": {"compress_level": 1}} if suffix == ".png" else {}
    part = path.with_name(path.name + ".part")
    for text in figure.findobj(Text):
        # Set where the figure was drawn outside of `own_style`.
        text.set_usetex(False)
    with _saving():
        figure.savefig(part, format=suffix[1:], metadata=metadata, **extra)
    part.replace(path)
    return path
