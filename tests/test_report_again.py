"""A report made again: twice, from its data, after an interruption."""

import json
import os
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
from viz.report.plan import ReportError, check_folder
from viz.report.rebuild import rebuild
from viz.views import VIEWS, Given

ROWS = {row.name: row for row in VIEWS}
# Two quick sections: a mosaic, and points with a legend.
PATCHES = replace(ROWS["patch-filters"], drawings=lambda: ROWS["patch-filters"].figures[:1])
OTHER = replace(PATCHES, name="other", drawings=lambda: ROWS["patch-filters"].figures[1:2])


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
    build(small, folder, views=[PATCHES, OTHER])
    return folder


@pytest.fixture(scope="module")
def bare(small, tmp_path_factory, stub_save):
    """The same, with stubs for files of figures; what they show is on the page."""
    folder = tmp_path_factory.mktemp("bare") / "report"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("viz.report.sections.save_figure", stub_save)
        build(small, folder, views=[PATCHES, OTHER])
    return folder


@pytest.fixture
def first(bare, bare_figures):
    """That report; others are made like it."""
    return bare


def test_twice_gives_the_same_bytes_and_an_interruption_changes_nothing(
    small_file, inked, tmp_path
):
    """Stopped in the second section; the first is not measured again."""
    small, measured = load(small_file), []

    def counted(checkpoint, given):
        measured.append("patch-filters")
        return PATCHES.measure(checkpoint, given)

    def stopped(checkpoint, given):
        raise KeyboardInterrupt

    counting = replace(PATCHES, measure=counted)
    folder = tmp_path / "report"
    with pytest.raises(KeyboardInterrupt):
        build(small, folder, views=[counting, replace(OTHER, measure=stopped)])
    assert [p.name for p in tmp_path.iterdir()] == ["report.part"]
    with pytest.raises(ReportError, match="interrupted report; go on with --resume"):
        build(small, folder, views=[counting, OTHER])
    with pytest.raises(ReportError, match="begun with other settings"):
        build(small, folder, views=[counting, OTHER], seed=1, resume=True)
    build(small, folder, views=[counting, OTHER], resume=True)
    assert measured == ["patch-filters"]
    assert [p.name for p in tmp_path.iterdir()] == ["report"]
    assert contents(folder) == contents(inked)


def test_files_changed_during_an_interruption_are_made_again(small, first, tmp_path, monkeypatch):
    """A figure is missing, and a number is not what it was: both sections are drawn anew."""
    import viz.report.growing as module

    def full(*arguments, **options):
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(module, "finish", full)
        with pytest.raises(OSError, match="no space left"):
            build(small, tmp_path / "r", views=[PATCHES, OTHER])
    part = tmp_path / "r.part"
    (part / "figures" / f"{PATCHES.figures[0].name}.svg").unlink()
    (part / "data" / "other.json").write_text("{}")
    build(small, tmp_path / "r", views=[PATCHES, OTHER], resume=True)
    assert contents(tmp_path / "r") == contents(first)


def test_it_is_rebuilt_from_its_data_alone(first, tmp_path):
    away = tmp_path / "sent"
    shutil.copytree(first, away)
    for name in ("figures", "index.html", "report.pdf"):
        path = away / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    rebuild(away, tmp_path / "again", rows=[PATCHES, OTHER])
    assert contents(tmp_path / "again") == contents(first)


