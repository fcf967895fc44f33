"""Mathematics of the method pages: MathML on the page, matplotlib's outlines in the PDF."""

from __future__ import annotations

import re
from functools import cache
from typing import Any
from xml.sax.saxutils import quoteattr

from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath, text_to_path
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph

_FORMULA = re.compile(r"\$\$(.+?)\$\$|\$(\S(?:[^$]*\S)?)\$", re.DOTALL)
_FONT = FontProperties(size=10, math_fontfamily="stix")
_LARGER = 1.15
"""Its letters are smaller than those of the text around them."""


def with_formulas(markdown: MarkdownIt) -> MarkdownIt:
    """Let ``$...$`` and ``$$...$$`` be mathematics, as they are on GitHub."""

    def rule(state: StateInline, silent: bool) -> bool:
        found = _FORMULA.match(state.src, state.pos)
        if found is not None:
            if not silent:
                display = "block" if found[1] else "inline"
                token = state.push("html_inline", "", 0)
                token.content = mathml(" ".join((found[1] or found[2]).split()), display)
            state.pos = found.end()
        return found is not None

    markdown.inline.ruler.before("escape", "formula", rule)
    return markdown


def mathml(formula: str, display: str = "inline") -> str:
    """Return a formula as MathML that holds its TeX."""
    made: str = convert(formula, display=display)
    return made.replace("<math ", f"<math alttext={quoteattr(formula)} ", 1)


class Outline:
    """A formula as outlines.

    Parameters
    ----------
    formula : str
        In TeX, as far as matplotlib reads it.
    size : float
        Of its letters, in points.
    """

    def __init__(self, formula: str, size: float) -> None:
        self.scale = _LARGER * size / _FONT.get_size_in_points()
        text = f"${formula}$"
        measures = text_to_path.get_text_width_height_descent(text, _FONT, ismath=True)
        self.width, self.height, self.depth = (self.scale * float(each) for each in measures)
        self.path = TextPath((0, 0), text, prop=_FONT)

    def draw(self, canvas: Canvas, x: float, y: float) -> None:
        """Draw it with its lowest point there."""
        out, last = canvas.beginPath(), (0.0, 0.0)
        for points, code in self.path.iter_segments(simplify=False):
            at = [
                (x + self.scale * a, y + self.depth + self.scale * b)
                for a, b in points.reshape(-1, 2)
            ]
            if code == Path.MOVETO:
                out.moveTo(*at[0])
            elif code == Path.LINETO:
                out.lineTo(*at[0])
            elif code == Path.CURVE3:
                # A curve of one control point, as one of two.
                near = [(2 * at[0][i] + last[i]) / 3 for i in (0, 1)]
                far = [(2 * at[0][i] + at[1][i]) / 3 for i in (0, 1)]
                out.curveTo(*near, *far, *at[1])
            elif code == Path.CLOSEPOLY:
                out.close()
            last = at[-1]
        canvas.drawPath(out, stroke=0, fill=1, fillMode=1)


_outline = cache(Outline)


def placed(formula: str) -> str:
    """Return the markup that keeps a formula's place in a paragraph."""
    return f"<onDraw name='formula' label={quoteattr(formula)}/>"


def outlined(paragraph: Paragraph) -> Paragraph:
    """Give the formulas of a paragraph their outlines, which a `MathCanvas` draws."""
    for frag in paragraph.frags:
        held: Any = getattr(frag, "cbDefn", None)
        if getattr(held, "name", "") == "formula":
            outline = _outline(held.label, frag.fontSize)
            held.kind, held.image, held.valign = "img", outline, -outline.depth
            held.width, held.height = outline.width, outline.height
    return paragraph


class MathCanvas(Canvas):  # type: ignore[misc]
    """A canvas that draws formulas where pictures stand in lines."""

    def drawImage(self, image: Any, x: float, y: float, *size: Any, **how: Any) -> Any:
        """Draw a picture, or a formula in its place."""
        if isinstance(image, Outline):
            return image.draw(self, x, y)
        return super().drawImage(image, x, y, *size, **how)
