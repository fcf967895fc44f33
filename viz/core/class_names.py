"""Names of classes as people say them."""

from __future__ import annotations

import re


def plain_name(name: str) -> str:
    """Return a class's name without the number that ImageNet's have in front."""
    return re.sub(r"^n\d{8}[_ ](?=.)", "", name).replace("_", " ")
