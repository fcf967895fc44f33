"""Figures as a paper includes them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from viz.report.folder import NARROW
from viz.report.sections import Section

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}",
    "²": r"\textsuperscript{2}", "±": r"\textpm{}", "×": r"\texttimes{}",
    "·": r"\textperiodcentered{}",
    "°": r"\textdegree{}", "−": r"\textminus{}", "…": r"\dots{}", "≤": r"$\leq$", "≥": r"$\geq$",
    "σ": r"$\sigma$", "→": r"$\rightarrow$", "≈": r"$\approx$", "≠": r"$\neq$",
    "ρ": r"$\rho$", "↑": r"$\uparrow$", "↓": r"$\downarrow$",
    "\u00a0": "~", "–": "--", "—": "---", "\n": " ", "\r": " ", "\t": " ",
}  # fmt: skip


_ONE_COLUMN = NARROW.format("")


def escape_tex(text: str) -> str:
    """Write a text so that TeX prints it as it is."""
    return "".join(_SPECIAL.get(c, c) for c in text if c in _SPECIAL or c.isprintable())


def figures_tex(name: str, sections: Iterable[Section], suffix: str) -> str:
    """Write an environment per figure; its caption says what is shown, and how to read it.

    What was found stands under a section's first figure.
    """
    lines = [
        f"% Figures of {escape_tex(name)}. Needs graphicx and textcomp, and UTF-8.",
        "% Each is made at print size: included at another width, its text is no longer 7 or 8 pt.",
        f"% Where a figure is made for one column too, its name ends in {_ONE_COLUMN}.",
    ]
    for section in sections:
        main = section.figures[0].name if section.figures else ""
        for figure in (*section.figures, *section.narrow):
            star = "*" if figure.columns == 2 else ""
            parts = [figure.caption, figure.note]
            if figure.name.removesuffix(_ONE_COLUMN) == main:
                parts.append(section.finding.split("\n\n")[0])
            caption = " ".join(escape_tex(_sentence(part)) for part in parts if part)
            file = f"figures/{figure.name}{suffix}"
            lines += [
                "",
                f"% {escape_tex(section.title)}: {figure.columns} column"
                f"{'s' if figure.columns > 1 else ''}, {figure.width:g} mm x {figure.height:g} mm",
                f"\\begin{{figure{star}}}",
                "  \\centering",
                f"  \\includegraphics[width={figure.width:g}mm]{{{file}}}",
                f"  \\caption{{{escape_tex(name)}. {caption}}}",
                f"  \\label{{fig:{re.sub('[^a-z0-9-]', '-', figure.name)}}}",
                f"\\end{{figure{star}}}",
            ]
    return "\n".join(lines) + "\n"


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
