"""Docstrings say what the signatures say: numpydoc's own validation of every public name."""

import importlib
import inspect
import re

from numpydoc.validate import validate

import viz

CHECKS = {"GL05", "GL06", "GL07", "GL08", "PR01", "PR02", "PR03", "PR05", "PR07", "PR10", "RT03"}


def public_names():
    """What `viz` offers, and what every result can do."""
    for name in viz.__all__:
        thing = getattr(viz, name)
        if (inspect.isclass(thing) or inspect.isfunction(thing)) and thing.__module__ != "viz":
            yield f"{thing.__module__}.{name}"


def problems(path):
    checked = validate(path)
    found = {code: text for code, text in checked["errors"] if code in CHECKS}
    document = checked["docstring"] or ""
    if "Parameters\n" not in document:
        # One sentence is enough where the signature says the rest.
        found.pop("PR01", None)
    module, _, name = path.rpartition(".")
    thing = getattr(importlib.import_module(module), name)
    if inspect.isclass(thing):
        found.pop("PR03", None)  # fields may be documented in groups
        inherited = {f for base in thing.__mro__[1:] for f in getattr(base, "__annotations__", ())}
        if set(re.findall(r"'(\w+)'", found.get("PR01", ""))) <= inherited:
            found.pop("PR01", None)
    return [f"{path}: {code} {text}" for code, text in found.items()]


def test_public_docstrings_fit_their_signatures():
    names = list(public_names())
    assert len(names) > 6
    assert [line for name in names for line in problems(name)] == []