def test_changed_data_and_other_folders_are_refused(first, tmp_path):
    away = tmp_path / "sent"
    shutil.copytree(first, away)
    with pytest.raises(ReportError, match="exists; choose another"):
        rebuild(away, away, rows=[PATCHES, OTHER])
    with pytest.raises(ReportError, match=r"no manifest\.json in it"):
        rebuild(tmp_path, tmp_path / "x", rows=[PATCHES])
    with pytest.raises(ReportError, match="knows no section 'other'"):
        rebuild(away, tmp_path / "x", rows=[PATCHES])
    manifest = away / "manifest.json"
    said = manifest.read_text("utf-8")
    manifest.write_text(said.replace("convmixer-viz report 1", "another report 7"))
    with pytest.raises(ReportError, match="was not written by viz report of this version"):
        rebuild(away, tmp_path / "x", rows=[PATCHES, OTHER])
    manifest.write_text(said)
    with (away / "data" / "other.npz").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ReportError, match=r"data/other.npz is missing or not the file"):
        rebuild(away, tmp_path / "x", rows=[PATCHES, OTHER])
    assert [p.name for p in tmp_path.iterdir()] == ["sent"]


def changed(folder, to, change):
    """A copy of a report whose manifest says something else."""
    shutil.copytree(folder, to)
    said = json.loads((to / "manifest.json").read_text("utf-8"))
    change(said)
    (to / "manifest.json").write_text(json.dumps(said), "utf-8")
    return to


def test_manifests_that_make_no_page_are_refused_before_any_work(first, tmp_path):
    for i, change in enumerate(
        (
            lambda said: said["settings"].update(paper="../a3"),
            lambda said: said["checkpoints"][0].update(parameters="many"),
            lambda said: said.pop("images"),
        )
    ):
        away = changed(first, tmp_path / str(i), change)
        with pytest.raises(ReportError, match=r"manifest\.json does not hold what a report"):
            rebuild(away, tmp_path / "x", rows=[PATCHES, OTHER])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0", "1", "2"]


def test_figures_that_a_manifest_names_are_not_fetched_from_elsewhere(first, tmp_path):
    """A section told to have failed has none, whatever the manifest says."""
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"not for the page")

    def change(said):
        said["sections"][1] |= {"failed": "<b>so</b>", "finding": "it is said"}
        for figure in said["sections"][1]["figures"]:
            figure["name"] = "../../secret"

    rebuild(changed(first, tmp_path / "sent", change), tmp_path / "x", rows=[PATCHES, OTHER])
    text = (tmp_path / "x" / "index.html").read_text("utf-8")
    assert "&lt;b&gt;so" in text
    assert b64encode(secret.read_bytes()).decode() not in text
    assert "it is said" not in text


def test_what_drew_it_anew_is_told_where_it_did_not_measure_it(first, tmp_path):
    away = changed(first, tmp_path / "old", lambda said: said["versions"].update(matplotlib="1.0"))
    rebuild(away, tmp_path / "x", rows=[PATCHES, OTHER])
    said = json.loads((tmp_path / "x" / "manifest.json").read_text("utf-8"))
    assert said["versions"]["matplotlib"] == "1.0"
    assert said["drawn_with"] == json.loads((first / "manifest.json").read_text())["versions"]
    assert "drawn anew by another version" in (tmp_path / "x" / "index.html").read_text("utf-8")


def test_other_class_names_are_another_beginning(small):
    """Of the same number, from a file of the same name."""
    other = replace(small, classes=("ant", "bee", "cat", "emu"))
    told, again, renamed = (about_checkpoint(c) for c in (small, small, other))
    assert told == again
    assert told != renamed


def test_what_a_file_says_of_its_training_is_made_fit_for_a_page(small):
    wild = replace(small, training={"held_out_accuracy": "<b>", "loss": float("nan"), "steps": 3})
    assert about_checkpoint(wild)["training"] == {"loss": None, "steps": 3}
    told = about_checkpoint(replace(small, training={"held_out_accuracy": 0.5}))
    assert told["training"] == {"held_out_accuracy": 0.5}


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
    assert [s.failed for s in sections] == [""]
    told = json.loads((tmp_path / "r" / "manifest.json").read_text("utf-8"))
    assert told["images"]["names"] == [r"\xff.png"]
    assert r"\xff.png" in (tmp_path / "r" / "index.html").read_text("utf-8")
    (again,) = rebuild(tmp_path / "r", tmp_path / "again", rows=[OTHER])
    assert not again.failed
    assert contents(tmp_path / "again") == contents(tmp_path / "r")


