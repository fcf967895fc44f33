"""A report made again: twice, from its data, after an interruption."""

import json
import os
import re
import shutil
from base64 import b64encode
from dataclasses import replace

import pytest
from PIL import Image

from viz.network.checkpoint import load
from viz.report.build import build
from viz.report.facts import about_checkpoint
from viz.report.folder import write_view_folder
from viz.report.growing import begin
from viz.report.manifest import read_manifest
from viz.report.page import html
from viz.report.plan import ReportError, check_folder
from viz.report.rebuild import rebuild
from viz.views import COMPARISONS, VIEWS, Given

ROWS = {row.name: row for row in VIEWS}
# Two quick sections: a mosaic, and points with a legend.
PATCHES = replace(ROWS["patch-filters"], drawings=lambda: ROWS["patch-filters"].figures[:1])
OTHER = replace(PATCHES, name="other", drawings=lambda: ROWS["patch-filters"].figures[1:2])
BOTH = [PATCHES, OTHER]


def contents(folder):
    """Every file's bytes; the manifest without its times."""
    found = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}
    manifest = json.loads(found.pop("manifest.json"))
    del manifest["times"]
    return found, manifest


@pytest.fixture(scope="module")
def small(small_file):
    """Loaded once: its description lasts as long as it does."""
    return load(small_file)


@pytest.fixture(scope="module")
def inked(small, tmp_path_factory):
    """A report in all formats."""
    folder = tmp_path_factory.mktemp("inked") / "report"
    build(small, folder, views=BOTH)
    return folder


@pytest.fixture
def first(inked, tmp_path, bare_figures):
    """That report's data, its figures drawn as stubs; others are made like it."""
    rebuild(inked, tmp_path / "first" / "report", rows=BOTH)
    return tmp_path / "first" / "report"


def test_twice_gives_the_same_bytes_and_an_interruption_changes_nothing(
    small_file, inked, tmp_path
):
    """Stopped in the second section, and again before the end; one number is not as it was."""
    small, measured = load(small_file), []

    def counted(checkpoint, given):
        measured.append("patch-filters")
        return PATCHES.measure(checkpoint, given)

    def stopped(checkpoint, given):
        raise KeyboardInterrupt

    rows = [replace(PATCHES, measure=counted), OTHER]
    folder, part = tmp_path / "report", tmp_path / "report.part"
    with pytest.raises(KeyboardInterrupt):
        build(small, folder, views=[rows[0], replace(OTHER, measure=stopped)])
    assert [p.name for p in tmp_path.iterdir()] == ["report.part"]
    with pytest.raises(ReportError, match="interrupted report; go on with --resume"):
        build(small, folder, views=rows)
    with pytest.raises(ReportError, match="begun with other settings"):
        build(small, folder, views=rows, seed=1, resume=True)
    (part / "data" / "first-look.npz").write_text("changed")
    (part / "figures" / f"{PATCHES.figures[0].name}.svg").unlink()
    build(small, folder, views=rows, resume=True)
    assert measured == ["patch-filters"]
    assert [p.name for p in tmp_path.iterdir()] == ["report"]
    assert contents(folder) == contents(inked)


def test_it_is_rebuilt_from_its_data_alone(first, tmp_path):
    """What drew it anew is told where it did not measure it."""
    away = tmp_path / "sent"
    shutil.copytree(first, away)
    shutil.rmtree(away / "figures")
    (away / "index.html").unlink()
    (away / "report.pdf").unlink()
    rebuild(away, tmp_path / "again", rows=BOTH)
    assert contents(tmp_path / "again") == contents(first)
    old = changed(first, tmp_path / "old", lambda said: said["versions"].update(matplotlib="1.0"))
    rebuild(old, tmp_path / "x", rows=BOTH)
    said = json.loads((tmp_path / "x" / "manifest.json").read_text("utf-8"))
    assert said["versions"]["matplotlib"] == "1.0"
    assert said["drawn_with"] == json.loads((first / "manifest.json").read_text())["versions"]
    assert "drawn anew by another version" in (tmp_path / "x" / "index.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("given", "why"), [("--quick", "of --quick"), ("", "they take minutes"), ("--skip b", None)]
)
def test_what_is_left_out_says_why_and_what_writes_it(inked, given, why):
    command = f"viz report a.pth {given}".strip()
    facts = {**read_manifest(inked)[0], "left_out": ["B"], "command": command}
    said = f" because {why} (viz report a.pth --full writes them, too)" if why else ""
    assert f">Left out{said}: B<" in re.sub("</?code>", "", html(facts, (), str))


def changed(folder, to, change):
    """A copy of a report whose manifest says something else."""
    shutil.copytree(folder, to)
    said = json.loads((to / "manifest.json").read_text("utf-8"))
    change(said)
    (to / "manifest.json").write_text(json.dumps(said), "utf-8")
    return to


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda said: said["settings"].update(paper="../a3"), "does not hold what a report is"),
        (lambda said: said["checkpoints"][0].update(parameters="many"), "does not hold what a"),
        (lambda said: said.pop("images"), "does not hold what a report is made from"),
        (lambda said: said.update(format="another report 7"), "was not written by viz report of"),
        (lambda said: said["files"]["data/other.npz"].update(sha256="0"), "data/other.npz is miss"),
    ],
)
def test_manifests_that_make_no_page_are_refused_before_any_work(inked, tmp_path, change, why):
    with pytest.raises(ReportError, match=why):
        rebuild(changed(inked, tmp_path / "sent", change), tmp_path / "x", rows=BOTH)
    assert [p.name for p in tmp_path.iterdir()] == ["sent"]


