"""What drives kernels whose form is planted: names that are right, wrong, random, or idle."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hand_made import described
from PIL import Image

from viz.core.network import Preprocessing
from viz.core.refusal import Nothing, Refusal
from viz.images.sets import open_images
from viz.network.checkpoint import load
from viz.network.convmixer import ConvMixer
from viz.network.saving import save_checkpoint
from viz.network.stages import stages
from viz.sweep.run import sweep_folder
from viz.sweep.tally import Settings
from viz.views import Given, view
from viz.views.preferred_inputs import predictions
from viz.views.preferred_inputs.measure import preferred_inputs
from viz.views.preferred_inputs.result import PreferredInputs

K, LINE = 5, np.arange(5) - 2.0
DIRECTIONS = np.arange(16) * 22.5 + 7


def edges(directions):
    """Kernels that are larger towards a direction (x right, y up), by their angle."""
    angle = np.radians(directions)[:, None, None]
    across = LINE * np.cos(angle) - LINE[:, None] * np.sin(angle)
    return across * np.exp(-(LINE**2 + LINE[:, None] ** 2) / 4)


def spots(n):
    """Half of them brighter in the middle, half darker, none with a mean."""
    spot = np.exp(-(LINE**2 + LINE[:, None] ** 2) / 2)
    return np.where(np.arange(n)[:, None, None] % 2, -1, 1) * (spot - spot.mean())


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    """Twenty-four pictures of 12 x 12 squares, grey by chance."""
    rng = np.random.default_rng(8)
    root = tmp_path_factory.mktemp("noise")
    for i in range(24):
        squares = rng.integers(40, 215, (12, 12, 1), dtype=np.uint8).repeat(3, 2)
        Image.fromarray(squares.repeat(4, 0).repeat(4, 1)).save(root / f"{i:02d}.png")
    return root


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A network whose first maps are the squares; block 0 holds edges, block 1 spots."""
    torch.manual_seed(0)
    network = ConvMixer(16, 2, K, 4, 4).eval()
    with torch.no_grad():
        network.patch_filters.fill_(1 / 48)
        network.patch_embedding.bias.fill_(20.0)
        network.patch_norm.running_mean.fill_(20.0)
        for block, kernels in enumerate((edges(DIRECTIONS), spots(16))):
            network.depthwise_kernels(block).copy_(torch.from_numpy(kernels))
            network.blocks[block].depthwise.bias.zero_()
            # What the first block adds is too little to change the second one's input.
            network.blocks[block].depthwise_norm.weight.fill_(1e-4)
            network.blocks[block].pointwise.weight.copy_(torch.eye(16)[..., None, None])
            network.blocks[block].pointwise.bias.fill_(20.0)
            network.blocks[block].pointwise_norm.running_mean.fill_(20.0)
    how = Preprocessing(48, 1.0, interpolation="bilinear", known="the file")
    path = tmp_path_factory.mktemp("planted") / "planted.safetensors"
    return save_checkpoint(network, path, preprocessing=how)


@pytest.fixture(scope="module")
def checkpoint(file):
    return load(file)


@pytest.fixture(scope="module")
def path(checkpoint, noise, tmp_path_factory):
    path = tmp_path_factory.mktemp("swept") / "a.npz"
    sweep_folder(checkpoint, noise, path, settings=Settings(("top",), n_top=4, field_images=0))
    return path


@pytest.fixture(scope="module")
def swept(path):
    from viz import load_result

    return load_result(path)


def told(checkpoint, directions=DIRECTIONS, names=None, **more):
    """The description that knows what was planted."""
    right = np.array(["edge"] * 16 + ["on-centre", "off-centre"] * 8)
    made = described(checkpoint, names=right if names is None else names)
    nothing = np.zeros((32, 2))
    places = dict.fromkeys(("shape_x", "shape_y", "shape_orientation"), nothing)
    return replace(made, **{
        "source": checkpoint.source, "shape_scale": nothing + 1, **places,
        "shape_direction": nothing + np.append(directions, np.full(16, np.nan))[:, None], **more,
    })  # fmt: skip


@pytest.fixture(scope="module")
def found(checkpoint, swept, noise):
    return preferred_inputs(checkpoint, swept, told(checkpoint), noise)


def input_maps(checkpoint, noise):
    """What each block is given of every picture."""
    entries = {}
    for path in sorted(noise.iterdir()):
        batch = open_images(path, checkpoint.preprocessing).all()
        for s in stages(checkpoint.model, batch.inputs):
            entries.setdefault((s.block, s.name), []).append(s.maps[0].double().numpy())
    return {0: entries[None, "tokens"], 1: entries[0, "output"]}


def top_windows(maps, channel, kernel):
    """The four windows of most response, at most one a picture, each with its picture's average."""
    found = []
    for each in maps:
        padded = np.pad(each[channel], 2)
        windows = [padded[y : y + 5, x : x + 5] for y in range(12) for x in range(12)]
        found.append((max(windows, key=lambda w: (w * kernel).sum()), np.mean(windows, axis=0)))
    return sorted(found, key=lambda pair: -(pair[0] * kernel).sum())[:4]


