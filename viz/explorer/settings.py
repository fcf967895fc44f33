"""The options under which the explorer is served, however it is started."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOSTS = ("127.0.0.1", "localhost")
MAX_UPLOAD = 256
"""Largest upload in binary megabytes: the largest official file has 207 MB."""
MAX_UPLOADS = 4
"""Most uploaded checkpoints that one session has open."""
MAX_HELD = 512
"""Binary megabytes that their weights may take together."""
MAX_IMAGES = 8
"""Most images that the pages look at, of a folder or uploaded."""
MAX_IMAGE_UPLOAD = 32
"""Largest uploaded image, in binary megabytes."""
SUFFIXES = ("safetensors", "pth", "pt", "tar", "bin", "ckpt")
_VARIABLE = "VIZ_EXPLORER"

OPTIONS: dict[str, Any] = {
    "browser.gatherUsageStats": False,
    "client.showErrorDetails": "none",
    "client.showErrorLinks": False,
    "client.toolbarMode": "viewer",
    "runner.magicEnabled": False,
    "server.address": HOSTS[0],
    "server.allowedHosts": list(HOSTS),
    "server.enableCORS": True,
    "server.enableStaticServing": False,
    "server.enableXsrfProtection": True,
    "server.fileWatcherType": "none",
    "server.maxUploadSize": MAX_UPLOAD,
    "server.showEmailPrompt": False,
}
"""Streamlit's options: on this machine only, no usage reports, nothing watched, no traceback.

Streamlit alone binds every interface, accepts any Host header, looks its external address up and
reports usage. ``.streamlit/config.toml`` says the same for ``streamlit run app.py``.
"""


def flags() -> list[str]:
    """Return `OPTIONS` as command-line flags, which win over any configuration file."""
    given: list[str] = []
    for name, value in OPTIONS.items():
        for one in value if isinstance(value, list) else [value]:
            given += [f"--{name}", str(one).lower() if isinstance(one, bool) else str(one)]
    return given


def unsafe(address: str | None, hosts: list[str], usage: bool) -> str:
    """Say in one sentence what is unsafe about how the explorer was started."""
    found = [
        sentence
        for bad, sentence in (
            (not address, "it would answer on every network interface"),
            (not hosts, "it would accept any host name"),
            (usage, "it would report usage to Streamlit"),
        )
        if bad
    ]
    if not found:
        return ""
    return (
        f"The explorer was started without its safe settings ({', '.join(found)}): stop it and "
        "start it with viz explore, with make explore, or with streamlit run app.py in the "
        "project's folder."
    )


@dataclass(frozen=True)
class Start:
    """What the start asked for; handed to the server through the environment."""

    checkpoints: tuple[str, ...] = ()
    images: str | None = None
    sweep: str | None = None

    @classmethod
    def read(cls) -> Start:
        """Return what the command line asked for; nothing where it was not used."""
        try:
            found = json.loads(os.environ.get(_VARIABLE, "{}"))
            names = tuple(map(str, found.get("checkpoints", ())))
            return cls(names, found.get("images"), found.get("sweep"))
        except (ValueError, AttributeError, TypeError):
            return cls()

    def write(self) -> None:
        """Leave it for the server; paths become absolute."""
        names = [str(Path(c).resolve()) if Path(c).exists() else c for c in self.checkpoints]
        images = str(Path(self.images).resolve()) if self.images else None
        sweep = str(Path(self.sweep).resolve()) if self.sweep else None
        given = {"checkpoints": names, "images": images, "sweep": sweep}
        os.environ[_VARIABLE] = json.dumps(given)
