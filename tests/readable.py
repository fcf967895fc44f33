"""What every figure must be: text of 6.5 points or more, inside it, none upon another; bare."""

from __future__ import annotations

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from viz.plot.style import MM


def beyond(figure):
    """Labels of ticks outside the view or of axes switched off: kept, but not drawn."""
    return {
        id(label)
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in axis.get_major_ticks()
        for label in (tick.label1, tick.label2)
        if not axes.axison
        or not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
    }


def texts(figure):
    """Every visible text that says something, with its box in pixels."""
    canvas = FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    renderer = canvas.get_renderer()
    found, undrawn = [], beyond(figure)
    for artist in figure.findobj(Text):
        shown = id(artist) not in undrawn and artist.get_visible() and artist.get_text().strip()
        parent = artist
        while shown and getattr(parent, "axes", None) is not None and parent.axes is not parent:
            parent = parent.axes
            shown = parent.get_visible()
        if shown:
            found.append((artist, artist.get_window_extent(renderer)))
    return found


def unreadable(figure, *, smallest=6.5, slack=1.5):
    """Sentences about texts too small, cut off by the figure's edge, or upon one another."""
    found = texts(figure)
    if not found:
        return []
    edge = figure.bbox
    complaints = [
        f"{t.get_text()!r} is {t.get_fontsize():.1f} pt"
        for t, _ in found
        if t.get_fontsize() < smallest - 1e-6
    ]
    complaints += [
        f"{t.get_text()!r} leaves the figure"
        for t, box in found
        if box.x0 < -slack
        or box.y0 < -slack
        or box.x1 > edge.x1 + slack
        or box.y1 > edge.y1 + slack
    ]
    boxes = np.array([[b.x0, b.y0, b.x1, b.y1] for _, b in found])
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    upon = ((high - low) > slack).all(-1)
    complaints += [
        f"{found[i][0].get_text()!r} lies upon {found[j][0].get_text()!r}"
        for i, j in zip(*np.nonzero(np.triu(upon, 1)), strict=True)
        if not np.allclose(boxes[i], boxes[j])  # hidden twins, such as those of shared axes
    ]
    return complaints


def unfit(figure, files):
    """What keeps a figure out of a paper: its size, its text, or words that belong below it."""
    figure.set_dpi(150)
    complaints = unreadable(figure, slack=1.0)
    width, height = figure.get_size_inches() / MM
    if not (abs(width - 85) < 0.5 or abs(width - 178) < 0.5):
        complaints.append(f"{width:.0f} mm wide")
    if height > 220:
        complaints.append(f"{height:.0f} mm high")
    said = [t.get_text().replace("\n", " ") for t, _ in texts(figure)]
    complaints += [f"{t!r} names a file" for t in said if any(name in t for name in files)]
    note = figure.get_label()
    if not note.endswith("."):
        complaints.append("no caption")
    elif any(note[:40] in t for t in said):
        complaints.append("it holds its own caption")
    return complaints


def unfit_of(figures, result, files):
    """The same of figures of a view's, in both widths."""
    return [
        f"{each.name}: {fault}"
        for each in figures
        for make in (each.make, each.narrow)
        if make
        for fault in unfit(make(result), files)
    ]