def test_right_names_agree_where_the_kernel_responds_most_only(found):
    assert found.names == ("on-centre", "off-centre", "edge")
    assert found.count.tolist() == [8, 8, 16]
    assert (found.patches == 4).all()
    assert found.block_count.tolist() == [[16, 0], [0, 16]]
    for name, example in zip(found.names, found.example, strict=True):
        match = found.match[0, found.name == name]
        assert (match <= found.match[0, example]).sum() == len(match) // 2 + 1
    top, elsewhere, shuffled = found.share
    assert (top > 0.97).all()
    np.testing.assert_allclose(elsewhere, found.chance, atol=0.2)
    assert (shuffled < 0.75).all()
    for i, name in enumerate(found.names):
        own = found.agreement[0, found.name == name]
        half = 1.96 * own.std() / np.sqrt(len(own))
        wanted = own.mean() + half * np.array([-1, 1])
        np.testing.assert_allclose(found.share_interval[i], wanted, atol=0.04)
    # The names' shapes are the whole kernels, which have no mean.
    np.testing.assert_allclose(found.lift_name, 1, atol=1e-5)
    np.testing.assert_allclose(found.lift_mean, 0, atol=1e-5)
    assert (found.match[0] > 0.45).all()
    assert np.abs(found.match[1].mean()) < 0.1
    # Patches that drive an edge are, on average, that edge.
    for i in range(16):
        assert np.corrcoef(found.preferred[i].ravel(), found.forms[i].ravel())[0, 1] > 0.7


def test_wrong_names_do_not_agree(checkpoint, swept, noise):
    found = preferred_inputs(checkpoint, swept, told(checkpoint, DIRECTIONS + 180), noise)
    assert found.share[0, 2] < 0.03


def test_a_kernel_that_its_mean_drives_has_an_idle_name(checkpoint, noise, tmp_path):
    from copy import deepcopy

    model = deepcopy(checkpoint.model)
    with torch.no_grad():
        model.depthwise_kernels(0).mul_(0.02).add_(1)
    heavy = replace(checkpoint, model=model)
    swept = sweep_folder(heavy, noise, tmp_path / "b.npz",
                         settings=Settings(("top",), n_top=4, field_images=0))  # fmt: skip
    found = preferred_inputs(heavy, swept, told(heavy), noise)
    edge = found.name == "edge"
    assert (found.lift_mean[edge] > 0.9).all()
    kernel = model.depthwise_kernels(0)[5].double().numpy()
    apart = sum(p - a for p, a in top_windows(input_maps(heavy, noise)[0], 5, kernel))
    assert found.lift_mean[5] == pytest.approx(
        kernel.mean() * apart.sum() / (apart * kernel).sum(), abs=1e-4
    )
    assert (np.abs(found.lift_name[edge]) < 0.1).all()
    assert found.share[0, 2] < 0.5
    # Their taps are nearly alike in any order, and so is where they respond most.
    same = np.isclose(found.match[0, edge], found.match[2, edge], atol=0.02)
    assert same.mean() > 0.5
    assert not np.isclose(found.match[0, edge], found.match[1, edge], atol=0.02).all()
    assert found.block_lift[1, 1, 0] > 0.9 > 0.1 > found.block_lift[1, 1, 1]


def test_numbers_of_single_kernels_against_slow_loops(found, checkpoint, noise):
    before = input_maps(checkpoint, noise)
    for block, channel in ((0, 3), (1, 6), (1, 9)):
        i = int(np.flatnonzero((found.block == block) & (found.channel == channel))[0])
        kernel = checkpoint.model.depthwise_kernels(block)[channel].double().numpy()
        tops = top_windows(before[block], channel, kernel)
        patches = [patch for patch, _ in tops]
        np.testing.assert_allclose(found.preferred[i], np.mean(patches, 0), atol=1e-4)
        wanted = [np.corrcoef(p.ravel(), kernel.ravel())[0, 1] for p in patches]
        assert found.match[0, i] == pytest.approx(np.mean(wanted), abs=1e-5)
        lifts = [((p - a) * kernel).sum() for p, a in tops]
        flat = [((p - a) * (kernel - kernel.mean())).sum() for p, a in tops]
        assert found.lift_name[i] == pytest.approx(np.sum(flat) / np.sum(lifts), abs=1e-4)
        if block == 0:
            slow = []
            for p in patches:
                down, right = np.gradient(p)
                angle = np.degrees(np.arctan2(-down.sum(), right.sum()))
                slow.append(abs((angle - DIRECTIONS[channel] + 180) % 360 - 180) <= 45)
            # Another gradient in another window: alike but for what lies near 45 degrees.
            assert abs(np.mean(slow) - found.agreement[0, i]) <= 0.25
        else:
            plus = np.abs(LINE) + np.abs(LINE)[:, None] <= 1
            inner = [p[plus].mean() > p[~plus].mean() for p in patches]
            assert found.agreement[0, i] == np.mean(np.array(inner) == (channel % 2 == 0))


