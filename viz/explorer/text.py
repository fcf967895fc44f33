"""Text from files, made harmless before Streamlit reads it as Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from viz.core.network import Config

_MARKUP = re.compile(r"([!-/:-@\[-`{-~])")
_TOLD = re.compile(r" with --[a-z-]+ \(in Python (\w+=)\)")
_FLAG = re.compile(r"(?<!\S)--([a-z][a-z-]*)")


def plain(text: object) -> str:
    """Escape text so that Markdown shows it as it is, and keep "%" with its number.

    Names of files and classes come from strangers: unescaped, one of them could make the page
    fetch a picture from another site.
    """
    return _MARKUP.sub(r"\\\1", " ".join(str(text).split())).replace(r" \%", "\u00a0\\%")


def said_here(sentence: str, place: str = "") -> str:
    """Return a sentence in the browser's words: without options of the command line.

    What can be told at a place of the page is said to be told there.
    """
    told = f" under “{place}”, on the left" if place else r" in Python, with \1"
    return _FLAG.sub(lambda flag: flag[1].replace("-", " "), _TOLD.sub(told, sentence))


def paragraphs(text: str) -> str:
    """Escape text as `plain` does, and keep the blank lines between its paragraphs."""
    return "\n\n".join(plain(each) for each in text.split("\n\n"))


def percent(share: float, digits: int = 0) -> str:
    """Return a share as per cent, written as in the findings."""
    return f"{100 * share:.{digits}f} %"


def facts(rows: dict[str, object]) -> str:
    """Return names and values as a list; what is empty is left out."""
    return "\n".join(f"- {name}: **{plain(value)}**" for name, value in rows.items() if str(value))


def shape(config: Config) -> str:
    """Say what a network is built like."""
    return (
        f"ConvMixer-{config.dim}/{config.depth}, {config.kernel_size} × {config.kernel_size} "
        f"kernels, patches of {config.patch_size} × {config.patch_size} pixels"
    )


def safe_name(name: str) -> str:
    """Return an upload's own name without folders, control characters or excess length."""
    last = re.split(r"[/\\]", name)[-1]
    cleaned = "".join(c if c.isprintable() and c != ":" else "_" for c in last).strip(" .")
    return cleaned.encode()[-120:].decode(errors="ignore") or "upload"
