"""Starting the explorer's server from Python or the command line."""

from __future__ import annotations

import errno
import os
import socket
import threading
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from viz.core.refusal import Refusal
from viz.explorer.settings import HOSTS, MAX_IMAGES, Start, flags

APP = Path(__file__).with_name("app.py")


class LaunchError(Refusal):
    """The explorer cannot be started so; the message is one sentence for the user."""


def arguments(*, port: int | None = None, browser: bool = True) -> list[str]:
    """Return what follows ``python -m streamlit`` to serve the explorer safely."""
    given = ["run", str(APP), *flags()]
    if port is not None:
        if not 1 <= port <= 65535:
            raise LaunchError(f"There is no port {port}: ports are 1 to 65535.")
        given += ["--server.port", str(port)]
    if not browser:
        given += ["--server.headless", "true"]
    return given


def _check_port(port: int) -> None:
    """Refuse a port that is taken, before the server does with a line of its own."""
    with socket.socket() as one:
        if os.name == "posix":
            # As the server does: a port whose last connections are still closing is free.
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((HOSTS[0], port))
        except OSError as error:
            why = "is in use" if error.errno == errno.EADDRINUSE else "cannot be used"
            raise LaunchError(f"port {port} {why}; choose another with --port.") from None


def _check(images: str | Path | None, sweep: str | Path | None) -> None:
    if images is not None and not Path(images).is_dir():
        raise LaunchError(f"{images}: no such folder; give a folder of images.")
    if sweep is not None and not Path(sweep).is_file():
        raise LaunchError(f"{sweep}: no such file; give one that viz sweep has written.")
    if sweep is not None and images is None:
        raise LaunchError(
            f"{sweep}: a sweep holds no pixels; give the folder of its images with --images, too."
        )


def _check_content(checkpoints: Sequence[str | Path], images: str | Path | None) -> None:
    """Read what the first page would show an error about."""
    if not checkpoints and images is None:
        return
    from viz.core.network import Preprocessing
    from viz.images.sets import open_images
    from viz.network.checkpoint import load
    from viz.network.guards import CheckpointWarning
    from viz.network.zoo import to_download

    with warnings.catch_warnings():
        # The page shows them.
        warnings.simplefilter("ignore", CheckpointWarning)
        for name in map(str, checkpoints):
            # The page offers to download what is not here.
            if not to_download(name):
                load(name)
    if images is not None:
        open_images(images, Preprocessing(), limit=MAX_IMAGES).check()


def launch(
    checkpoints: Sequence[str | Path] = (),
    *,
    images: str | Path | None = None,
    sweep: str | Path | None = None,
    port: int | None = None,
    browser: bool = True,
) -> int:
    """Serve the explorer on this machine until it is stopped.

    It listens on 127.0.0.1 alone, accepts no foreign host name, reports nothing to anyone and
    watches no files; flags given here win over any configuration of Streamlit's.
    """
    _check(images, sweep)
    given = arguments(port=port, browser=browser)
    if port is not None:
        _check_port(port)
    _check_content(checkpoints, images)
    folder, file = (str(path) if path else None for path in (images, sweep))
    Start(tuple(map(str, checkpoints)), folder, file).write()
    # Reading torch takes seconds: the browser opens meanwhile.
    threading.Thread(target=import_module, args=("viz.network.checkpoint",), daemon=True).start()
    from streamlit.web.cli import main as streamlit

    try:
        streamlit(given, prog_name="streamlit", standalone_mode=False)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0
    return 0
