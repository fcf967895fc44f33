"""The page that opens anywhere: index.html, with all that it shows inside it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from viz.core.network import counted
from viz.report.methods import everywhere, methods_of, to_html
from viz.report.sections import Section


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


def html(facts: Mapping[str, Any], sections: Sequence[Section], made: Path) -> str:
    """Write the page."""
    environment = Environment(
        loader=PackageLoader("viz.report"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (files("viz.report") / "templates" / "report.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment.filters["picture"] = lambda name: _picture(made / f"{name}.png")
    environment.filters["network_words"] = network_words
    environment.filters["number"] = lambda n: f"{n:,}"
    names = [s.name for s in sections if not s.failed]
    return environment.get_template("index.html").render(
        title=title_of(facts),
        facts=facts,
        sections=sections,
        methods=[(m, to_html(m.text)) for m in methods_of(names)],
        everywhere=to_html(everywhere()),
        style=Markup(style),
        policy=f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'",
    )


def _picture(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