def test_folders_that_cannot_be_rebuilt_are_refused(inked, tmp_path):
    with pytest.raises(ReportError, match="exists; choose another"):
        rebuild(inked, inked, rows=BOTH)
    with pytest.raises(ReportError, match="knows no section 'patch-filters'"):
        rebuild(inked, tmp_path / "x", rows=[OTHER])
    assert not list(tmp_path.iterdir())


def test_figures_that_a_manifest_names_are_not_fetched_from_elsewhere(first, tmp_path):
    """A section told to have failed has none, whatever the manifest says."""
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"not for the page")

    def change(said):
        said["sections"][2] |= {"failed": "<b>so</b>", "finding": "it is said"}
        for figure in said["sections"][2]["figures"]:
            figure["name"] = "../../secret"

    rebuild(changed(first, tmp_path / "sent", change), tmp_path / "x", rows=BOTH)
    text = (tmp_path / "x" / "index.html").read_text("utf-8")
    assert "&lt;b&gt;so" in text
    assert b64encode(secret.read_bytes()).decode() not in text
    assert "it is said" not in text


def test_a_checkpoint_is_told_by_its_class_names_and_what_it_says_of_its_training(small):
    """Of the same number, from a file of the same name; made fit for a page."""
    other = replace(small, classes=("ant", "bee", "cat", "emu"))
    told, again, renamed = (about_checkpoint(c) for c in (small, small, other))
    assert told == again != renamed
    wild = {"held_out_accuracy": "<b>", "loss": float("nan")}
    told = about_checkpoint(replace(small, training=wild))
    assert (told["training"]["loss"], told["accuracy"]) == (None, "")
    tame = about_checkpoint(replace(small, training={"held_out_accuracy": 0.5}))
    assert "50 %" in tame["accuracy"]


@pytest.mark.usefixtures("bare_figures")
def test_images_whose_names_are_no_text_are_told(small, tmp_path):
    """Bytes that no encoding knows; and what is told of them reads back."""
    folder = tmp_path / "images"
    folder.mkdir()
    name = os.fsdecode(b"\xff.png")
    try:
        Image.new("RGB", (40, 40), (90, 30, 10)).save(folder / name)
    except OSError:
        pytest.skip("file names are text here")
    sections = build(small, tmp_path / "r", images=folder, views=[OTHER], formats=(".svg",))
    assert not any(s.failed for s in sections)
    told = json.loads((tmp_path / "r" / "manifest.json").read_text("utf-8"))
    assert told["images"]["names"] == [r"\xff.png"]
    assert r"\xff.png" in (tmp_path / "r" / "index.html").read_text("utf-8")
    assert not any(s.failed for s in rebuild(tmp_path / "r", tmp_path / "again", rows=[OTHER]))
    assert contents(tmp_path / "again") == contents(tmp_path / "r")


def test_folders_of_others_beside_it_are_left_alone(small, first, tmp_path):
    """Whatever is named as a report's folder while it grows, or is replaced."""
    for name in ("r.part", "again.old.part"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.txt").write_text("mine")
    for options in ({"resume": True}, {"force": True}, {}):
        with pytest.raises(ReportError, match="is no interrupted report; move it"):
            check_folder(tmp_path / "r", **options)
    shutil.copytree(first, tmp_path / "again")
    rebuild(first, tmp_path / "again", rows=BOTH, force=True)
    write_view_folder(PATCHES, PATCHES.measure(small, Given()), tmp_path / "r")
    assert all((tmp_path / name / "mine.txt").is_file() for name in ("r.part", "again.old.part"))
    part = tmp_path / "s.part"
    (part / "figures").mkdir(parents=True)
    (part / "figures" / "left.png").write_text("over")
    with pytest.raises(ReportError, match="--resume, or pass --force"):
        check_folder(tmp_path / "s")
    assert check_folder(tmp_path / "s", force=True) == tmp_path / "s"
    begin(tmp_path / "s", {"seed": 0})
    assert not (part / "figures" / "left.png").exists()


@pytest.mark.usefixtures("bare_figures")
def test_two_networks_side_by_side(small, tmp_path):
    """Each begins with its picture; what the two do not allow is left out, and why is told."""
    import torch

    from viz.network.convmixer import ConvMixer

    torch.manual_seed(1)
    other = load(ConvMixer(16, 3, 5, 4, 4).eval(), activation="gelu")
    rows = [replace(row, drawings=lambda row=row: row.figures[:1]) for row in COMPARISONS[1:]]
    (kept,) = (row for row in rows if not row.refuses(small, other))
    (left_out,) = (row for row in rows if row is not kept)
    sections = build([small, other], tmp_path / "r", views=rows, rows=rows, formats=(".svg",))
    assert [s.name for s in sections] == ["first-look-1", "first-look-2", kept.name]
    assert not any(s.failed for s in sections)
    text = (tmp_path / "r" / "index.html").read_text("utf-8")
    assert "<h1>small.safetensors and in memory</h1>" in text
    assert "The networks" in text
    manifest = json.loads((tmp_path / "r" / "manifest.json").read_text("utf-8"))
    (told,) = manifest["left_out"]
    assert told.startswith(f"{left_out.title} (the channels")
    assert [c["name"] for c in manifest["checkpoints"]] == ["small.safetensors", "in memory"]
