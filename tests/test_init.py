"""Importing the package, and asking for help, stay light; public names are there."""

import subprocess
import sys

import pytest

import viz

LIGHT = """
import sys
from click.testing import CliRunner
import viz
from viz.cli import main

for words in (["--help"], ["kernels", "--help"], ["train", "--help"]):
    assert CliRunner().invoke(main, words).exit_code == 0
print([m for m in ("torch", "matplotlib", "numpy", "streamlit") if m in sys.modules])
"""


def test_neither_torch_nor_matplotlib_is_imported():
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_public_names_are_there():
    assert set(viz.__all__) <= set(dir(viz))
    with pytest.raises(AttributeError, match="nothing_such"):
        _ = viz.nothing_such
