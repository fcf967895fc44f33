"""What holds for every view alike: its command, its folder, its result, its figures."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from photographs import noise
from planted_kernels import planted
from quick import small_nulls
from readable import unfit_of
from spoken import WITHOUT_NULL, judged

from viz.cli import main
from viz.core.network import Preprocessing
from viz.core.refusal import Refusal
from viz.network.convmixer import ConvMixer
from viz.network.saving import save_checkpoint
from viz.report.folder import FORMATS
from viz.views import VIEWS
from viz.views.base import kernel_name, numbers

LONG = "a_checkpoint_with_a_very_long_name_$of_convmixer_1536_20_漢"
# Dim and depth: kernels that have names, and as many blocks as a published network.
SHAPES = {"usual": (12, 3), LONG: (6, 20)}
OPTIONS = {
    "attribution": "--quick --steps 2 --samples 2 --method saliency --method grad-cam",
    "clusters": "--n-clusters 2",
    "substitution": "--crops 2",
    "top-patches": "--most 2 --shown 2",
}
ROWS = pytest.mark.parametrize("row", VIEWS, ids=lambda row: row.name)
USUAL = pytest.mark.parametrize("made", ["usual"], indirect=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Six pictures in two class folders, and a text in disguise."""
    names = (f"{'ab'[i % 2]}/{i}.png" for i in range(6))
    root = noise(tmp_path_factory.mktemp("pictures"), *names, size=(32, 36))
    (root / "broken.jpg").write_text("no image")
    return root


@pytest.fixture(scope="module")
def made(request, folder, tmp_path_factory, stub_save):
    """Runs a view's command once: its arguments, its folder, what it printed."""
    dim, depth = SHAPES[request.param]
    torch.manual_seed(0)
    network, kept = ConvMixer(dim, depth, 7, 4, 4).eval(), {}
    taps = [planted(name, 7, dim // 3) for name in ("edge", "blob+", "identity")]
    with torch.no_grad():
        for block in range(depth):
            network.depthwise_kernels(block).copy_(torch.from_numpy(np.concatenate(taps)))
    root = tmp_path_factory.mktemp("made")
    file = save_checkpoint(
        network, root / f"{request.param}.safetensors", classes=tuple("wxyz"),
        preprocessing=Preprocessing(32, 1.0, interpolation="bilinear", known="the file"),
    )  # fmt: skip

    def run(row):
        if row.name not in kept:
            words = [row.name, file, *([folder] if row.images else []),
                     *OPTIONS.get(row.name, "").split()]  # fmt: skip
            words, out = [str(word) for word in words], root / row.name
            done = CliRunner().invoke(main, [*words, "-o", str(out), "--json"])
            assert done.exit_code == 0, done.output
            kept[row.name] = words, out, done
        return kept[row.name]

    with small_nulls(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("viz.report.folder.save_figure", stub_save)
        yield run


@ROWS
@USUAL
def test_a_folder_holds_every_figure_the_numbers_and_the_table(made, row):
    _, out, done = made(row)
    names = [f.name for f in row.figures]
    names += [f"{f.name}-one-column" for f in row.figures if f.narrow]
    expected = {f"{name}{suffix}" for name in names for suffix in FORMATS}
    expected |= {f"{row.name}.{kind}" for kind in ("npz", "csv", "json")}
    expected.add(f"{row.name}-captions.txt")
    assert {path.name for path in out.iterdir()} == expected
    assert json.loads(done.stdout) == json.loads((out / f"{row.name}.json").read_text("utf-8"))
    if row.images == "needed":
        assert "1 of 7 images skipped: broken.jpg: not an image" in done.stderr


@ROWS
@USUAL
def test_a_result_comes_back_equal_and_tells_the_same(made, row, tmp_path):
    _, out, done = made(row)
    result = row.load(out / f"{row.name}.npz")
    assert row.load(result.save(tmp_path / "again.npz")) == result
    told = json.loads(json.dumps(row.summary(result), allow_nan=False))
    assert told == json.loads(done.stdout)
    with (out / f"{row.name}.csv").open() as table:
        assert sum(1 for _ in table) >= 1 + len(result.to_frame())


@ROWS
@USUAL
def test_a_file_holds_the_main_figure_and_without_one_the_finding_is_said(made, row, tmp_path):
    words, out, _ = made(row)
    result, measure = row.load(out / f"{row.name}.npz"), row.measure
    object.__setattr__(row, "measure", lambda *given, **options: result)
    try:
        drawn = CliRunner().invoke(main, [*words, "-o", str(tmp_path / "main.svg")])
        alone = CliRunner().invoke(main, words)
    finally:
        object.__setattr__(row, "measure", measure)
    assert drawn.exit_code == alone.exit_code == 0, drawn.output + alone.output
    assert drawn.stdout.strip() == str(tmp_path / "main.svg")
    assert (tmp_path / "main.svg").read_bytes().startswith(b"<?xml")
    said = row.sentence(result) if row.sentence else ""
    assert alone.stdout.strip() == said.strip()
    assert "1 blocks" not in said
    if said:
        judged(said, null=row.name not in WITHOUT_NULL)
    assert "-o FILE" in alone.stderr
    # What was found is said once, for people.
    lines = drawn.stderr.splitlines()
    assert len(set(lines)) == len(lines)


GIVEN = {bool: ("", True), int: ("3", 3), float: ("3", 3.0), str: ("some", "some"),
         numbers: ("0-1", [0, 1]), kernel_name: ("edge", "edge")}  # fmt: skip


@ROWS
def test_every_option_reaches_the_measure(row, small_file, tmp_path):
    got, words = {}, [row.name, str(small_file), "-o", str(tmp_path / "a.svg")]
    expected = {}
    for option in row.options:
        text, value = GIVEN.get(option.kind, ("1,2", (1, 2)))
        if isinstance(option.kind, tuple):
            text = value = option.kind[-1]
        flag = f"--{option.name.replace('_', '-')}"
        if option.kind is bool and option.default:
            flag, value = f"--no-{flag[2:]}", False
        words += [flag, *([text] if text else [])]
        expected[option.name] = (value,) if option.many else value

    def measure(checkpoint, given, **options):
        got.update(options)
        raise Refusal("enough.")

    before = row.measure
    object.__setattr__(row, "measure", measure)
    try:
        done = CliRunner().invoke(main, words)
    finally:
        object.__setattr__(row, "measure", before)
    assert done.stderr.endswith("viz: enough.\n"), done.output
    drawn = {option.name for option in row.options if option.draws}
    assert got == {name: value for name, value in expected.items() if name not in drawn}


@ROWS
@USUAL
def test_every_way_of_drawing_draws(made, row):
    _, out, _ = made(row)
    result = row.load(out / f"{row.name}.npz")
    for option in row.options:
        for value in option.kind if option.draws and isinstance(option.kind, tuple) else ():
            if value != "sweep":
                row.figures[0].make(result, **{option.name: value})


@pytest.mark.slow
@ROWS
@pytest.mark.parametrize("made", [LONG], indirect=True)
def test_figures_of_twenty_blocks_and_a_long_name_go_into_a_paper(made, row):
    _, out, _ = made(row)
    result = row.load(out / f"{row.name}.npz")
    assert unfit_of(row.figures, result, (LONG, *getattr(result, "image_names", ()))) == []