def test_bumps_are_looked_for_in_their_place_and_size(rng):
    """By slow loops over the taps of patches of noise."""
    scale, x, y = (
        np.array([0.5, 0.9, 1.6, 4.0]),
        np.array([0, 1.0, -2, 0]),
        np.array([0, 2.0, 1, 0]),
    )
    names = np.array(["blob+", "off-centre", "on-centre", "blob-"])
    none = np.zeros((4, 1))
    said = SimpleNamespace(
        name=names, shape_scale=scale[:, None], shape_x=x[:, None], shape_y=y[:, None],
        shape_direction=none, shape_orientation=none,
    )  # fmt: skip
    patches, forms = rng.standard_normal((4, 50, 9, 9)), rng.standard_normal((4, 9, 9))
    got = predictions.agreement(patches, forms, said, np.arange(4))
    for i in range(4):
        radius = min(max(1.18 * scale[i], 0.71), 9 / 4)
        inside = np.array([[np.hypot(c - 4 - x[i], 4 - r - y[i]) <= radius for c in range(9)]
                           for r in range(9)])  # fmt: skip
        sign = 1 if names[i] in ("blob+", "on-centre") else -1
        wanted = [sign * (p[inside].mean() - p[~inside].mean()) > 0 for p in patches[i]]
        np.testing.assert_array_equal(got[i], wanted)


@pytest.mark.parametrize("k", [3, 8, 9])
def test_angles_of_lines_and_edges(k):
    line = np.arange(k) - (k - 1) / 2
    angles = np.arange(0, 360, 15.0)
    rad = np.radians(angles)[:, None, None]
    across = line * -np.sin(rad) - line[:, None] * np.cos(rad)
    along_up = line * np.cos(rad) - line[:, None] * np.sin(rad)
    none = np.full(len(angles), np.nan)  # As of a grating: no place, so about the middle.
    lines = np.exp(-(across**2) / 2)[:, None]
    apart = predictions.line_orientation(lines, none, none)[:, 0] - angles
    assert (np.abs((apart + 90) % 180 - 90) < 6).all()
    apart = predictions.edge_direction(np.tanh(along_up)[:, None] + 7, none, none)[:, 0] - angles
    assert (np.abs((apart + 180) % 360 - 180) < 4).all()
    # A line across above, one up and down below: each is seen where the shape is.
    both = np.zeros((2, 1, 9, 9))
    both[:, :, 1], both[:, :, 5:, 4] = 1, 1
    seen = predictions.line_orientation(both, np.zeros(2), np.array([3.0, -3.0]))[:, 0]
    np.testing.assert_allclose((seen + 45) % 180 - 45, [0, 90], atol=10)
    flat = np.full((len(angles), 1, k, k), 0.1)
    assert np.isnan(predictions.line_orientation(flat, none, none)).all()
    assert np.isnan(predictions.match(flat, lines[:, 0])).all()


def test_dead_channels_are_left_out_and_flat_patches_tell_nothing(checkpoint, swept, noise):
    value = swept.top_value.copy()
    value[swept.row(0, "depthwise"), 3] = 0
    value[swept.row(0, "depthwise"), 4, 1:] = np.nan
    found = preferred_inputs(checkpoint, replace(swept, top_value=value), told(checkpoint), noise)
    assert len(found.block) == 31
    assert 3 not in found.channel[found.block == 0]
    assert found.patches[3] == 1
    forms = spots(1)
    description = told(checkpoint)
    rows = np.array([16])
    for patch, wanted in ((np.ones((K, K)), np.nan), (spots(1)[0] + 3, 1), (3 - spots(1)[0], 0)):
        got = predictions.agreement(patch[None, None], forms, description, rows)
        np.testing.assert_array_equal(got, [[wanted]])


def test_what_is_not_of_this_checkpoint_is_refused(checkpoint, swept, noise):
    with pytest.raises(Refusal, match="description is of elsewhere"):
        other = replace(checkpoint.source, sha256="1" * 64, name="elsewhere")
        preferred_inputs(checkpoint, swept, replace(told(checkpoint), source=other), noise)
    with pytest.raises(Refusal, match="hashes differ"):
        preferred_inputs(checkpoint, replace(swept, source=other), told(checkpoint), noise)
    with pytest.raises(Nothing, match="no kernel both has a name"):
        preferred_inputs(checkpoint, swept, told(checkpoint, names=["unnamed"] * 32), noise)
    with pytest.raises(Refusal, match="kept no top patches"):
        bare = replace(swept, top_value=np.zeros((0, 16, 0)))
        preferred_inputs(checkpoint, bare, told(checkpoint), noise)


def test_progress_file_and_sentence(found, checkpoint, path, noise, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "viz.views.preferred_inputs.card.depthwise_description", lambda c, g: told(c)
    )
    assert PreferredInputs.load(found.save(tmp_path / "a.npz")) == found
    row, steps = view("preferred-inputs"), []
    given = Given(images=lambda: open_images(noise, checkpoint.preprocessing), sweep=path,
                  progress=lambda *at: steps.append(at))  # fmt: skip
    assert row.measure(checkpoint, given) == found
    assert steps[-1][0] == steps[-1][1]
    assert f"{100 * found.share[0, 2]:.0f} % (edges)" in row.sentence(found)
