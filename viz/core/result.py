"""What every result shares: frozen, read-only arrays, provenance, a file that never runs code."""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from viz.core.network import Source
from viz.core.refusal import Refusal

if TYPE_CHECKING:
    import pandas as pd

_FORMAT = "convmixer-viz result 1"
_MAX_BYTES = 4 << 30


class ResultFileError(Refusal):
    """A result file that cannot be read; the message is one sentence for the user."""


def or_none(value: Any) -> float | None:
    """Return a number as JSON holds it: None where it is not finite."""
    return float(value) if np.isfinite(value) else None


def finite(value: Any) -> Any:
    """Turn numbers, and arrays and lists of them, into what JSON holds; None for undefined."""
    if isinstance(value, (np.ndarray, list)):
        return [finite(each) for each in value]
    value = value.item() if isinstance(value, np.generic) else value
    return or_none(value) if isinstance(value, float) else value


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table as JSON holds them: None where a number is not finite."""
    rows = frame.to_dict("records")
    return [{str(name): finite(value) for name, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    """Turn numpy scalars, tuples, mappings and a `Source` into what JSON holds."""
    if isinstance(value, np.generic):
        return value.item()
    value = value.to_dict() if isinstance(value, Source) else value
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    return value


def _tuples(value: Any) -> Any:
    """Turn the lists of JSON back into tuples, all the way down."""
    if isinstance(value, list):
        return tuple(_tuples(v) for v in value)
    if isinstance(value, dict):
        return {k: _tuples(v) for k, v in value.items()}
    return value


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Result:
    """Base of every result: a frozen dataclass of numpy arrays and plain values.

    Subclasses are dataclasses with the same settings and hold only ndarrays, numbers, strings,
    tuples and mappings of those, and a `Source`. Arrays become read-only.

    Parameters
    ----------
    source : Source
        The checkpoint, block, images, settings and versions that the result was made from.
    """

    kind: ClassVar[str] = "viz"
    version: ClassVar[int] = 1
    """Raised where fields keep their names and mean something else: older files are refused."""
    source: Source

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, np.ndarray) and value.flags.writeable:
                view = value.view()
                view.flags.writeable = False
                object.__setattr__(self, f.name, view)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        for f in fields(self):
            mine, theirs = getattr(self, f.name), getattr(other, f.name)
            if isinstance(mine, np.ndarray):
                nan = mine.dtype.kind in "fc"
                if mine.dtype != theirs.dtype or not np.array_equal(mine, theirs, equal_nan=nan):
                    return False
            elif json.dumps(_plain(mine)) != json.dumps(_plain(theirs)):  # nan equals nan
                return False
        return True

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        held = [
            f"{f.name} {'x'.join(map(str, value.shape))}"
            for f in fields(self)
            if isinstance(value := getattr(self, f.name), np.ndarray) and value.size
        ]
        more = f", ... ({len(held)} arrays)" if len(held) > 4 else ""
        return f"<{type(self).__name__} of {self.source.name}: {', '.join(held[:4])}{more}>"

    def _repr_html_(self) -> str:
        """Show the finding and the main figure in a notebook."""
        card = self._card()
        if card is None:
            return f"<pre>{html.escape(repr(self))}</pre>"
        picture = io.BytesIO()
        card.figures[0].make(self).savefig(picture, format="png", dpi=150)
        encoded = base64.b64encode(picture.getvalue()).decode()
        return (
            f"<p>{html.escape(self.finding)}</p>"
            f'<img alt="{html.escape(card.figures[0].caption)}" style="max-width: 100%" '
            f'src="data:image/png;base64,{encoded}">'
        )

    def _card(self) -> Any:
        # Asked for when a result is shown alone: the list of views knows results, not they it.
        return import_module("viz.views").card_of(self)

    @property
    def finding(self) -> str:
        """The answer in plain language, with number and baseline; empty if there is none."""
        card = self._card()
        return "" if card is None or card.sentence is None else str(card.sentence(self))

    @property
    def figures(self) -> tuple[str, ...]:
        """Names of the figures that `plot` draws, the main one first."""
        card = self._card()
        return () if card is None else tuple(each.name for each in card.figures)

    def plot(self, figure: str = "", *, width: str = "page", ax: Any = None, **options: Any) -> Any:
        """Draw one of the result's figures.

        Parameters
        ----------
        figure : str
            One of `figures`, in full or without the view's name, such as ``"by-name"``; the main
            one by default.
        width : {"page", "column"}
            Both columns of a journal's page, or one.
        ax : matplotlib.axes.Axes, optional
            Of a grid of axes: the figure takes its place there.
        **options
            Settings of the main figure, as on the command line (``order``, ``scale`` ...).

        Returns
        -------
        matplotlib.figure.Figure
            With ``savefig``; that of ``ax`` where it was given.

        Raises
        ------
        ValueError
            If there is no such figure, or it does not fit where it should go.
        """
        card = self._card()
        if card is None:
            raise Refusal(f"a {type(self).__name__} has no figures of its own.")
        rows = {row.name.removeprefix(f"{card.name}-"): row for row in card.figures}
        row = rows.get(figure.removeprefix(f"{card.name}-") or card.figures[0].name)
        if row is None:
            raise Refusal(
                f"{card.name} has no figure {figure!r}; its figures are {', '.join(rows)}."
            )
        if width not in ("page", "column"):
            raise Refusal(f"width is 'page' or 'column', not {width!r}.")
        if ax is not None:
            spec = ax.get_subplotspec()
            if spec is None or row.onto is None:
                raise Refusal(f"{row.name} cannot take the place of these axes; leave ax out.")
            whole = ax.get_figure()
            ax.remove()
            row.onto(self, whole.add_subfigure(spec))
            return whole
        make = row.narrow if width == "column" and row.narrow is not None else row.make
        return make(self, **options)

    def save(self, path: str | Path) -> Path:
        """Write the result as one .npz: its arrays, and the rest as JSON in ``__json__``.

        Parameters
        ----------
        path : str or Path
            Should end in .npz. An existing file is replaced, atomically.

        Returns
        -------
        Path
            The file written.
        """
        path = Path(path)
        arrays, rest = {}, {}
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, np.ndarray):
                arrays[f.name] = value
            else:
                rest[f.name] = _plain(value)
        header = json.dumps(
            {"format": _FORMAT, "kind": self.kind, "version": self.version, "fields": rest}
        )
        part = path.with_name(path.name + ".part")
        with part.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, __json__=np.array(header), **arrays)
        part.replace(path)
        return path

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a result written by `save` or `viz sweep`; nothing in the file is executed.

        ``viz.load_result`` reads any, the classes of results only their own.

        Parameters
        ----------
        path : str or Path
            The .npz.

        Returns
        -------
        Result
            Equal to the one saved.

        Raises
        ------
        ResultFileError
            If the file is not such a result.
        """
        path, own = Path(path), cls
        try:
            # What numpy opens itself it leaves open where the file is damaged.
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                if sum(info.file_size for info in file.zip.infolist()) > _MAX_BYTES:
                    raise ResultFileError(f"{path.name}: more than 4 GB of arrays; not read.")
                header = json.loads(str(file["__json__"]))
                arrays = {name: file[name] for name in file.files if name != "__json__"}
            if header["format"] != _FORMAT:
                raise KeyError("format")
            if cls is Result:
                # The list of views knows results, not they it.
                own = import_module("viz.views").class_of_kind(header["kind"])
            elif header["kind"] != cls.kind:
                raise ResultFileError(
                    f"{path.name}: not a saved {cls.kind} result but "
                    f"{str(header['kind'])[:60]!r}; give an .npz of {cls.kind}."
                )
            rest = {name: _tuples(value) for name, value in header["fields"].items()}
            rest["source"] = Source(**rest["source"])
            known = {f.name: f for f in fields(own)}
            found = {name: v for name, v in {**arrays, **rest}.items() if name in known}
            needed = {n for n, f in known.items() if f.default is f.default_factory is MISSING}
            if header.get("version", 1) != own.version or not needed <= found.keys():
                raise ResultFileError(
                    f"{path.name}: a {own.kind} result of another version of this program; "
                    "measure it anew."
                )
            return own(**found)
        except ResultFileError:
            raise
        except FileNotFoundError:
            raise ResultFileError(f"{path.name}: no such file; check the path.") from None
        except Exception:
            raise ResultFileError(
                f"{path.name}: not a saved {cls.kind} result; give an .npz that this program has "
                "written."
            ) from None