def test_an_interrupted_report_is_begun_anew_with_force(tmp_path):
    part = tmp_path / "r.part"
    (part / "figures").mkdir(parents=True)
    (part / "figures" / "left.png").write_text("over")
    with pytest.raises(ReportError, match="--resume, or pass --force"):
        check_folder(tmp_path / "r")
    assert check_folder(tmp_path / "r", force=True) == tmp_path / "r"
    begin(tmp_path / "r", {"seed": 0}, resume=False)
    assert not (part / "figures" / "left.png").exists()


def test_a_section_measured_anew_is_not_taken_over_before_it_is_drawn(
    small, first, tmp_path, monkeypatch
):
    """Its figure is lost, and the report stopped once more after its numbers are there again."""
    import viz.report.build as build_module
    import viz.report.growing as growing_module

    def stopped(*arguments, **options):
        raise KeyboardInterrupt

    views, folder = [PATCHES, OTHER], tmp_path / "r"
    for module, name in ((growing_module, "finish"), (build_module, "draw")):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, stopped)
            with pytest.raises(KeyboardInterrupt):
                build(small, folder, views=views, resume=True)
        (tmp_path / "r.part" / "figures" / f"{PATCHES.figures[0].name}.svg").unlink(missing_ok=True)
    build(small, folder, views=views, resume=True)
    assert contents(folder) == contents(first)


@pytest.mark.usefixtures("drawn_once")
def test_folders_of_others_beside_it_are_left_alone(small, first, tmp_path):
    """Whatever is named as a report's folder while it grows, or is replaced."""
    for name in ("r.part", "r.old.part"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.txt").write_text("mine")
    for options in ({"resume": True}, {"force": True}, {}):
        with pytest.raises(ReportError, match="is no interrupted report; move it"):
            check_folder(tmp_path / "r", **options)
    shutil.copytree(first, tmp_path / "again")
    (tmp_path / "again.old.part").mkdir()
    (tmp_path / "again.old.part" / "mine.txt").write_text("mine")
    rebuild(first, tmp_path / "again", rows=[PATCHES, OTHER], force=True)
    write_view_folder(PATCHES, PATCHES.measure(small, Given()), tmp_path / "r")
    mine = ("r.part", "r.old.part", "again.old.part")
    assert [(tmp_path / name / "mine.txt").is_file() for name in mine] == [True] * 3
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*mine, "again", "r"])


@pytest.mark.usefixtures("bare_figures")
def test_two_networks_side_by_side(small, tmp_path):
    """What the two do not allow is left out, and why is told."""
    import torch

    from viz.network.convmixer import ConvMixer
    from viz.views import COMPARISONS

    torch.manual_seed(1)
    other = load(ConvMixer(16, 3, 5, 4, 4).eval(), activation="gelu")
    rows = [replace(row, drawings=lambda row=row: row.figures[:1]) for row in COMPARISONS[1:]]
    kept = [row for row in rows if not row.refuses(small, other)]
    assert 0 < len(kept) < len(rows)
    sections = build([small, other], tmp_path / "r", views=rows, rows=rows, formats=(".svg",))
    assert [s.name for s in sections] == [row.name for row in kept]
    assert [s.failed for s in sections] == [""] * len(kept)
    text = (tmp_path / "r" / "index.html").read_text("utf-8")
    assert "<h1>small.safetensors and in memory</h1>" in text
    assert "The networks" in text
    (left_out,) = (row for row in rows if row not in kept)
    manifest = json.loads((tmp_path / "r" / "manifest.json").read_text("utf-8"))
    (told,) = manifest["left_out"]
    assert told.startswith(f"{left_out.title} (the channels")
    assert [c["name"] for c in manifest["checkpoints"]] == ["small.safetensors", "in memory"]
