"""Starting the explorer's server from Python or the command line."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from viz.explorer.settings import Start, flags
from viz.results.refusal import Refusal

__all__ = ["APP", "LaunchError", "arguments", "launch"]

APP = Path(__file__).with_name("app.py")


class LaunchError(Refusal):
    """The explorer cannot be started so; the message is one sentence for the user."""


def arguments(*, port: int | None = None, browser: bool = True) -> list[str]:
    """Return what follows ``python -m streamlit`` to serve the explorer safely.

    Parameters
    ----------
    port : int, optional
        On 127.0.0.1; default the first free one from 8501 on.
    browser : bool
        Open a browser window.

    Returns
    -------
    list of str
        Arguments.

    Raises
    ------
    LaunchError
        If the port is none.
    """
    given = ["run", str(APP), *flags()]
    if port is not None:
        if not 1 <= port <= 65535:
            raise LaunchError(f"There is no port {port}: ports are 1 to 65535.")
        given += ["--server.port", str(port)]
    if not browser:
        given += ["--server.headless", "true"]
    return given


def _check(
    checkpoints: Sequence[str | Path], images: str | Path | None, sweep: str | Path | None
) -> None:
    from viz.model.zoo import official_name, shipped_checkpoints

    for name in map(str, checkpoints):
        if not (Path(name).exists() or official_name(name) or name in shipped_checkpoints()):
            raise LaunchError(
                f"{name}: no such file, and no shipped or official name; check the path."
            )
    if images is not None and not Path(images).is_dir():
        raise LaunchError(f"{images}: no such folder; give a folder of images.")
    if sweep is not None and not Path(sweep).is_file():
        raise LaunchError(f"{sweep}: no such file; give one that viz sweep has written.")
    if sweep is not None and images is None:
        raise LaunchError(
            f"{sweep}: a sweep holds no pixels; give the folder of its images with --images, too."
        )


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

    Parameters
    ----------
    checkpoints : sequence of str or Path
        Files or names offered beside the shipped ones; the first is opened.
    images : str or Path, optional
        A folder of images to look at networks with.
    sweep : str or Path, optional
        A file that `viz sweep` has made of them: pages of kernels show what drives them most.
    port : int, optional
        Default the first free one from 8501 on.
    browser : bool
        Open a browser window.

    Returns
    -------
    int
        Exit code.

    Raises
    ------
    LaunchError
        If a file or folder does not exist, a sweep comes without its images, or the port is none.
    """
    _check(checkpoints, images, sweep)
    given = arguments(port=port, browser=browser)
    folder, file = (str(path) if path else None for path in (images, sweep))
    Start(tuple(map(str, checkpoints)), folder, file).write()
    # Reading torch takes seconds: the browser opens meanwhile.
    threading.Thread(target=import_module, args=("viz.model.checkpoint",), daemon=True).start()
    from streamlit.web.cli import main as streamlit

    try:
        streamlit(given, prog_name="streamlit", standalone_mode=False)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0
    return 0
