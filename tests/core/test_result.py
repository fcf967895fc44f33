"""Results: frozen, equal after a round trip, and files that never run code."""

import json
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pandas as pd
import pytest

from viz import load_result
from viz.core.network import Source
from viz.core.refusal import Refusal
from viz.core.result import ResultFileError, or_none, records
from viz.views.kernels.result import DepthwiseDescription
from viz.views.weights.result import DepthwiseKernels, PatchFilters


@pytest.fixture
def result(rng):
    source = Source(
        name="ünï <b>.pth", sha256="ab" * 32, dropped=("total_ops",), warnings=("NaN",), block=2,
        settings={"blocks": (0, 2), "per_block": None, "share": np.float64(0.5)},
        versions={"numpy": "2"}, images={"a.jpg": "00"},
    )  # fmt: skip
    kernels = rng.normal(size=(4, 3, 3)).astype(np.float32)
    kernels[0, 0, 0] = np.nan
    index = np.arange(4)
    return DepthwiseKernels(
        source=source, kernels=kernels, block=index // 2, channel=index, order="index"
    )


def test_a_saved_result_loads_back_equal(result, tmp_path):
    path = result.save(tmp_path / "r.npz")
    again = DepthwiseKernels.load(path)
    assert again == result == load_result(path)
    assert again.source.settings["blocks"] == (0, 2)
    assert again.to_frame().equals(result.to_frame())
    assert [p.name for p in tmp_path.iterdir()] == ["r.npz"]


def test_any_difference_makes_results_unequal(result):
    changed = result.kernels.copy()
    changed[1, 1, 1] += 1e-6
    assert result != replace(result, kernels=changed)
    assert result != replace(result, order="norm")
    assert result != replace(result, channel=result.channel.astype(np.int32))
    assert result != replace(result, source=replace(result.source, block=1))


def test_results_cannot_be_changed(result):
    with pytest.raises(ValueError, match="read-only"):
        result.kernels[0] = 0
    with pytest.raises(FrozenInstanceError):
        result.order = "norm"


def test_other_files_are_refused_in_a_sentence(result, tmp_path):
    path = result.save(tmp_path / "r.npz")
    with pytest.raises(ResultFileError, match=r"r\.npz: not a saved patch filter .* 'depthwise"):
        PatchFilters.load(path)
    (tmp_path / "text.npz").write_text("hello")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    for name in ("text.npz", "other.npz", "missing.npz"):
        with pytest.raises(ResultFileError, match=name) as refused:
            DepthwiseKernels.load(tmp_path / name)
        assert "Error" not in str(refused.value)


def test_files_of_other_versions_are_refused_as_such(result, tmp_path, monkeypatch):
    """One that lacks a field, and one whose fields have come to mean something else."""
    path, lacking = result.save(tmp_path / "r.npz"), tmp_path / "lacking.npz"
    with np.load(path) as file:
        np.savez(lacking, **{name: file[name] for name in file.files if name != "channel"})
    with pytest.raises(ResultFileError, match=r"lacking\.npz: .* another version .* anew\."):
        DepthwiseKernels.load(lacking)
    monkeypatch.setattr(DepthwiseKernels, "version", 2)
    with pytest.raises(ResultFileError, match=r"r\.npz: .* another version .* anew\."):
        DepthwiseKernels.load(path)
    assert DepthwiseKernels.load(result.save(path)) == result


def test_a_pickle_inside_is_not_run(result, tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    path = tmp_path / "evil.npz"
    np.savez(path, __json__=np.array([Evil()], dtype=object))
    with pytest.raises(ResultFileError, match=r"evil\.npz"):
        DepthwiseKernels.load(path)
    assert not (tmp_path / "ran").exists()


def test_a_wrong_figure_is_answered_with_those_that_there_are(result):
    bare = DepthwiseDescription.__new__(DepthwiseDescription)
    with pytest.raises(Refusal) as refused:
        bare.plot("by-nam")
    names = ", ".join(name.removeprefix("kernels-") for name in bare.figures)
    assert str(refused.value) == f"kernels has no figure 'by-nam'; its figures are {names}."
    with pytest.raises(Refusal, match="a DepthwiseKernels has no figures of its own"):
        result.plot()


def test_what_json_cannot_hold_is_none():
    assert or_none(np.float32(0.5)) == 0.5
    assert type(or_none(np.int64(3))) is float
    assert or_none(np.nan) is or_none(-np.inf) is None


def test_rows_of_a_table_are_as_they_are_but_for_what_is_undefined():
    frame = pd.DataFrame({"n": [1, 2], "x": [1e-20, np.inf], "name": ["a", "b"],
                          "each": [np.array([1.0, np.nan]), np.arange(2)]})  # fmt: skip
    assert records(frame) == [
        {"n": 1, "x": 1e-20, "name": "a", "each": [1.0, None]},
        {"n": 2, "x": None, "name": "b", "each": [0, 1]},
    ]
    json.dumps(records(frame), allow_nan=False)
