"""The page that opens anywhere: index.html, with all that it shows inside it."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from viz.core.network import counted
from viz.report.first import is_first
from viz.report.methods import everywhere, methods_of, to_html
from viz.report.sections import Section

PX = 5.3
"""Of the page in a millimetre of a figure."""
_FACES = {"Regular": "weight: 400", "Bold": "weight: 700", "Italic": "style: italic"}
_CHARACTERS = (*range(0x20, 0x180), *range(0x370, 0x400), *range(0x2000, 0x2300))
"""Latin, Greek and signs: what else a name holds is drawn in a font of the reader's."""


def network_words(checkpoint: Mapping[str, Any]) -> str:
    """Tell a network's architecture in a sentence."""
    config = checkpoint["config"]
    return (
        f"A ConvMixer with {counted(config['depth'], 'block')} of {config['dim']} channels, kernel "
        f"size {config['kernel_size']}, patch size {config['patch_size']}, "
        f"{counted(config['in_channels'], 'input channel')} and "
        f"{counted(config['n_classes'], 'class')}: {checkpoint['parameters']:,} parameters."
    )


def title_of(facts: Mapping[str, Any]) -> str:
    """Return what a report is about: the names of its checkpoints."""
    return " and ".join(each["name"] for each in facts["checkpoints"])


def short(section: Section) -> str:
    """Tell in a sentence what a section found, or why it has nothing."""
    if section.failed:
        return "This section failed."
    said = section.finding or section.nothing
    return re.split(r"(?<=\.)\s+(?=[A-Z0-9])", said, maxsplit=1)[0]


def html(
    facts: Mapping[str, Any], sections: Sequence[Section], picture: Callable[[str], str]
) -> str:
    """Write the page, which is XML too; ``picture`` returns where a figure is, by its name."""
    environment = Environment(
        loader=PackageLoader("viz.report"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = _fonts() + (files("viz.report") / "templates" / "report.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment.filters |= {
        "picture": picture, "network_words": network_words, "short": short,
        "number": lambda n: f"{n:,}",
    }  # fmt: skip
    looks = [s for s in sections if is_first(s.name)] or [Section("", "", "")] * 2
    rest = [s for s in sections if not is_first(s.name)]
    there = [s.name for s in rest if not s.failed]
    page = environment.get_template("index.html").render(
        title=title_of(facts),
        facts=facts,
        several=len(facts["checkpoints"]) > 1,
        looks=list(zip(facts["checkpoints"], looks, strict=False)),
        sections=rest,
        px=PX,
        methods={title: to_html(text) for title, text in methods_of(there).items()},
        everywhere=to_html(everywhere()),
        style=Markup(style),
        policy=f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; font-src data:; "
        "base-uri 'none'; form-action 'none'",
    )
    # XML knows no other control characters.
    page = page.replace(" %", "\N{NO-BREAK SPACE}%")
    return re.sub(r"[^\n\t\x20-\ud7ff\udc80-\udcff\ue000-\ufffd\U00010000-\U0010ffff]", "", page)


def face(name: str) -> str:
    """Return the file of a face of the figures' font."""
    return str(files("font_roboto") / "files" / f"{name}.ttf")


@cache
def _fonts() -> str:
    """Return the figures' font as the page holds it, so that its text looks like theirs."""
    from fontTools import subset  # type: ignore[import-untyped]

    # Ligatures and kerning: to read them takes longer than all the rest.
    dropped = ["GSUB", "GPOS", "GDEF", "kern"]
    options, rules = subset.Options(flavor="woff", hinting=False, drop_tables=dropped), ""
    for name, kind in _FACES.items():
        few, made = subset.Subsetter(options), io.BytesIO()
        few.populate(unicodes=_CHARACTERS)
        with subset.load_font(face(f"Roboto-{name}"), options) as font:
            few.subset(font)
            subset.save_font(font, made, options)
        held = base64.b64encode(made.getvalue()).decode()
        place = f"url(data:font/woff;base64,{held})"
        rules += f"@font-face {{ font-family: Roboto; font-{kind}; src: {place}; }}\n"
    return rules


def embedded(path: Path) -> str:
    """Return a picture as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
