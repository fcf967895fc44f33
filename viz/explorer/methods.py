"""How a view is measured: its method page."""

from __future__ import annotations

import re
from functools import cache

from viz.report.methods import methods_of

_ELSEWHERE = re.compile(r"!\[[^\]]*\]\([^)]*\)|\[([^\]]*)\]\((?!https?://)[^)]*\)")


@cache
def method_text(name: str) -> str:
    """Return a view's method page as it can stand on a page of the explorer."""
    page = "".join(methods_of((name,)).values())
    text = _ELSEWHERE.sub(lambda found: found[1] or "", page)
    # Headings are large; Streamlit takes dollars for formulas, which they are.
    return re.sub(r"^##", "####", text, flags=re.MULTILINE)
