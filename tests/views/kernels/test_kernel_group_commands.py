"""`viz early-late` and `viz clusters` end to end, with descriptions made by hand."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from described import described

from viz.cli import main
from viz.views.clusters import measure as clusters
from viz.views.kernels import measure as depthwise
from viz.views.kernels.result import KERNEL_NAMES


@pytest.fixture(autouse=True)
def told(monkeypatch):
    """Describing is tested elsewhere: here names are told."""

    def describe(checkpoint, **options):
        kernels = [checkpoint.model.depthwise_kernels(b).detach().numpy() for b in range(3)]
        names = np.array(KERNEL_NAMES)[np.arange(48) % 3]
        return described(np.concatenate(kernels), np.repeat(np.arange(3), 16), names)

    monkeypatch.setattr(depthwise, "describe_checkpoint", describe)
    monkeypatch.setattr(clusters, "MOST_CLUSTERS", 3)


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_groups_are_taken_from_the_line(small_file):
    done = run("early-late", small_file, "--early", "0-1", "--late", "2", "--json")
    assert json.loads(done.stdout)["early_blocks"] == [0, 1]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--early", "0-1", "--late", "1-2"], "block 1 is in both groups"),
        (["--late", "7"], "late group names block 7"),
        (["--early", "x"], "0-2,7"),
        (["--early", "2-0"], "names no block"),
    ],
)
def test_impossible_groups_are_one_sentence_before_any_work(
    small_file, options, sentence, monkeypatch
):
    monkeypatch.setattr(depthwise, "describe_checkpoint", None)
    done = run("early-late", small_file, *options)
    assert done.exit_code == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.output
