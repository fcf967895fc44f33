"""The README: its commands and links exist, and every command is in it."""

import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

from viz.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def test_every_command_is_there_and_no_other():
    shown = set(re.findall(r"^(?:\| `)?viz ([a-z-]+)", README, re.MULTILINE))
    assert shown == set(main.commands)


def test_options_named_exist():
    known = {o for c in main.commands.values() for p in c.params for o in p.opts}
    assert set(re.findall(r"(?<![\w-])--[a-z]+", README)) <= known | {"--help"}


PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    *(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/**/*.md")),
]


@pytest.mark.parametrize("page", sorted(PAGES))
def test_links_lead_somewhere(page):
    path = ROOT / page
    for link in re.findall(r"\]\(([^)#]+)", path.read_text("utf-8")):
        if not link.startswith("http"):
            assert (path.parent / link).exists(), link


def test_python_lines_run(small_file, tmp_path, monkeypatch):
    """The example, on a small network instead of the shipped one."""
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL).group(1)
    monkeypatch.chdir(tmp_path)
    for name in ("my-model.pth", "other.pth"):
        shutil.copy(small_file, name)
    Path("photographs").mkdir()
    Image.new("RGB", (40, 40), "red").save("photographs/a.png")
    exec(compile(code, "README", "exec"), {})
    assert Path("kernels.pdf").read_bytes().startswith(b"%PDF")
    assert Path("kernels.npz").is_file()
