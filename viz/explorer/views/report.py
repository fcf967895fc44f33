"""Many views at once, in a folder to take away."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from viz.catalogue import VIEWS, Given, view
from viz.explorer import state
from viz.explorer.checkpoints import Opened, opened
from viz.explorer.images import Images, images_chosen
from viz.explorer.settings import MAX_IMAGES
from viz.explorer.take_home import file_stem
from viz.explorer.text import plain
from viz.explorer.working import work
from viz.report.build import build
from viz.report.facts import command_line
from viz.results.refusal import Refusal

if TYPE_CHECKING:
    from viz.model.checkpoint import Checkpoint

_NAMES = [row.name for row in VIEWS]
_QUICK = [row.name for row in VIEWS if not row.slow]


@dataclass(frozen=True)
class _Report:
    zipped: bytes
    findings: tuple[tuple[str, str], ...]
    failed: tuple[tuple[str, str], ...]


def _title(name: str) -> str:
    row = view(name)
    return f"{row.title} (slow)" if row.slow else row.title


def _command(found: Opened, images: Images | None, names: list[str], stem: str) -> str:
    """Return the command line; the images' folder is named as it was given."""
    folder = None if images is None else images.folder
    spelling = found.spelling
    return command_line(
        [f"./{spelling}" if spelling.startswith("-") else spelling],
        {
            "--only": tuple(names) if names != _NAMES else (),
            "--images": folder,
            "--limit": MAX_IMAGES if folder is not None else None,
            "-o": f"{stem}/",
        },
    )


def _page(found: Opened) -> None:
    st.title(state.title(), anchor=False)
    st.markdown(
        "Chosen views in one folder: **index.html** opens in any browser without a network, "
        "**report.pdf** prints, **figures/** holds each figure as SVG, PDF and PNG, **data/** the "
        "numbers behind them, **manifest.json** what all was made from."
    )
    names = state.several(
        "sections",
        "report",
        "Sections",
        _NAMES,
        default=_QUICK,
        describe=_title,
        help="Those called slow take minutes on a large network.",
    )
    if not names:
        st.info("Choose at least one section.")
        return
    images = images_chosen() if any(view(name).needs_images for name in names) else None
    stem = file_stem(found, "report")
    line = st.empty()

    def tell(text: str) -> None:
        line.caption(plain(text))

    def build_report(checkpoint: Checkpoint, given: Given, *, sections: list[str]) -> _Report:
        told = _command(replace(found, spelling=Path(found.spelling).name), images, sections, stem)
        with tempfile.TemporaryDirectory(prefix="viz-report-") as made:
            folder = Path(made) / stem
            with nullcontext() if images is None else images.placed() as place:
                written = build(
                    checkpoint, folder, images=place, limit=MAX_IMAGES,
                    views=[view(name) for name in sections], command=told,
                    progress=tell, steps=given.progress,
                )  # fmt: skip
            zipped = shutil.make_archive(str(folder), "zip", root_dir=made, base_dir=stem)
            return _Report(
                Path(zipped).read_bytes(),
                tuple((s.title, s.finding) for s in written if not s.failed),
                tuple((s.title, s.failed) for s in written if s.failed),
            )

    digest = hashlib.sha256(",".join(names).encode()).hexdigest()[:16]
    try:
        made = work(
            # A report is large: it is kept with this session alone.
            replace(found, private=True), build_report, images=images, name=f"report {digest}",
            what="Building", slow=True, label="Build", sections=names,
        )  # fmt: skip
    except Refusal as error:
        st.error(plain(error))
        return
    if made is not None:
        line.empty()
        _show(made.value, stem)
    with st.expander("On the command line"):
        st.code(_command(found, images, names, stem), language="bash", wrap_lines=True)
        st.caption(
            "viz report takes two checkpoints as well, and lays them side by side; --paper letter "
            "and --formats change what is written."
        )


def _show(report: _Report, stem: str) -> None:
    st.download_button(
        f"Download the report ({len(report.zipped) / 1e6:.1f} MB)",
        report.zipped,
        f"{stem}.zip",
        "application/zip",
        type="primary",
        key="viz take report",
        on_click="ignore",
    )
    for title, why in report.failed:
        st.warning(plain(f"{title}: left out: {why}"))
    for title, finding in report.findings:
        st.markdown(f"**{plain(title)}.** {plain(finding)}")


_page(opened())
