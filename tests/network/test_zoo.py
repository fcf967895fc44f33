"""Official weights by name: through huggingface_hub against a hub that stands in on 127.0.0.1.

The networks are small ones of our own under the official names. No request leaves the machine:
every connection to anywhere else fails the test.
"""

import hashlib
import os
import re
import socket
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner
from foreign_networks import TimmLike, assert_same_logits, settle
from huggingface_hub import constants
from safetensors.torch import save

from viz.cli import main
from viz.core.network import Config
from viz.network import zoo
from viz.network.checkpoint import load
from viz.network.convmixer import PAPER_CONFIGS
from viz.network.guards import CheckpointError

REAL = dict(zoo.OFFICIAL)
NAME = "convmixer_768_32"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILE = f"/timm/{NAME}.in1k/resolve/main/model.safetensors"


class Hub:
    """One file as the hub serves it, with its size and hash stated."""

    def __init__(self, data: bytes) -> None:
        self.data, self.stated = data, ""
        self.requests: list[tuple[str, str]] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                self.answer()

            def do_GET(self) -> None:
                self.answer()

            def log_message(self, *args: object) -> None:
                pass

            def answer(self) -> None:
                hub.requests.append((self.command, self.path))
                found = self.path == FILE
                body = hub.data if found else b""
                self.send_response(200 if found else 404)
                self.send_header("Content-Length", str(len(body)))
                if found:
                    stated = hub.stated or hashlib.sha256(hub.data).hexdigest()
                    self.send_header("X-Repo-Commit", COMMIT)
                    self.send_header("X-Linked-ETag", f'"{stated}"')
                    self.send_header("X-Linked-Size", str(len(body)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def downloads(self) -> int:
        return self.requests.count(("GET", FILE))


@pytest.fixture(scope="module")
def network():
    return settle(TimmLike(act="relu", n=1000))


@pytest.fixture(scope="module")
def data(network):
    return save(network.state_dict())


@pytest.fixture
def hub(data):
    hub = Hub(data)
    yield hub
    hub.close()


@pytest.fixture(autouse=True)
def here_only(monkeypatch, tmp_path, data, hub):
    """Official names mean small networks; the hub, its cache and the user's folder are here."""
    config = Config(16, 3, 5, 4, 1000, 3, "relu")
    weights = zoo.OfficialWeights(NAME, config, 1.0, hashlib.sha256(data).hexdigest(), "r.pth.tar")
    monkeypatch.setattr(zoo, "OFFICIAL", {NAME: weights})
    for name in ("HF_ENDPOINT", "HF_HUB_CACHE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in [n for n in os.environ if n.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("VIZ_CHECKPOINTS", str(tmp_path / "by-hand"))
    monkeypatch.setattr(constants, "ENDPOINT", hub.address)
    monkeypatch.setattr(
        constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        hub.address + "/{repo_id}/resolve/{revision}/{filename}",
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    connect = socket.socket.connect

    def local(self, address):
        assert address[0] in ("127.0.0.1", "localhost"), address
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", local)
    monkeypatch.chdir(tmp_path)


def test_the_real_names_and_addresses():
    """Against what the hub and the authors' release page show."""
    assert set(REAL) == set(PAPER_CONFIGS)
    for name, weights in REAL.items():
        assert weights.config == PAPER_CONFIGS[name]
        for known in (weights.sha256, *weights.other_sha256):
            assert re.fullmatch("[0-9a-f]{64}|", known)
    assert len(set(zoo.imagenet_classes())) == 1000
    assert zoo.imagenet_classes()[0] == "tench"
    assert zoo.imagenet_classes()[999].startswith("toilet")


def test_release_files_and_hub_folders_are_known_by_name(monkeypatch):
    monkeypatch.setattr(zoo, "OFFICIAL", REAL)
    for name, weights in REAL.items():
        for path in (
            f"/a/{weights.release}",
            f"/cache/models--timm--{name}.in1k/snapshots/{COMMIT}/model.safetensors",
            f"/a/{name}.in1k/pytorch_model.bin",
            f"/a/{name}.safetensors",
        ):
            assert zoo.official_by_path(Path(path)) == weights, path
    for path in ("/a/convmixer.pth", "/convmixer_768_32_mine/a.pth", "/a/my_convmixer_768_32.pth"):
        assert zoo.official_by_path(Path(path)) is None


def test_without_a_known_hash_the_hubs_own_still_counts(hub, monkeypatch):
    weights = {NAME: replace(zoo.OFFICIAL[NAME], sha256="")}
    monkeypatch.setattr(zoo, "OFFICIAL", weights)
    hub.stated = "0" * 64
    assert "expected 000000000000...: damaged" in refusal()


@pytest.mark.parametrize("name", [NAME, f"hf-hub:timm/{NAME}.in1k"])
def test_fetched_once_and_loaded_by_name(network, data, hub, name, tmp_path, monkeypatch):
    loaded = load(name)
    assert hub.downloads == 1
    assert ("HEAD", FILE) in hub.requests
    assert loaded.config == zoo.OFFICIAL[NAME].config
    assert loaded.source.activation_source == f"the official name {NAME}"
    assert loaded.source.sha256 == hashlib.sha256(data).hexdigest()
    assert loaded.source.name == NAME
    assert loaded.source.layout.startswith("stem.0, blocks.0.")
    assert loaded.classes == zoo.imagenet_classes()
    assert loaded.preprocessing.image_size == 224
    assert_same_logits(loaded.model, network)
    done = CliRunner().invoke(main, ["fetch", name])
    assert done.exit_code == 0, done.output
    assert Path(done.stdout.strip()).read_bytes() == data
    assert hub.downloads == 1
    snapshot = tmp_path / "cache" / f"models--timm--{NAME}.in1k" / "snapshots" / COMMIT
    assert (snapshot / "model.safetensors").read_bytes() == data
    # From then on the hub is not needed.
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    hub.requests.clear()
    assert_same_logits(load(name).model, network)
    assert hub.requests == []


# Where it is looked for


def test_a_file_put_there_by_hand_comes_first(network, data, hub, tmp_path, monkeypatch):
    folder = tmp_path / "by-hand"
    folder.mkdir()
    (folder / f"{NAME}.safetensors").write_bytes(data)
    assert_same_logits(load(NAME).model, network)
    # Whatever file of that name lies here.
    monkeypatch.chdir(tmp_path)
    (tmp_path / NAME).touch()
    fetched = CliRunner().invoke(main, ["fetch", NAME])
    assert fetched.stdout.strip() == str(folder / f"{NAME}.safetensors")
    assert hub.requests == []


# What cannot be had


def refusal():
    with pytest.raises(CheckpointError) as caught:
        load(NAME)
    done = CliRunner().invoke(main, ["fetch", NAME])
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1] == f"viz: {caught.value}"
    return str(caught.value)


def says_how_to_get_it(text, tmp_path):
    url = f"https://huggingface.co/timm/{NAME}.in1k/resolve/main/model.safetensors"
    assert text.startswith(f"{NAME}: not on this machine and not to be had from the Hugging Face")
    assert f"download {url} on a machine that can" in text
    assert f"put it at {tmp_path / 'by-hand' / NAME}.safetensors, and try again." in text


def test_offline_says_how_to_get_it_and_where_to_put_it(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    says_how_to_get_it(refusal(), tmp_path)
    assert hub.requests == []


# What is not what was published


def test_a_damaged_download_is_refused_by_the_hash_the_hub_stated(data, hub):
    hub.stated = hashlib.sha256(data).hexdigest()
    hub.data = data[:-1] + bytes([data[-1] ^ 1])
    bad = hashlib.sha256(hub.data).hexdigest()
    text = refusal()
    assert f"has the sha256 {bad[:12]}..., expected {hub.stated[:12]}...: damaged" in text
    assert "delete it and fetch it again" in text


def test_another_network_is_refused_by_its_shapes(hub):
    hub.data = save(TimmLike(n=1000, depth=2).state_dict())
    text = refusal()
    assert f"not {NAME}: depth is 2, expected 3" in text
    assert "delete it and fetch it again" in text
