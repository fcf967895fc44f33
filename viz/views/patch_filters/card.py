"""Patch-embedding filters described: names, orientations, colours, components, fits."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from viz.views.base import FigureRow, Given, Option, View
from viz.views.described import patch_description
from viz.views.wording import listed, plural

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from viz.core.result import Result
    from viz.network.checkpoint import Checkpoint


def _measure(checkpoint: Checkpoint, given: Given) -> Result:
    return patch_description(checkpoint, given)


def _filters(
    result: Any, *, order: str = "hue", scale: Any = "tile", narrow: bool = False
) -> Figure:
    from viz.plot.mosaic import full_rows
    from viz.plot.style import ONE_COLUMN, TWO_COLUMNS
    from viz.views.patch_filters.draw_kinds import draw_kinds, kinds_figure
    from viz.views.weights.draw import drawn_mosaic, patch_filter_mosaic
    from viz.views.weights.measure import ordered_filters

    width = ONE_COLUMN if narrow else TWO_COLUMNS
    if order == "name":
        figure = kinds_figure(result, scale=scale, width=width)
        draw_kinds(result, figure, scale=scale)
        return figure
    filters = ordered_filters(result.filters, result.source, order=order)
    columns = full_rows(len(result.filters), 1.2 if narrow else 2.5)
    return drawn_mosaic(patch_filter_mosaic(filters, scale=scale, columns=columns), width=width)


def _sentence(result: Any) -> str:
    numbers = result.summary()
    n, p, null = numbers["n"], numbers["patch_size"], numbers["null"]
    fit = numbers["medians"]["r2_map"]

    def count(words: dict[str, float], word: str) -> str:
        return str(round(float(n) * words[word]) or "none")

    said, structures = [], numbers["structures"]
    if sum(structures.values()):
        first = f"{count(structures, 'stripes')} are stripes"
        kinds = [f"{count(structures, s)} {plural(s)}" for s in ("edge", "bar", "blob")]
        said.append(
            f"Of the {n} patch filters "
            f"{listed([first, *kinds])}, while "
            f"{count(structures, 'other')} show something else and {count(structures, 'noise')} "
            "look like noise."
        )
    if numbers["in_channels"] == 3:
        of, whole = numbers["colours"], n if said else f"the {n} patch filters"
        faint, none = (100 * numbers["settings"][name] for name in ("coloured", "tinted"))
        said.append(
            f"{count(of, 'coloured').capitalize()} of {whole} are coloured, "
            f"{count(of, 'tinted')} nearly grey (less than {faint:g} % of their energy is "
            f"colour) and {count(of, 'grey')} without colour (less than {none:g} %)."
        )
    if not said or not sum(structures.values()):
        return " ".join([*said, f"Patches of {p} x {p} pixels are too small to name a structure."])
    smooth = null["smooth_r2_map_median"]
    random = f"{100 * null['r2_map_median']:.0f} % of white noise"
    if smooth is not None:
        random += f" and {100 * smooth:.0f} % of random filters as smooth as these"
    said.append(
        "A Gabor explains "
        + (f"{100 * fit:.0f} %" if fit is not None else "nothing")
        + f" of the median filter's spatial map, against {random}."
    )
    return " ".join(said)


def _figures() -> tuple[FigureRow, ...]:
    from viz.plot.figures import both, drawn
    from viz.views.patch_filters import draw, draw_kinds

    return (
        FigureRow(
            "patch-filters",
            "All patch-embedding filters, in normalised-input space: nearly grey ones first, then "
            "by hue, and within a hue by orientation.",
            _filters,
            partial(_filters, narrow=True),
        ),
        FigureRow(
            "patch-filters-by-name",
            "The same filters by structure, each framed in its colour.",
            *both(draw_kinds.draw_kinds, draw_kinds.kinds_figure),
        ),
        # It fits one column as it is.
        FigureRow(
            "patch-filters-orientation",
            "Orientation of stripes, edges and bars, and the frequency they respond to most.",
            drawn(draw.draw_orientation_frequency, draw.ORIENTATION_SIZE),
        ),
        FigureRow(
            "patch-filters-components",
            "The first principal components of the bank, with their shares of the variance.",
            *both(draw.draw_components, draw.components_figure),
        ),
        FigureRow(
            "patch-filters-fits",
            "Filter, map, Gabor fit and residual of the best, the median and the worst fits.",
            *both(draw.draw_fits, draw.fits_figure),
        ),
    )


VIEW = View(
    "patch-filters",
    "Patch-embedding filters",
    _measure,
    "viz.views.patch_filters.result:PatchFilterDescription",
    _figures,
    "Each filter has its own colour scale, so a filter that is nearly zero looks as strong as "
    "the rest. Red may mean that a filter likes red or that it dislikes cyan: both are one. A "
    "filter near a threshold could as well have the next name. A faint tint looks grey in small.",
    sentence=_sentence,
    about="""Draw every patch-embedding filter; name its colour and structure.

    -o FILE draws one mosaic, -o FOLDER writes every figure and the table of the description, and
    --json prints shares by name and medians.
    """,
    options=(
        Option(
            "order",
            "Order the filters of the mosaic in this way.",
            "hue",
            ("index", "norm", "hue", "orientation", "name"),
            draws=True,
        ),
        Option(
            "scale",
            "Give all filters one colour scale, or each its own.",
            "tile",
            ("figure", "tile"),
            draws=True,
        ),
    ),
    group="What was learned",
    icon=":material/palette:",
    question="What does each channel look for in a patch?",
)
