"""What saves time where commands write folders of figures."""

from pathlib import Path

import pytest

_STARTS = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}


@pytest.fixture
def drawn_once(monkeypatch):
    """Figures of a folder are drawn, but saved as stubs: reports' tests save every format."""

    def save(figure, path, *, force=False):
        if Path(path).suffix == ".png":
            figure.draw_without_rendering()
        Path(path).write_bytes(_STARTS[Path(path).suffix])
        return Path(path)

    monkeypatch.setattr("viz.report.folder.save_figure", save)
