"""Two networks side by side, and a report to take away."""

import io
import json
import re
import zipfile

import pytest
from visiting import fine, picture, sentences, type_lines

from viz.views import COMPARISONS, VIEWS

pytestmark = pytest.mark.usefixtures("undrawn")


def test_the_second_checkpoint_is_in_the_address(open_app):
    app = open_app("compare", checkpoint="small.safetensors")
    assert fine(app)
    assert app.query_params["with"] == "grey.safetensors"
    said = next(m for m in sentences(app.markdown) if "have no clear shape" in m)
    assert re.match(r"\*\*(A's|B's|The) kernels", said)
    app = open_app("compare", show="compare-kernels", evidence="yes", **dict(app.query_params))
    assert app.toggle[0].value
    assert "networks of one shape" in sentences(app.info)[0]
    app = open_app("compare", **{"with": "upload.12345678.mine.pt"})
    (sentence,) = sentences(app.warning)
    assert "upload it on the left" in sentence
    assert "12345678" in sentence


def test_the_lines_of_a_comparison_hold(open_app, tmp_path, monkeypatch):
    """Typed, the script makes what the page shows."""
    other = {"with": "small.safetensors", "evidence": "yes"}
    app = open_app("compare", show="compare-kernels", **other)
    monkeypatch.chdir(tmp_path)
    type_lines(app)
    (data,) = tmp_path.glob("*.npz")
    row = next(row for row in COMPARISONS if row.name == "compare-kernels")
    result = row.load(data)
    assert result.source.sha256 == result.other["sha256"]
    assert sentences(app.info)[0].startswith("Both are the same checkpoint")
    assert row.sentence(result) in sentences(app.markdown)


def test_a_report_is_built_when_asked_and_holds_what_was_chosen(open_app, scratch, bare_figures):
    app = open_app("report", sections="nonsense,selectivity")
    assert fine(app)
    assert app.query_params["sections"] == "selectivity"
    next(b for b in app.button if b.label == "Build").click().run()
    assert fine(app)
    assert list(scratch.iterdir()) == []
    (kept,) = [
        value.value
        for value, _ in app.session_state["viz store"]._kept.values()
        if hasattr(getattr(value, "value", None), "zipped")
    ]
    with zipfile.ZipFile(io.BytesIO(kept.zipped)) as packed:
        names = packed.namelist()
        manifest = json.loads(packed.read("small-report/manifest.json"))
        assert packed.testzip() is None
    assert {"small-report/index.html", "small-report/report.pdf"} <= set(names)
    assert "small-report/data/selectivity.npz" in names
    assert not any("clusters" in name for name in names)
    assert str(scratch) not in json.dumps(manifest)
    title = next(row.title for row in VIEWS if row.name == "selectivity")
    assert title in " ".join(sentences(app.markdown))


@pytest.fixture
def handed(monkeypatch):
    """No report is written; what would be is remembered."""
    found = {}

    def build(checkpoints, folder, **settings):
        found.update(settings, names=[each.source.name for each in checkpoints])
        folder.mkdir()
        settings["progress"]("1/2 first")
        settings["steps"](1, 1, 2)
        settings["progress"]("2/2 second")
        return ()

    monkeypatch.setattr("viz.report.build.build", build)
    return found


def test_a_report_on_two_networks(open_app, handed):
    """Both are handed over, and the report's own command names both."""
    app = open_app("report", **{"with": "grey.safetensors"})
    next(b for b in app.button if b.label == "Everything").click().run()
    assert app.query_params["comparisons"] == ",".join(row.name for row in COMPARISONS)
    next(b for b in app.button if b.label == "Build").click().run()
    assert fine(app)
    assert handed["names"] == ["small.safetensors", "grey.safetensors"]
    assert [row.name for row in handed["views"]] == [row.name for row in COMPARISONS]
    # Different in their input channels, and in their shape.
    titles = [said.partition(": left out: ")[0] for said in sentences(app.info)]
    unfit = ("compare-patch-filters", "compare-kernels")
    assert titles == [row.title for row in COMPARISONS if row.name in unfit]
    assert "small.safetensors grey.safetensors" in handed["command"]


def test_a_report_takes_the_sweep(open_app, handed, monkeypatch, tmp_path):
    """Where it is of the images chosen; no path of this machine goes into the report."""
    file = tmp_path / "swept.npz"
    file.touch()
    (tmp_path / "one.png").write_bytes(picture(0))
    monkeypatch.setattr("viz.explorer.found.sweep_of", lambda found, path: None)
    app = open_app("report", folder=tmp_path, sweep=file)
    next(b for b in app.button if b.label == "All but slow ones").click().run()
    next(b for b in app.button if b.label == "Build").click().run()
    assert fine(app)
    assert handed["sweep"] == file
    assert f"--images {tmp_path.name} --sweep swept.npz" in handed["command"]
    assert str(tmp_path) not in handed["command"]
