"""Choosing images: scikit-learn's photographs, a folder given at the start, or uploads."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from viz.core.network import Preprocessing
from viz.explorer import state
from viz.explorer.settings import MAX_IMAGE_UPLOAD, MAX_IMAGES, Start
from viz.explorer.text import plain, safe_name
from viz.images.reading import IMAGE_SUFFIXES, ImageError, read_array, read_pixels
from viz.images.sets import default_images, open_images

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from viz.images.sets import ImageSet
    from viz.network.checkpoint import Checkpoint


_PHOTOGRAPHS = "photographs"
_SLOT = "viz images"
_UPLOADED = "viz uploaded images"
_FRESH = 3.0
"""Seconds before a folder is looked through again."""
_LISTED: dict[str, tuple[float, tuple[str, ...], str]] = {}


@dataclass(frozen=True)
class Images:
    """The images that pages are about, `MAX_IMAGES` at most; the stamp is of their content.

    The folder is None for scikit-learn's photographs; uploads, which are kept with the session
    alone, are said to lie in a folder called images.
    """

    key: str
    label: str
    names: tuple[str, ...]
    stamp: str
    folder: str | None = None
    uploads: tuple[tuple[str, bytes], ...] = ()

    @property
    def private(self) -> bool:
        """Uploaded: what is made from them is forgotten with the session."""
        return bool(self.uploads)

    @property
    def paths(self) -> list[str]:
        """Return where they lie, for lines that open them."""
        if self.folder is None:
            return [str(path) for path in default_images()]
        whole = Path(self.folder)
        return [str(whole if whole.name == name else whole / name) for name in self.names]

    def one(self, name: str) -> Images:
        """Return one of them alone."""
        if self.uploads:
            folder: str | None = f"{self.folder}/{name}"
        else:
            folder = str(open_images(self.folder, Preprocessing(), limit=MAX_IMAGES).paths[name])
        uploads = tuple(each for each in self.uploads if each[0] == name)
        return replace(
            self, names=(name,), stamp=f"{self.stamp} {name}", folder=folder, uploads=uploads
        )

    @contextmanager
    def placed(self) -> Iterator[str | None]:
        """Give the folder in which they lie."""
        if not self.uploads:
            yield self.folder
            return
        with _laid_out(self.uploads) as folder:
            yield str(folder)

    @contextmanager
    def opening(
        self, checkpoint: Checkpoint, *, whole: bool = False
    ) -> Iterator[Callable[[], ImageSet]]:
        """Give a function that opens the images anew, as `viz.views.Given` takes it."""
        config, limit = checkpoint.config, None if whole else MAX_IMAGES
        with self.placed() as folder:
            yield lambda: open_images(
                folder, checkpoint.preprocessing, config.in_channels, limit=limit
            )


@contextmanager
def _laid_out(uploads: tuple[tuple[str, bytes], ...]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="viz-images-") as made:
        for name, content in uploads:
            (Path(made) / name).write_bytes(content)
        yield Path(made)


def _stamp(folder: str | None) -> tuple[tuple[str, ...], str]:
    """Return the names of the images that are taken, and a hash that changes as they do."""
    now = time.monotonic()
    known = _LISTED.get(folder or "")
    if known is not None and now - known[0] < _FRESH:
        return known[1], known[2]
    paths = open_images(folder, Preprocessing(), limit=MAX_IMAGES).paths
    names = tuple(paths)
    whole = hashlib.sha256()
    for name, path in paths.items():
        stat = path.stat()
        whole.update(repr((name, stat.st_mtime_ns, stat.st_size)).encode())
    _LISTED[folder or ""] = (now, names, whole.hexdigest())
    return names, whole.hexdigest()


def _photographs() -> Images:
    names, stamp = _stamp(None)
    return Images(_PHOTOGRAPHS, "scikit-learn's two photographs", names, stamp)


def _folder(folder: str) -> Images:
    names, stamp = _stamp(folder)
    name = Path(folder).name
    return Images(f"folder.{name}", f"the folder {name}", names, stamp, folder)


def check_uploads(
    files: list[tuple[str, bytes]],
) -> tuple[tuple[tuple[str, bytes], ...], tuple[str, ...]]:
    """Check uploaded images as strictly as any, and keep nothing of them on disk."""
    good: dict[str, bytes] = {}
    refused: list[str] = []
    if len(files) > MAX_IMAGES:
        refused.append(f"{len(files)} images found: the first {MAX_IMAGES} are taken.")
    for given, content in files[:MAX_IMAGES]:
        name = safe_name(given)
        stem, suffix, count = Path(name).stem, Path(name).suffix, 2
        while name in good:
            name, count = f"{stem} ({count}){suffix}", count + 1
        if suffix.lower() not in IMAGE_SUFFIXES:
            refused.append(f"{name}: not the name of an image; expected .jpg, .png or the like.")
            continue
        if len(content) > MAX_IMAGE_UPLOAD << 20:
            refused.append(
                f"{name}: {len(content) >> 20} MB found, at most {MAX_IMAGE_UPLOAD} expected; "
                "shrink it first."
            )
            continue
        with _laid_out(((name, content),)) as folder:
            try:
                path = folder / name
                # How many channels an array should have is known with a checkpoint alone.
                read_array(path) if suffix.lower() == ".npy" else read_pixels(path)
            except (ImageError, ValueError, OSError) as error:
                refused.append(str(error))
                continue
        good[name] = content
    return tuple(sorted(good.items(), key=lambda item: Path(item[0]))), tuple(refused)


@dataclass(frozen=True)
class _Uploaded:
    file_ids: tuple[str, ...]
    images: Images | None
    refused: tuple[str, ...]


def _take(files: list[UploadedFile]) -> _Uploaded | None:
    """Check new uploads once; forget removed ones."""
    known: _Uploaded | None = st.session_state.get(_UPLOADED)
    if not files:
        st.session_state.pop(_UPLOADED, None)
        return None
    ids = tuple(file.file_id for file in files)
    if known is not None and known.file_ids == ids:
        return known
    with st.spinner("Reading images …"):
        good, refused = check_uploads([(file.name, file.getvalue()) for file in files])
    images = None
    if good:
        whole = hashlib.sha256()
        for name, content in good:
            whole.update(repr((name, hashlib.sha256(content).hexdigest())).encode())
        stamp = whole.hexdigest()
        names = tuple(name for name, _ in good)
        label = f"{len(good)} uploaded image{'s' if len(good) > 1 else ''}"
        images = Images(f"upload.{stamp[:8]}", label, names, stamp, "images", good)
        state.put("images", "", images.key)
    found = _Uploaded(ids, images, refused)
    st.session_state[_UPLOADED] = found
    return found


def choose_images(drop: DeltaGenerator | None = None) -> list[Callable[[], Any]]:
    """Show the choice in the sidebar; with ``drop``, files are dropped there on the page."""
    offers: dict[str, Images] = {}
    with st.sidebar:
        place = st.container()
        with drop or st.expander("Images of your own"):
            files = st.file_uploader(
                "Images of your own", type=sorted(suffix[1:] for suffix in IMAGE_SUFFIXES),
                accept_multiple_files=True, max_upload_size=MAX_IMAGE_UPLOAD,
                label_visibility="collapsed", key="viz image files",
            )  # fmt: skip
            st.caption(
                f"Photographs of your own, up to {MAX_IMAGES}, each of at most "
                f"{MAX_IMAGE_UPLOAD} MB. They stay on this machine and are forgotten when this "
                "window closes."
            )
    uploaded = _take(files)
    refused = uploaded.refused if uploaded else ()
    messages: list[Callable[[], Any]] = [partial(st.warning, plain(each)) for each in refused]
    if uploaded is not None and uploaded.images is not None:
        offers[uploaded.images.key] = uploaded.images
    given = Start.read().images
    if given is not None:
        try:
            found = _folder(given)
            offers = {found.key: found, **offers}
        except (ImageError, OSError) as error:
            messages.append(partial(st.warning, plain(error)))
    photographs = _photographs()
    offers[photographs.key] = photographs
    with place:
        st.session_state[_SLOT] = offers[_select(offers)]
    return messages


def _select(offers: dict[str, Images]) -> str:
    keys = list(offers)
    widget = state.widget_key("images", "")
    if state.undecided("images", ""):
        wanted = state.read("images", "")
        st.session_state[widget] = wanted if wanted in keys else keys[0]
        missing = wanted if wanted and wanted not in keys else ""
        st.session_state[f"{_SLOT} missing"] = missing
    elif st.session_state[widget] not in keys:
        st.session_state[widget] = keys[0]
    key = str(
        st.selectbox(
            "Images",
            keys,
            key=widget,
            format_func=lambda key: offers[key].label if key in offers else key,
            on_change=lambda: st.session_state.update({f"{_SLOT} missing": ""}),
            help="What the pages below “On images” show to the network.",
        )
    )
    state.remember("images", "", key)
    return key


def _missing(wanted: str) -> str:
    kind, _, rest = wanted.partition(".")
    if kind == "upload":
        return (
            f"This link shows uploaded images (the sha256 of all begins with {plain(rest)}); "
            "upload the same ones on the left to see the same."
        )
    if kind == "folder":
        return (
            f"This link shows the images of a folder called {plain(rest)}; upload its images "
            "on the left, or start the explorer on that folder, to see the same."
        )
    return f"There are no images called {plain(wanted)} here."


def images_chosen(*, told: bool = True) -> Images:
    """Return the images that the page is about, tell which, and put them into its address."""
    found: Images = st.session_state[_SLOT]
    state.keep("images", "", found.key)
    missing = st.session_state.get(f"{_SLOT} missing")
    if missing:
        st.warning(f"{_missing(missing)} Shown instead: {plain(found.label)}.")
    names = ", ".join(found.names[:4]) + (" …" if len(found.names) > 4 else "")
    if told:
        st.caption(f"Images: {plain(found.label)} ({plain(names)}); choose others on the left.")
    return found
