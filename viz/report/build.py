"""A folder of figures with a page that opens anywhere."""

from __future__ import annotations

import base64
import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, select_autoescape

from viz import __version__
from viz.catalogue import VIEWS, Given, View
from viz.image_sets import open_images
from viz.report.folder import make_figures, write_view

if TYPE_CHECKING:
    from viz.image_sets import ImageSet
    from viz.model.checkpoint import Checkpoint

__all__ = ["ReportError", "Section", "build", "check_folder", "choose"]


class ReportError(ValueError):
    """A report that cannot be written; the message is one sentence for the user."""


def check_folder(folder: str | Path, *, force: bool = False) -> Path:
    """Tell whether a report can be written here, before any work is done.

    Parameters
    ----------
    folder : str or Path
        Where the report shall be.
    force : bool
        Whether an existing report may be replaced.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ReportError
        If the folder exists and may not be replaced, or is something else than a report.
    """
    folder = Path(folder)
    if folder.is_file():
        raise ReportError(f"{folder} is a file; give the name of a folder that does not exist.")
    if folder.is_dir() and any(folder.iterdir()):
        if not force:
            raise ReportError(f"{folder} exists; choose another name or pass --force.")
        if not (folder / "index.html").is_file():
            raise ReportError(
                f"{folder} exists and is not a report (it has no index.html); it is not replaced."
            )
    return folder


@dataclass(frozen=True)
class Section:
    """One view in a report: what was found, or why it was not.

    Parameters
    ----------
    row : View
        Of the catalogue.
    finding : str
        In plain language, with its numbers; empty where the view has none.
    figures : tuple of dict
        ``name``, ``caption`` and ``png`` (base64) of each.
    failed : str
        Why there is nothing; empty where all went well.
    """

    row: View
    finding: str = ""
    figures: tuple[dict[str, str], ...] = ()
    failed: str = ""


def choose(
    *, quick: bool = False, only: Sequence[str] = (), skip: Sequence[str] = ()
) -> tuple[View, ...]:
    """Choose the views of a report.

    Parameters
    ----------
    quick : bool
        Leave out what needs images and what is slow.
    only, skip : sequence of str
        Names of views; ``only`` wins over ``quick``.

    Returns
    -------
    tuple of View
        In the catalogue's order.

    Raises
    ------
    ReportError
        If there is no such view, or none is left.
    """
    names = [row.name for row in VIEWS]
    for name in (*only, *skip):
        if name not in names:
            raise ReportError(f"there is no section {name!r}; they are {', '.join(names)}.")
    chosen = tuple(
        row
        for row in VIEWS
        if row.name not in skip
        and (row.name in only if only else not (quick and (row.needs_images or row.slow)))
    )
    if not chosen:
        raise ReportError("no section is left to write; name fewer to skip.")
    return chosen


def _failed(row: View, error: Exception) -> Section:
    """Say why a view is missing."""
    logging.getLogger("viz.report").debug("%s failed", row.name, exc_info=error)
    known = isinstance(error, (ValueError, IndexError, OSError))
    return Section(row, failed=str(error) if known else f"{type(error).__name__}: {error}")


def _section(row: View, checkpoint: Checkpoint, given: Given, folder: Path) -> Section:
    """Measure, draw and write one view; what fails in it is told, not raised."""
    try:
        result = row.measure(checkpoint, given)
        made = make_figures(row, result)
        finding = row.sentence(result) if row.sentence else ""
    except Exception as error:
        return _failed(row, error)
    try:
        write_view(row, result, made, folder / "figures", folder / "data")
    except OSError:
        # A full disk ends the report, not the section.
        raise
    except Exception as error:
        for path in (folder / "data").glob(f"{row.name}.*"):
            path.unlink()
        return _failed(row, error)
    return Section(
        row,
        finding,
        tuple(
            {
                "name": each.name,
                "caption": each.caption,
                "png": base64.b64encode(
                    (folder / "figures" / f"{each.name}.png").read_bytes()
                ).decode(),
            }
            for each in row.figures
        ),
    )


def _page(checkpoint: Checkpoint, sections: Sequence[Section], images: ImageSet) -> str:
    environment = Environment(
        loader=PackageLoader("viz.report"), autoescape=select_autoescape(default=True)
    )
    left_out = [row.title for row in VIEWS if row not in [s.row for s in sections]]
    return environment.get_template("index.html").render(
        sections=sections,
        left_out=left_out,
        images=images.names if any(s.row.needs_images for s in sections) else (),
        skipped=images.note,
        config=checkpoint.config,
        source=checkpoint.source,
        preprocessing=checkpoint.preprocessing,
        training=checkpoint.training,
        version=__version__,
    )


def build(
    checkpoint: Checkpoint,
    folder: str | Path,
    *,
    images: str | Path | None = None,
    views: Sequence[View] = VIEWS,
    force: bool = False,
    progress: Callable[[str], None] | None = None,
) -> tuple[Section, ...]:
    """Write views and a self-contained index.html.

    Parameters
    ----------
    checkpoint : Checkpoint
        The network.
    folder : str or Path
        Made whole or not at all; a view that cannot be made is told on the page.
    images : str or Path, optional
        A folder of images or one of them; scikit-learn's two photographs by default.
    views : sequence of View
        Of `choose`.
    force : bool
        Replace an existing report.
    progress : callable, optional
        Receives a line of text per view.

    Returns
    -------
    tuple of Section
        What was written, and what failed.

    Raises
    ------
    ReportError
        If the folder exists and may not be replaced.
    ImageError
        If there is no such image, or none can be read.
    """
    folder = check_folder(folder, force=force)

    sets: list[ImageSet] = []

    def opened() -> ImageSet:
        sets.append(open_images(images, checkpoint.preprocessing, checkpoint.config.in_channels))
        return sets[-1]

    if images is not None:
        opened().check()
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    (part / "figures").mkdir(parents=True)
    (part / "data").mkdir()
    try:
        sections: list[Section] = []
        for number, row in enumerate(views, start=1):
            if progress:
                progress(f"{number}/{len(views)} {row.title}")
            given = Given(images=opened if images is not None else None)
            sections.append(_section(row, checkpoint, given, part))
            if progress and sections[-1].failed:
                progress(f"failed: {sections[-1].failed}")
        # The set that was read farthest knows best which files are broken.
        read = max(sets, key=lambda each: len(each.skipped)) if sets else opened()
        page = _page(checkpoint, sections, read)
        (part / "index.html").write_text(page, encoding="utf-8")
        if folder.is_dir():
            shutil.rmtree(folder)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return tuple(sections)
