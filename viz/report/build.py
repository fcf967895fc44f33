"""A folder of figures with a page that opens anywhere."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, select_autoescape

from viz import __version__
from viz.catalogue import VIEWS, Given
from viz.report.folder import write_view

if TYPE_CHECKING:
    from viz.model.checkpoint import Checkpoint

__all__ = ["ReportError", "build", "check_folder"]


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


def build(
    checkpoint: Checkpoint,
    folder: str | Path,
    *,
    force: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Path:
    """Write every view of the catalogue and a self-contained index.html.

    Parameters
    ----------
    checkpoint : Checkpoint
        The network.
    folder : str or Path
        Made whole or not at all.
    force : bool
        Replace an existing report.
    progress : callable, optional
        Receives a line of text per view.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ReportError
        If the folder exists and may not be replaced.
    """
    folder = check_folder(folder, force=force)
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    (part / "figures").mkdir(parents=True)
    (part / "data").mkdir()
    try:
        sections = []
        for number, row in enumerate(VIEWS, start=1):
            if progress:
                progress(f"{number}/{len(VIEWS)} {row.title}")
            result = row.measure(checkpoint, Given())
            write_view(row, result, part / "figures", part / "data")
            figures = [
                {
                    "name": made.name,
                    "caption": made.caption,
                    "png": base64.b64encode(
                        (part / "figures" / f"{made.name}.png").read_bytes()
                    ).decode(),
                }
                for made in row.figures
            ]
            sections.append({"row": row, "figures": figures})
        environment = Environment(
            loader=PackageLoader("viz.report"), autoescape=select_autoescape(default=True)
        )
        page = environment.get_template("index.html").render(
            sections=sections,
            config=checkpoint.config,
            source=checkpoint.source,
            preprocessing=checkpoint.preprocessing,
            training=checkpoint.training,
            version=__version__,
        )
        (part / "index.html").write_text(page, encoding="utf-8")
        if folder.is_dir():
            shutil.rmtree(folder)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder
