"""Any view of the catalogue as a page: its finding, its figures, its numbers."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from viz.core.refusal import Refusal
from viz.explorer import state
from viz.explorer.checkpoints import opened
from viz.explorer.images import images_chosen
from viz.explorer.kernels import described
from viz.explorer.methods import method_text
from viz.explorer.on_images import sweep_of
from viz.explorer.options import choose_options
from viz.explorer.sections import folded, picture, show_figure, uploaded
from viz.explorer.settings import Start
from viz.explorer.take_home import file_stem, python, take_figure, take_home
from viz.explorer.text import paragraphs, plain
from viz.explorer.working import heavy, work
from viz.views import OF_SWEEPS, Given, comparison, view

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from viz.core.result import Result
    from viz.explorer.checkpoints import Opened
    from viz.explorer.images import Images
    from viz.network.checkpoint import Checkpoint
    from viz.views.base import Shown


_MANY = 4096
"""Kernels whose description takes about ten seconds."""
_OF_KERNELS = ("kernels", "clusters", "early-late", "mixing", "preferred-inputs", "compare")
"""Rows that rest on the description of all kernels."""
_LONGER = 8


def _measure(checkpoint: Checkpoint, given: Given, *, view_name: str, **options: Any) -> Result:
    return view(view_name).measure(checkpoint, given, **options)


def _compare(a: Checkpoint, b: Checkpoint, given: Given, *, row_name: str) -> Result:
    return comparison(row_name).measure(a, b, given)


def _refused(a: Checkpoint, b: Checkpoint, given: Given, *, row_name: str) -> str:
    return comparison(row_name).refuses(a, b)


def _lines(
    row: Shown, images: Images | None, other: Opened | None, sweep: Path | None,
    options: dict[str, Any], draws: dict[str, Any],
) -> str:  # fmt: skip
    """Return Python that makes a result and its main figure from ``checkpoint``."""
    given: dict[str, Any] = dict(options)
    if sweep is not None and images is not None:
        given |= {"images": images.folder, "sweep": str(sweep)}
    elif images is not None and (images.folder is not None or not row.needs_images):
        given["images"] = images.paths
    words = ["checkpoint", *([] if other is None else ["other"])]
    words += [f"{name}={value!r}" for name, value in given.items()]
    drawn = "".join(f", {name}={value!r}" for name, value in draws.items())
    find = "view" if other is None else "comparison"
    return f"""
from viz.views import {find}
{f"other = viz.load({other.spelling!r})" if other is not None else ""}
result = viz.{row.name.replace("-", "_")}({", ".join(words)})
figure = {find}({row.name!r}).figures[0].make(result{drawn})
"""


def _these(count: int) -> str:
    return "this one image" if count == 1 else f"these {count} images"


def _asks(row: Shown, images: Images | None, *networks: Checkpoint) -> bool:
    """Tell whether a row takes longer than some seconds on these networks."""
    if not row.needs_images:
        return any(each.config.dim * each.config.depth > _MANY for each in networks)
    # A page may take some times as long as the close-up of one kernel.
    number = len(images.names) // _LONGER if images is not None else 1
    return row.slow or any(heavy(each, number) for each in networks)


def take_row(row: Shown, found: Opened, other: Opened | None = None) -> None:
    """Offer a row of the catalogue that has not been measured: a download measures it."""
    networks = [each.checkpoint for each in (found, other) if each is not None]
    result = cache(lambda: row.measure(*networks, Given()))
    stem = file_stem(found, row.name)
    take_home(
        stem, result, lambda: row.figures[0].make(result()),
        script=python(found, _lines(row, None, other, None, {}, {}), stem),
    )  # fmt: skip


def show_row(
    row: Shown, found: Opened, *, images: Images | None = None, other: Opened | None = None,
    sweep: Path | None = None, options: dict[str, Any] | None = None,
    draws: dict[str, Any] | None = None, rest: DeltaGenerator | None = None,
) -> None:  # fmt: skip
    """Show a row of the catalogue: finding, main figure, what to take; the rest is folded up.

    ``rest`` is where on the page that is.
    """
    settings, draws = options or {}, draws or {}
    private = found.private or any(x is not None and x.private for x in (images, other))
    kept = replace(found, private=private)
    networks = [each.checkpoint for each in (found, other) if each is not None]
    how: dict[str, Any] = {
        "images": images,
        "what": f"Measuring {row.name.replace('-', ' ')}",
        "slow": _asks(row, images, *networks),
    }
    for network in filter(None, (found, other)) if row.name in _OF_KERNELS else ():
        # The measure finds the description that is made, or kept, here.
        if described(network) is None:
            return
    if other is None:
        made = work(
            kept, _measure, name=row.name, view_name=row.name, sweep=sweep, **how, **settings
        )
    else:
        name = f"{row.name} {other.key}"
        reason = work(kept, _refused, *networks, what="Looking at both", row_name=row.name)
        if reason is None:
            return
        if reason.value:
            st.info(plain(reason.value[0].upper() + reason.value[1:]))
            return
        made = work(kept, _compare, *networks, name=name, row_name=row.name, **how)
    if made is None:
        return
    if made.note:
        st.warning(plain(made.note))
    result = made.value
    if row.sentence is not None:
        st.markdown(paragraphs(row.sentence(result)))

    def figure(number: int, **draws: Any) -> None:
        each = row.figures[number]
        make = partial(each.make, **draws)
        shown = picture(kept, result, make, name=each.name, made_from=made.key, **draws)
        show_figure(shown, alt=each.caption, key=each.name, caption=each.caption)

    figure(0, **draws)
    stem, main = file_stem(found, row.name), row.figures[0]
    lines = _lines(row, images, other, sweep, settings, draws)
    take_home(
        stem, result, partial(main.make, result, **draws),
        note="" if images is None else uploaded(images),
        script=python(found, lines, stem, table=hasattr(result, "to_frame")),
    )  # fmt: skip
    with rest or st.container():
        if len(row.figures) > 1:
            with folded("More figures", f"{row.name} figures") as wanted:
                for number in range(1, len(row.figures)) if wanted else ():
                    figure(number)
                    each = row.figures[number]
                    take_figure(file_stem(found, each.name), partial(each.make, result))
        with st.expander("How this can mislead, and how it is measured"):
            st.markdown(plain(row.misleads))
            st.markdown(method_text(row.name if other is None else "compare"))
        if hasattr(result, "to_frame"):
            with folded("In numbers", f"{row.name} numbers") as wanted:
                if wanted:
                    st.dataframe(result.to_frame(), hide_index=True)


def sweep_at_hand(found: Opened, images: Images) -> Path | None:
    """Return the file of the sweep given at the start, where it is of these images."""
    start = Start.read()
    if start.sweep is None or images.folder != start.images:
        return None
    try:
        sweep_of(found, start.sweep)
    except (Refusal, OSError) as error:
        st.info(plain(error))
        return None
    return Path(start.sweep)


def show_view(name: str) -> None:
    """Show one view of the catalogue as a page: the finding stands before the settings."""
    found, row = opened(), view(name)
    st.title(state.title(), anchor=False)
    st.caption(row.question)
    told = st.container()
    images = images_chosen() if row.needs_images else None
    sweep = None
    if row in OF_SWEEPS and images is not None:
        sweep = sweep_at_hand(found, images)
        if sweep is not None:
            st.caption(f"Of the sweep {plain(sweep.name)} of the whole folder.")
        else:
            st.caption(
                f"A pass over {_these(len(images.names))} alone: what is rare in them is missed."
            )
    options, draws = choose_options(row, state.page(), found.checkpoint)
    rest = st.container()
    with told:
        show_row(row, found, images=images, sweep=sweep, options=options, draws=draws, rest=rest)
