"""How a view is measured: its page of docs/methods, shown where there is one."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import streamlit as st

import viz

__all__ = ["method_text", "show_method"]

_FOLDER = Path(viz.__file__).resolve().parents[1] / "docs" / "methods"
_PAGE_OF = {"top-patches": "sweep", "selectivity": "sweep"}
_ELSEWHERE = re.compile(r"!\[[^\]]*\]\([^)]*\)|\[([^\]]*)\]\((?!https?://)[^)]*\)")


@cache
def method_text(name: str) -> str:
    """Return a view's page of docs/methods as it can stand on a page of the explorer.

    Parameters
    ----------
    name : str
        Of the view.

    Returns
    -------
    str
        Markdown without pictures and without links into the repository; empty where there is no
        such page, as in an installation without the repository.
    """
    path = _FOLDER / f"{_PAGE_OF.get(name, name)}.md"
    if not path.is_file():
        return ""
    text = _ELSEWHERE.sub(lambda found: found[1] or "", path.read_text(encoding="utf-8"))
    text = re.sub(r"^# .*\n", "", text)
    # Streamlit would take these for formulas and for coloured text.
    return re.sub(r"^##", "####", text, flags=re.MULTILINE).replace("$", r"\$")


def show_method(name: str) -> None:
    """Show how a view is measured, folded up.

    Parameters
    ----------
    name : str
        Of the view.
    """
    text = method_text(name)
    if text:
        with st.expander("How this is measured, and what it cannot tell"):
            st.markdown(text)
