"""Python's short way: one function per view, made from its card."""

from __future__ import annotations

import inspect
import os
import textwrap
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from viz.core.refusal import Refusal
from viz.core.result import Result
from viz.views import COMPARISONS, VIEWS, Comparison, Given
from viz.views.base import numbers

if TYPE_CHECKING:
    from viz.network.checkpoint import Checkpoint
    from viz.views import Option, Shown, View

FUNCTIONS = {row.name.replace("-", "_"): row for row in (*VIEWS, *COMPARISONS)}
"""Every view's card, by the name of its function."""
_ARRAYS = {"kernels": "(n, k, k), 3 <= k <= 31", "patch-filters": "(n, c, p, p)"}
"""Views that describe bare weights, too."""


def _given(checkpoint: Checkpoint, images: Any, *more: Any) -> Given:
    from viz.images.sets import opener

    config = checkpoint.config
    return Given(opener(images, checkpoint.preprocessing, config.in_channels), *more)


def _checked(row: Shown, options: dict[str, Any]) -> dict[str, Any]:
    """Refuse settings that the view does not have; read those that are texts of numbers."""
    known = {option.name: option for option in row.options if not option.draws}
    for name, value in options.items():
        if name not in known:
            raise TypeError(
                f"viz.{row.name.replace('-', '_')} has no setting {name!r}; it has "
                f"{', '.join((*known, 'seed', 'progress'))}."
            )
        if known[name].kind is numbers and isinstance(value, (str, int)):
            options[name] = numbers(str(value))
    return options


def _network(x: Any) -> Any:
    """Load what is only the name of a checkpoint."""
    from viz.network.checkpoint import load

    return load(x) if isinstance(x, (str, os.PathLike)) else x


def _view(row: View) -> Callable[..., Any]:
    def measured(x: Any, images: Any = None, *, sweep: Any = None, seed: int = 0,
                 progress: Any = None, **options: Any) -> Any:  # fmt: skip
        from viz.network.checkpoint import Checkpoint

        x = _network(x)
        if not isinstance(x, Checkpoint):
            if row.name in _ARRAYS:
                return import_module(f"viz.{row.page.replace('/', '.')}.measure").describe(
                    x, **options
                )
            raise Refusal(f"{type(x).__name__} found, expected a network of viz.load.")
        if images is not None and not row.images:
            raise TypeError(f"viz.{measured.__name__} is about weights: it takes no images.")
        given = _given(x, images, seed, progress, sweep)
        return row.measure(x, given, **_checked(row, options))

    return measured


def _comparison(row: Comparison) -> Callable[..., Any]:
    def measured(a: Any, b: Any, images: Any = None, *, seed: int = 0, progress: Any = None) -> Any:
        a, b = _network(a), _network(b)
        return row.measure(a, b, _given(a, images, seed, progress))

    return measured


def _default(option: Option) -> Any:
    return () if option.many else option.default


def _document(row: Shown, two: bool) -> str:
    """Write a docstring from what the card says."""
    first = row.about.partition("\n\n")[0]
    shape = _ARRAYS.get(row.name)
    of = "A network from `viz.load`, or its name" + (f", or weights, {shape}." if shape else ".")
    lines = [first.strip() or f"{row.title}.", "", "Parameters", "----------"]
    lines += ["a, b : Checkpoint, str or path", f"    {of}"] if two else [
        "x : Checkpoint, str, path" + (" or array_like" if shape else ""), f"    {of}"]  # fmt: skip
    if row.images or row.name == "compare":
        lines += ["images : path, PIL image, ndarray, several of these, torch.Tensor, optional",
                  "    As `viz.images.sets.open_images` takes them; by default none, or "
                  "scikit-learn's two photographs where there must be some."]  # fmt: skip
    if row.swept:
        lines += ["sweep : path, optional", "    File of `viz sweep`, which spares a pass."]
    for option in row.options:
        if not option.draws:
            lines += [f"{option.name} : default {_default(option)!r}", f"    {option.help}"]
    lines += ["seed : int", "    Of everything random.", "progress : callable, optional",
              "    Called with (steps done, steps in all)."]  # fmt: skip
    result = row.result.rpartition(":")[2]
    lines += ["", "Returns", "-------", result, "    With ``plot``, ``finding``, ``save`` and the "
              "fields that help(type(result)) lists."]  # fmt: skip
    lines += ["", "Raises", "------", "Refusal", "    A ValueError whose message is a sentence."]
    lines += ["", "Notes", "-----", *textwrap.wrap(row.misleads, 96)]
    return "\n".join(lines)


def _signature(row: Shown, two: bool) -> inspect.Signature:
    one, only = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    given = [inspect.Parameter(name, one) for name in (("a", "b") if two else ("x",))]
    if row.images or row.name == "compare":
        given.append(inspect.Parameter("images", one, default=None))
    if row.swept:
        given.append(inspect.Parameter("sweep", only, default=None))
    given += [inspect.Parameter(option.name, only, default=_default(option))
              for option in row.options if not option.draws]  # fmt: skip
    given += [inspect.Parameter("seed", only, default=0),
              inspect.Parameter("progress", only, default=None)]  # fmt: skip
    return inspect.Signature(given)


def function_of(name: str) -> Callable[..., Any]:
    """Return the function of a view or a comparison, with its own signature and docstring."""
    row: Any = FUNCTIONS[name]
    two = isinstance(row, Comparison)
    made: Any = _comparison(row) if two else _view(row)
    made.__name__ = made.__qualname__ = name
    made.__module__ = "viz"
    made.__doc__ = _document(row, two)
    made.__signature__ = _signature(row, two)
    found: Callable[..., Any] = made
    return found


load_result = Result.load
