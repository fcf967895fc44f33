"""Official weights: nothing is asked of anybody before the user asks for it."""

import os
import signal
import subprocess
import sys

import pytest
from visiting import is_overview, sentences

from viz.explorer import official
from viz.explorer.official import download
from viz.network import zoo
from viz.network.guards import CheckpointError

NAME = "convmixer_768_32"
pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch, tmp_path):
    """No weights are here, and no hub can be reached."""
    from huggingface_hub import constants

    monkeypatch.setenv("VIZ_CHECKPOINTS", str(tmp_path / "own"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))


def test_a_link_to_official_weights_fetches_nothing(open_app, monkeypatch):
    """Only the button does; offline it says how to get them, and the app stays usable."""
    started = []
    real = subprocess.Popen

    def popen(words, **options):
        started.append(words)
        return real(words, **options)

    monkeypatch.setattr(official.subprocess, "Popen", popen)
    app = open_app(checkpoint=NAME)
    assert started == []
    assert not app.error
    assert "80 MB from huggingface.co" in " ".join(m.value for m in app.markdown)
    next(b for b in app.button if b.label == "Download").click().run()
    assert started == [[sys.executable, "-m", "viz", "fetch", NAME]]
    (sentence,) = sentences(app.error)
    assert sentence.startswith(f"{NAME}: not on this machine and not to be had from the Hugging")
    assert zoo.OFFICIAL[NAME].url in sentence
    app.run()
    assert len(started) == 1
    next(s for s in app.selectbox if s.label == "Checkpoint").select("small.safetensors").run()
    assert not app.error
    assert is_overview(app)
    next(s for s in app.selectbox if s.label == "Checkpoint").select(f"{NAME} (official)").run()
    assert app.query_params["checkpoint"] == NAME


def test_weights_that_are_here_are_opened(open_app, monkeypatch, tmp_path, small_file, small):
    """From the user's folder, without a download."""
    weights = zoo.OfficialWeights(NAME, small.config, 1.0, "", "")
    monkeypatch.setattr(zoo, "OFFICIAL", {NAME: weights})
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / f"{NAME}.safetensors").write_bytes(small_file.read_bytes())
    app = open_app(given=(), checkpoint=NAME)
    assert not app.error
    assert app.title[0].value.replace("\\", "") == NAME
    assert app.session_state["viz opened"].spelling == NAME


def test_a_download_that_does_not_end_when_asked_is_ended(monkeypatch):
    monkeypatch.setattr(official, "_PATIENCE", 0.2)
    deaf = "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    words = [sys.executable, "-c", deaf + "sys.stderr.write('deaf'); sys.stderr.flush(); "
             "time.sleep(60)"]  # fmt: skip
    processes, told = [], []
    real = subprocess.Popen

    def popen(*args, **options):
        told.append(options["stderr"])
        processes.append(real(*args, **options))
        return processes[0]

    monkeypatch.setattr(official.subprocess, "Popen", popen)

    def stop(done, total):
        if os.fstat(told[0].fileno()).st_size:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(NAME, stop, command=words)
    assert processes[0].poll() == -signal.SIGKILL


def test_a_download_that_fails_says_why():
    words = [sys.executable, "-c", "import sys; sys.exit('noise\\nviz: no such thing.')"]
    with pytest.raises(CheckpointError, match=r"^no such thing\.$"):
        download(NAME, lambda done, total: None, command=words)
