"""The rules of the house: what each view has, and that pages made from cards are up to date."""

import importlib.util
import runpy
from pathlib import Path

import pytest

import viz
from viz.views import COMPARISONS, VIEWS

ROOT = Path(__file__).resolve().parents[1]
ROWS = {row.name: row for row in (*VIEWS, *COMPARISONS)}
FOLDERS = {path.parent.name for path in (ROOT / "viz" / "views").glob("*/card.py")} - {"_template"}


def test_the_list_of_views_is_complete():
    assert {name.replace("-", "_") for name in ROWS} == FOLDERS


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_every_view_is_whole(row):
    folder = row.name.replace("-", "_")
    assert (ROOT / "viz" / row.page / "method.md").is_file()
    assert list((ROOT / "tests" / "views" / folder).glob("test_*.py"))
    assert row.figures[0].name == row.name
    assert all(each.name.startswith(row.name) for each in row.figures)
    if row.name in {each.name for each in VIEWS}:
        assert row.about and row.group and row.icon


def test_the_public_names_are_those_of_the_views_and_few_others():
    views = {name.replace("-", "_") for name in ROWS}
    assert views <= set(viz.__all__)
    assert len(set(viz.__all__) - views) <= 12
    for name in viz.__all__:
        assert getattr(viz, name).__doc__


def from_cards():
    spec = importlib.util.spec_from_file_location("from_cards", ROOT / "docs" / "from_cards.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_pages_are_as_the_cards_make_them():
    for path, text in from_cards().pages().items():
        assert path.read_text("utf-8") == text, f"{path.name}: run docs/from_cards.py"


def test_the_gallery_shows_every_script():
    assert set(from_cards().GALLERY) == {p.stem for p in (ROOT / "docs" / "gallery").glob("*.py")}


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "gallery").glob("*.py")),
                         ids=lambda path: path.stem)  # fmt: skip
def test_each_script_of_the_gallery_makes_its_picture(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(path))
    assert [made.name for made in tmp_path.iterdir()] == [path.stem.replace("_", "-") + ".png"]
