"""What every report begins with: each network at first sight, a picture and a sentence."""

from __future__ import annotations

from functools import partial
from typing import Any

from viz.views.base import FigureRow, Shown
from viz.views.first_look.measure import look
from viz.views.first_look.result import FirstLook
from viz.views.first_look.words import at_first_sight

_NAME = "first-look"


def _measure(number: int, *given: Any) -> FirstLook:
    return look(given[number], given[-1])


def _drawings(name: str) -> tuple[FigureRow, ...]:
    from viz.views.first_look.draw import draw_first_look

    caption = "The network at first sight: depthwise kernels by depth, and patch filters."
    return (FigureRow(name, caption, draw_first_look),)


def _sentence(result: FirstLook) -> str:
    return at_first_sight(result) if len(result.name) else ""


def first_looks(networks: int) -> tuple[Shown, ...]:
    """Return the sections that a report of so many networks begins with, one for each."""
    names = [f"{_NAME}-{n + 1}" if networks > 1 else _NAME for n in range(networks)]
    return tuple(
        Shown(
            name=name,
            title="At first sight",
            measure=partial(_measure, n),
            result="viz.views.first_look.result:FirstLook",
            drawings=partial(_drawings, name),
            misleads="",
            sentence=_sentence,
            summary=None,
        )
        for n, name in enumerate(names)
    )


def is_first(name: str) -> bool:
    """Tell whether a section is a network at first sight."""
    return name.startswith(_NAME)
