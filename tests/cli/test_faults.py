"""Bad input is one sentence, exit code 2; what nobody foresaw is shown whole, exit code 1."""

import re
from pathlib import Path

import click
import pytest
import torch
from click.testing import CliRunner

import viz
from viz.cli import main
from viz.cli.common import Group


def failing(error):
    @click.group(cls=Group)
    def group():
        pass

    @group.command()
    @click.option("--batch-size", type=int)
    @click.option("--top", type=int)
    def work(batch_size, top):
        raise error

    return CliRunner().invoke(group, ["work"])


@pytest.mark.parametrize("written", ["", ".part", ".x8_0aB-9.part", ".shards"])
def test_errors_of_the_system_name_the_file_that_was_asked_for(written):
    done = failing(PermissionError(13, "Permission denied", f"to/a.pth{written}"))
    assert done.exit_code == 2
    assert done.stderr.startswith("viz: to/a.pth: the system says: permission denied; ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("error", [ValueError("shapes (3,) (4,)"), IndexError(4), KeyError("a")])
def test_a_fault_of_our_own_is_not_told_as_bad_input(error):
    done = failing(error)
    assert done.exit_code == 1
    assert "Traceback" in done.stderr
    assert "raise error" in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"viz: {type(error).__name__} is a fault of viz")
    assert "please report" in last


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
        RuntimeError("MPS backend out of memory (MPS allocated: 9 GB, max allowed: 9 GB)."),
        MemoryError(),
    ],
)
def test_too_little_memory_is_a_sentence_with_the_options_that_help(error):
    done = failing(error)
    assert done.exit_code == 2
    assert "Traceback" not in done.output
    (line,) = done.stderr.splitlines()
    assert line.startswith("viz: not enough memory (")
    assert line.endswith("; choose a smaller --batch-size.")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("receptive-field", "--memory or --image-size, or another --device"),
        ("feature-maps", "--batch-size or --image-size, or another --device"),
    ],
)
def test_real_commands_name_their_own_options(small_file, monkeypatch, name, options):
    def exhausted(*given, **more):
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr("viz.images.sets.ImageSet.batches", exhausted)
    done = CliRunner().invoke(main, [name, str(small_file), "--json"])
    assert done.exit_code == 2
    assert f"; choose a smaller {options}." in done.stderr


def test_whatever_is_refused_is_refused_in_the_class_of_refusals():
    """A ValueError of another class would be told as a fault of the program's own."""
    internal = {"core/refusal.py", "sweep/accumulators.py", "views/base.py",
                "views/receptive_field/card.py"}  # fmt: skip
    root = Path(viz.__file__).parent
    found = [
        f"{path.relative_to(root).as_posix()}: {line.strip()}"
        for path in sorted(root.rglob("*.py"))
        for line in path.read_text().splitlines()
        if re.search(r"raise (ValueError|IndexError)\(|^class \w+\((ValueError|IndexError)\)", line)
        and path.relative_to(root).as_posix() not in internal
    ]
    assert not found
