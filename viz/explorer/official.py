"""Official weights that are not on this machine: fetched when the user asks, and not before."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from viz.core.refusal import Refusal
from viz.explorer.cache import Tell
from viz.explorer.text import plain, shape
from viz.explorer.working import answer, asked, working

_LOOK = 0.2
"""Seconds between two looks at how much has come."""
_PATIENCE = 5.0
"""Seconds for a process to end when asked to."""


def _received(hub_id: str) -> int:
    """Return the bytes of a repository that lie in the hub's cache, finished or not."""
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE) / f"models--{hub_id.replace('/', '--')}" / "blobs"
    return sum(path.stat().st_size for path in folder.glob("*")) if folder.is_dir() else 0


def download(name: str, tell: Tell, *, command: Sequence[str] | None = None) -> None:
    """Fetch official weights in a process of its own, which can be stopped at any time."""
    from viz.network.guards import CheckpointError
    from viz.network.zoo import OFFICIAL

    weights = OFFICIAL[name]
    total = 4 * weights.config.n_parameters
    words = list(command or (sys.executable, "-m", "viz", "fetch", name))
    env = {**os.environ, "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said, env=env
        )
        try:
            while process.poll() is None:
                tell(min(_received(weights.hub_id), total), total)
                try:
                    process.wait(_LOOK)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(_PATIENCE)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        if process.returncode:
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines()
            sentence = lines[-1].removeprefix("viz: ") if lines else "the download failed"
            raise CheckpointError(sentence)


def show_download(name: str) -> None:
    """Say that official weights are not here, and fetch them if the user wants."""
    from viz.network.zoo import OFFICIAL

    weights = OFFICIAL[name]
    config = weights.config
    st.subheader(plain(name), anchor=False)
    st.markdown(
        f"The authors' ImageNet weights: {shape(config)}, {weights.top1:.2f} % of ImageNet's "
        "validation images right. "
        "They are not on this machine yet. "
        f"Download fetches about {4 * config.n_parameters >> 20} MB from huggingface.co into its "
        "cache and checks them. Nothing else in the explorer asks another site for anything."
    )
    work = f"download {name}"
    if not asked(work, slow=True, label="Download"):
        return
    try:
        with working(work, f"Downloading {name}") as tell:
            download(name, tell)
    except (Refusal, OSError) as error:
        answer(work, None)
        st.error(plain(error))
        st.button("Try again", on_click=answer, args=(work, True))
        return
    answer(work, None)
    st.rerun()
