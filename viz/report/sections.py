"""One section of a report: measured into a file, then drawn and told from that file alone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from viz.core.refusal import Nothing, Refusal
from viz.plot.style import MM, ONE_COLUMN, save_figure
from viz.report.folder import NARROW, write_numbers
from viz.report.names import without_paths

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from viz.core.result import Result
    from viz.views.base import Shown

PAGE_DPI = 150
"""Of pictures on the page: twice the pixels of a usual screen would double its size."""
_SEEN = 16


@dataclass(frozen=True)
class Drawn:
    """One figure of a section.

    Parameters
    ----------
    name : str
        Of its files, without suffix.
    caption : str
        What is shown.
    note : str
        How to read it: its colour scale, its marks, what was drawn of what.
    width, height : float
        In millimetres.
    columns : int
        Of a journal's page that it needs: 1 or 2.
    """

    name: str
    caption: str
    note: str
    width: float
    height: float
    columns: int


@dataclass(frozen=True)
class Section:
    """One row of the catalogue in a report: what was found, or why it was not.

    Parameters
    ----------
    name, title, misleads : str
        Of the row.
    needs_images : bool
        Whether it is about what the network does on images.
    finding : str
        In plain language, with its numbers; empty where the row has none.
    figures : tuple of Drawn
        The main one first.
    narrow : tuple of Drawn
        Those of them that are made for one column too; they are in the folder alone.
    failed : str
        Why there is nothing; empty where all went well.
    nothing : str
        Why nothing can be measured in this network; that is no failure.
    """

    name: str
    title: str
    misleads: str
    needs_images: bool = False
    finding: str = ""
    figures: tuple[Drawn, ...] = ()
    narrow: tuple[Drawn, ...] = ()
    failed: str = ""
    nothing: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Section:
        """Make a section of plain values; what an older version told besides is left out."""
        drawn = {
            name: tuple(Drawn(**each) for each in values[name]) for name in ("figures", "narrow")
        }
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in (values | drawn).items() if name in known})


def _failed(row: Shown, error: Exception, folders: Sequence[str | Path]) -> Section:
    """Say why a section is missing."""
    logging.getLogger("viz.report").debug("%s failed", row.name, exc_info=error)
    known = isinstance(error, (Refusal, OSError))
    text = str(error) if known else f"{type(error).__name__}: {error}"
    text = without_paths(text, folders) or type(error).__name__
    section = Section(row.name, row.title, row.misleads, row.needs_images)
    if isinstance(error, Nothing):
        return replace(section, nothing=text[:1].upper() + text[1:])
    return replace(section, failed=text)


def measure(
    row: Shown, make: Callable[[], Result], path: Path, folders: Sequence[str | Path] = ()
) -> Section | None:
    """Measure a row of the catalogue into a file; return why it cannot be."""
    try:
        result = make()
    except Exception as error:
        return _failed(row, error, folders)
    # A full disk ends the report, not the section.
    result.save(path)
    return None


def draw(
    row: Shown, part: Path, settings: Mapping[str, Any], folders: Sequence[str | Path] = ()
) -> Section:
    """Draw a row of the catalogue from ``data/NAME.npz``; what fails is told, not raised."""
    data, narrow = part / "data", NARROW.format
    main = [(each.name, each.caption, each.make) for each in row.figures]
    one = [(narrow(each.name), each.caption, each.narrow) for each in row.figures if each.narrow]
    try:
        result = row.load(data / f"{row.name}.npz")
        finding = row.sentence(result) if row.sentence else ""
        write_numbers(row, result, data)
        saved = partial(_saved, result, part, settings["formats"])
        figures = tuple(saved(*each, page=True) for each in main)
        one_column = tuple(saved(*each) for each in one if settings["one_column"])
    except OSError:
        raise
    except Exception as error:
        names = {name for name, *_ in (*main, *one)}
        for path in (*data.glob(f"{row.name}.*"), *part.glob("figures/*"), *part.glob("made/*")):
            if path.parent == data or path.stem in names:
                path.unlink()
        return _failed(row, error, folders)
    return Section(
        row.name, row.title, row.misleads, row.needs_images, finding, figures, one_column
    )


def _saved(
    result: Result, part: Path, formats: Sequence[str],
    name: str, caption: str, make: Callable[[Any], Figure], *, page: bool = False,
) -> Drawn:  # fmt: skip
    """Draw a figure and write it in every format asked for, and as the pages need it."""
    figure = make(result)
    wanted = {part / "figures" / f"{name}{suffix}" for suffix in formats}
    if page and ".pdf" not in formats:
        wanted.add(part / "made" / f"{name}.pdf")
    for path in sorted(wanted):
        save_figure(figure, path, force=True)
    if page:
        _picture(figure, part / "figures" / f"{name}.png").save(part / "made" / f"{name}.png")
    width, height = figure.get_size_inches() / MM
    columns = 1 if width <= ONE_COLUMN / MM + 0.5 else 2
    size = round(float(width), 2), round(float(height), 2)
    return Drawn(name, caption, str(figure.get_label()), *size, columns)


def _picture(figure: Figure, saved: Path) -> Image.Image:
    """Return a figure for the page: a file of twice the size halved, or drawn."""
    if saved.exists():
        with Image.open(saved) as large:
            return few_colours(large.convert("RGB").reduce(2))
    figure.set_dpi(PAGE_DPI)
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    return few_colours(Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB"))


def few_colours(picture: Image.Image) -> Image.Image:
    """Give a picture a palette of 256 colours, where hardly a pixel shows it."""
    reduced = picture.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    change = np.abs(np.asarray(reduced.convert("RGB"), int) - np.asarray(picture, int)).max(-1)
    return reduced if (change > _SEEN).mean() <= 0.001 else picture
