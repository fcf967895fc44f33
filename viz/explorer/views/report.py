"""Many views at once, in a folder to take away."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from viz.explorer import state
from viz.explorer.adapting import options_of
from viz.explorer.checkpoints import Opened, choose_other, opened
from viz.explorer.found import sweep_at_hand
from viz.explorer.images import Images, images_chosen
from viz.explorer.settings import MAX_IMAGES
from viz.explorer.take_home import file_stem
from viz.explorer.text import paragraphs, plain
from viz.explorer.working import Worked, work
from viz.images.sets import default_images
from viz.report.build import build, unfit
from viz.report.facts import command_line
from viz.report.plan import choose
from viz.views import COMPARISONS, OF_SWEEPS, VIEWS
from viz.views.base import Shown


@dataclass(frozen=True)
class _Report:
    zipped: bytes
    findings: tuple[tuple[str, str], ...]
    failed: tuple[tuple[str, str], ...]
    unfit: tuple[tuple[str, str], ...]


def _title(row: Shown) -> str:
    return f"{row.title} (slow)" if row.slow else row.title


def _choose(rows: Sequence[Shown], name: str) -> list[str]:
    """Show the sections to choose from, and two choices for those who do not want to."""
    every = [row.name for row in rows]
    quick = [row.name for row in choose(quick=True, rows=rows)]
    medium = [row.name for row in choose(rows=rows)]
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, names, help in (
            ("Weights alone", quick, "What takes seconds on a small network."),
            ("All but slow ones", medium, "Those called slow take minutes."),
            ("Everything", every, None),
        ):
            if names != medium or label != "Weights alone":
                st.button(
                    label, help=help, key=f"viz report {name} {label}",
                    on_click=partial(state.put, name, "report", ",".join(names)),
                )  # fmt: skip
    titles = {row.name: _title(row) for row in rows}
    return state.several(
        name, "report", "Sections", every, default=medium, describe=titles.__getitem__
    )


def _command(
    networks: Sequence[Opened], folder: Path | None, sweep: Path | None, names: list[str], stem: str
) -> str:
    """Return the command that makes the report, for the report itself; no path leaves the machine.

    Networks and folders are told by their names alone.
    """
    rows = VIEWS if len(networks) == 1 else COMPARISONS
    return command_line(
        [Path(each.spelling).name for each in networks],
        {
            "--only": tuple(names) if names != [row.name for row in rows] else (),
            "--images": folder,
            "--sweep": sweep,
            "--limit": MAX_IMAGES if folder is not None else None,
            **{f"--{n.replace('_', '-')}": v for n, v in options_of(networks[0]).items()},
            "-o": f"{stem}/",
        },
    )


def _built(
    networks: Sequence[Opened], images: Images | None, folder: str | None, sweep: Path | None,
    names: list[str], stem: str, say: Callable[[str], object],
) -> Worked[_Report] | None:  # fmt: skip
    rows = {row.name: row for row in (*VIEWS, *COMPARISONS)}
    given_folder = None if folder is None else Path(folder)

    def build_report(*given: Any, sections: list[str]) -> _Report:
        checkpoints, how = given[:-1], given[-1]
        furthest = 0

        def step(section: int, done: int, total: int) -> None:
            # Each section counts as much, and one that measures twice does not go back.
            nonlocal furthest
            furthest = max(furthest, 100 * (section - 1) + 100 * done // max(total, 1))
            how.progress(furthest, 100 * len(sections))

        with tempfile.TemporaryDirectory(prefix="viz-report-") as made:
            written_to = Path(made) / stem
            with nullcontext() if images is None else images.placed() as place:
                written = build(
                    checkpoints, written_to, images=place or folder, limit=MAX_IMAGES,
                    sweep=how.sweep, views=[rows[name] for name in sections],
                    rows=VIEWS if len(checkpoints) == 1 else COMPARISONS,
                    command=_command(networks, given_folder, how.sweep, sections, stem),
                    progress=say, steps=step,
                )  # fmt: skip
            zipped = shutil.make_archive(str(written_to), "zip", root_dir=made, base_dir=stem)
            return _Report(
                Path(zipped).read_bytes(),
                tuple((s.title, said) for s in written if (said := s.finding or s.nothing)),
                tuple((s.title, s.failed) for s in written if s.failed),
                tuple(unfit([rows[name] for name in sections], checkpoints).items()),
            )

    digest = hashlib.sha256(",".join(names).encode()).hexdigest()[:16]
    return work(
        # A report is large: it is kept with this session alone.
        replace(networks[0], private=True), build_report, *(each.checkpoint for each in networks),
        images=images, sweep=sweep, name=f"report {digest} {networks[-1].key}", what="Building",
        slow=True, label="Build", counted=False, sections=names,
    )  # fmt: skip


def _page(found: Opened) -> None:
    st.title(state.title(), anchor=False)
    st.markdown(
        "Chosen views in one folder: **index.html** opens in any browser without a network, "
        "**report.pdf** prints, **figures/** holds each figure as SVG, PDF and PNG, **data/** the "
        "numbers behind them, **manifest.json** what all was made from."
    )
    other, messages = choose_other("report", nothing="nothing else")
    for show in messages:
        show()
    networks = [found] if other is None else [found, other]
    rows: Sequence[Shown] = VIEWS if other is None else COMPARISONS
    names = _choose(rows, "sections" if other is None else "comparisons")
    if not names:
        st.info("Choose at least one section.")
        return
    chosen = [row for row in rows if row.name in names]
    # Of the comparisons the first looks at images if there are any.
    looks = other is not None or any(row.needs_images for row in chosen)
    images = images_chosen() if looks else None
    folder, sweep = None if images is None else images.folder, None
    if images is not None and any(row in OF_SWEEPS for row in chosen):
        sweep = sweep_at_hand(found, images)
    stem = file_stem(found, "report")
    if other is not None:
        # Only with images are effective receptive fields compared.
        folder = folder or str(default_images()[0].parent)
        stem = file_stem(found, file_stem(other, "report"))
    line = st.empty()
    made = _built(
        networks, images, folder, sweep, names, stem, lambda text: line.caption(plain(text))
    )
    if made is not None:
        line.empty()
        _show(made.value, stem)


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
    for title, why in report.unfit:
        st.info(plain(f"{title}: left out: {why}"))
    for title, finding in report.findings:
        st.markdown(f"**{plain(title)}.** {paragraphs(finding)}")


_page(opened())
