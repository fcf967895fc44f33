"""Explorer tests in common: going from page to page without a browser, and what pages say."""

import io
import re

import numpy as np
from PIL import Image
from streamlit.util import calc_hash


def go(app, view):
    """Go to a page as a link from elsewhere does: another page before would take a run."""
    app._page_hash = calc_hash(view.replace("_", "-").replace("overview", ""))


def sentences(elements):
    """Undo the escapes that keep Markdown out, and the spaces that do not break."""
    return [re.sub(r"\\(.)", r"\1", e.value).replace("\u00a0", " ") for e in elements]


def fine(app):
    return not app.error and not app.warning and not app.exception


def type_lines(app):
    """Run the lines of Python that a page shows."""
    for shown in app.code:
        if shown.language == "python":
            exec(compile(shown.value, "shown", "exec"), {})


def is_overview(app):
    """Tell whether a network is shown at first sight."""
    return any("Its kernels, block by block" in each for each in sentences(app.markdown))


def picture(seed, suffix="PNG"):
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 48, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=suffix)
    return buffer.getvalue()
