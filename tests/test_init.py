"""Importing the package, and asking for help, stay light; public names are there."""

import subprocess
import sys

import pytest

import viz


@pytest.mark.parametrize(
    "code",
    [
        "import viz",
        "import viz.cli",
        "from click.testing import CliRunner; from viz.cli import main; "
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0",
        "from click.testing import CliRunner; from viz.cli import main; "
        "assert CliRunner().invoke(main, ['kernels', '--help']).exit_code == 0",
    ],
)
def test_neither_torch_nor_matplotlib_is_imported(code):
    heavy = ("torch", "matplotlib", "numpy", "streamlit")
    check = f"; import sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code + check], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_public_names_are_there():
    for name in viz.__all__:
        assert getattr(viz, name) is not None
    assert set(viz.__all__) <= set(dir(viz))
    with pytest.raises(AttributeError, match="nothing_such"):
        _ = viz.nothing_such
