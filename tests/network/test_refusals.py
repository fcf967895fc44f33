"""What is not a ConvMixer's checkpoint is refused in one sentence, the same on the command line.

It names the file, the first thing that does not fit, and what would.
"""

import gzip
import io
import re
import struct
import tarfile
import warnings
import zipfile

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from foreign_networks import assert_same_logits, official, settle
from safetensors.torch import save_file

from viz.cli import main
from viz.core.refusal import Refusal
from viz.network.checkpoint import load
from viz.network.guards import CheckpointError


def refusal(path):
    """The sentence with which a file is refused: the same in Python and on the command line."""
    with pytest.raises(CheckpointError) as caught:
        load(path)
    text = str(caught.value)
    done = CliRunner().invoke(main, ["info", str(path)])
    assert done.exit_code == 2
    assert done.stderr == f"viz: {text}\n"
    assert done.stdout == ""
    assert isinstance(done.exception, SystemExit)
    # One sentence: one line, one full stop at its end (a name such as Foo.Bar has no space after).
    assert text.startswith(f"{path}: ")
    assert text.endswith(".")
    assert not re.search(r"[.!?]\s+[A-Z]", text)
    assert "\n" not in text
    return text.removeprefix(f"{path}: ")


def saved(path, content, **options):
    torch.save(content, path, **options)
    return path


@pytest.fixture(scope="module")
def network():
    return settle(official())


@pytest.fixture
def whole(network, tmp_path):
    return saved(tmp_path / "whole.pth", network.state_dict())


# Files that are damaged, or something else


@pytest.mark.parametrize("kind", ["zip", "safetensors"])
def test_a_file_cut_anywhere_is_refused(network, tmp_path, kind):
    path = tmp_path / "whole"
    if kind == "safetensors":
        save_file(network.state_dict(), path)
    else:
        saved(path, network.state_dict())
    data = path.read_bytes()
    cut = tmp_path / "cut.pth"
    for length in (9, len(data) // 3, len(data) * 9 // 10, len(data) - 1):
        cut.write_bytes(data[:length])
        text = refusal(cut)
        assert re.search("truncated|damaged|neither", text), (length, text)
        assert re.search("again|expected", text), (length, text)


def files_of_other_kinds(folder):
    def file(name, data):
        (folder / name).write_bytes(data)
        return folder / name

    yield file("empty.pth", b""), "empty (0 bytes)", "copy or download it again"
    yield file("notes.txt", "Ein Textfile, ä\n".encode() * 90), "a text file", "torch.save"
    yield file("page.pth", b"\n<!DOCTYPE html><html>404</html>"), "web page", "torch.save"
    yield file("settings.json", b'{"dim": 128}' * 9), "a text file", "torch.save"
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"
    yield file("lfs.safetensors", pointer), "Git LFS pointer", "git lfs pull"
    yield file("w.h5", b"\x89HDF\r\n\x1a\n" + bytes(90)), "HDF5", "torch.save"
    array = io.BytesIO()
    np.save(array, np.zeros(9))
    yield file("w.npy", array.getvalue()), "a numpy array", "torch.save"
    np.savez(folder / "w.npz", a=np.zeros(9))
    yield folder / "w.npz", "numpy arrays", "written by torch.save"
    yield file("w.pth.gz", gzip.compress(bytes(90))), "gzip", "unpack it first"
    with tarfile.open(folder / "w.tar", "w") as tar:
        tar.add(folder / "notes.txt", "notes.txt")
    yield folder / "w.tar", "a tar archive", "unpack it first"
    with zipfile.ZipFile(folder / "w.zip", "w") as archive:
        archive.writestr("a/readme.md", "words")
    yield folder / "w.zip", "a zip archive of other files", "written by torch.save"
    yield file("p.pkl", b"\x80\x04]q\0."), "plain Python pickle", "torch.save"
    yield file("noise", bytes(range(200, 256))), "c8 c9 ca cb cc cd ce cf", "torch.save"
    header = b'{"x": 1'
    odd = struct.pack("<Q", len(header)) + header + bytes(9)
    yield file("odd.safetensors", odd), "header cannot be read", "download it again"


def test_files_of_other_kinds(tmp_path):
    for path, found, wanted in files_of_other_kinds(tmp_path):
        text = refusal(path)
        assert found in text, (path, text)
        assert wanted in text, (path, text)


def test_a_folder_names_a_checkpoint_inside(tmp_path, whole):
    inner = tmp_path / "inner"
    inner.mkdir()
    assert refusal(inner) == "a folder, not a file; give the path of a checkpoint."
    assert refusal(tmp_path) == "a folder; give one of its files, such as whole.pth."


def test_a_missing_path(tmp_path):
    assert refusal(tmp_path / "gone.pth") == "no such file; check the path."
    assert refusal(tmp_path / ("long" * 70)).startswith("cannot be read (File name too long)")


def test_a_name_that_is_nearly_known():
    with pytest.raises(
        CheckpointError, match=r"convmixer_768_23: no such file.*convmixer_768_32\?$"
    ):
        load("convmixer_768_23")
    with pytest.raises(CheckpointError, match=r"known names are .*convmixer_1536_20[^?]*\.$"):
        load("resnet")


def test_what_cannot_be_loaded_at_all():
    for bad in (3, None, [1], b"bytes"):
        with pytest.raises(CheckpointError, match="expected a path, a name, a state dict or"):
            load(bad)


# Networks that are not ConvMixers


def state_of(keys):
    """A state dict: name=16x3x4x4 is a weight, + its bias, bn16 or ln16 a norm; name:4 a tensor."""
    state = {}
    for name, kind, what in re.findall(r"(\S+?)([=:])(\S+)", keys):
        if what[:2] in ("bn", "ln"):
            leaves = ["weight", "bias"] + ["running_mean", "running_var"] * (what[0] == "b")
            state |= {f"{name}.{leaf}": torch.rand(int(what[2:])) for leaf in leaves}
            if what[0] == "b":
                state[f"{name}.num_batches_tracked"] = torch.tensor(7)
            continue
        shape = [int(n) for n in what.rstrip("+").split("x")]
        state[name + ".weight" * (kind == "=")] = torch.rand(shape)
        if what.endswith("+"):
            state[f"{name}.bias"] = torch.rand(shape[:1])
    return state


def blocks(first, count, keys):
    return " ".join(keys.replace("#", str(n)) for n in range(first, first + count))


def official_keys(block="#.0.fn.0=16x1x5x5+ #.0.fn.2=bn16 #.1=16x16x1x1+ #.3=bn16", first=0):
    return (f"{first}=16x3x4x4+ {first + 2}=bn16 {blocks(first + 3, 3, block)} "
            f"{first + 8}=7x16+")  # fmt: skip


OFFICIAL = official_keys()
TIMM = "stem.0=16x3x4x4+ stem.2=bn16 " + blocks(
    0, 3, "blocks.#.0.fn.0=16x1x5x5+ blocks.#.0.fn.2=bn16 blocks.#.1=16x16x1x1+ blocks.#.3=bn16"
) + " head=7x16+"  # fmt: skip
SHARED = (
    "stem=16x3x4x4+ stem_norm=bn16 "
    + blocks(0, 3, "blocks.#.dw=16x1x5x5+ blocks.#.bn=bn16 blocks.#.pw=16x16x1x1+")
    + " head=7x16+"
)
RESNET = "conv1=64x3x7x7 bn1=bn64 " + blocks(
    0, 2, "layer1.#.conv1=64x64x1x1 layer1.#.bn1=bn64 layer1.#.conv2=64x64x3x3 layer1.#.bn2=bn64"
) + " fc=10x64+"  # fmt: skip
VIT = "cls_token:1x1x24 pos_embed:1x50x24 patch_embed.proj=24x3x8x8+ " + blocks(
    0, 3, "blocks.#.norm1=ln24 blocks.#.norm2=ln24 blocks.#.attn.qkv=72x24+ "
    "blocks.#.attn.proj=24x24+") + " norm=ln24 head=10x24+"  # fmt: skip
CONVNEXT = "stem.0=16x3x4x4+ stem.1=ln16 " + blocks(
    0, 3, "stages.#.dwconv=16x1x7x7+ stages.#.norm=ln16 stages.#.pwconv1=64x16+ "
    "stages.#.pwconv2=16x64+") + " head=7x16+"  # fmt: skip
NOT_CONVMIXERS = [
    (RESNET, "does not fit is conv1.weight (64, 3, 7, 7)", "not depthwise, as in ResNet"),
    (VIT, "does not fit is blocks.0.attn.qkv.weight (72, 24)", "linear layers, as in"),
    (CONVNEXT, "does not fit is stages.0.pwconv1.weight (64, 16)", "as in ConvNeXt"),
    (OFFICIAL.replace("3.0.fn.0=16x1x5x5", "3.0.fn.0=16x1x5x1"),
     "3.0.fn.0.weight (16, 1, 5, 1)", "rectangular kernels"),
    (OFFICIAL.replace("3.0.fn.0=16x1x5x5", "3.0.fn.0=16x16x5x5"),
     "3.0.fn.0.weight (16, 16, 5, 5)", "a full convolution"),
    (OFFICIAL.replace("0=16x3x4x4", "0=16x3x4x8"), "0.weight (16, 3, 4, 8)", "rectangular patches"),
    (OFFICIAL.replace("4.0.fn.0=16x1x5x5", "4.0.fn.0=16x1x3x3"),
     "4.0.fn.0.weight (16, 1, 3, 3)", "(16, 1, 5, 5)"),
    (OFFICIAL.replace("5.1=16x16x1x1", "5.1=32x16x1x1"),
     "5.1.weight (32, 16, 1, 1)", "the width changes"),
    (official_keys("#.0.fn.0=16x1x5x5+ #.1=16x16x1x1+"),
     "no batch norm of 16 channels for 3.0.fn.0.weight", "after each convolution"),
    (OFFICIAL.replace("4.1=16x16x1x1+", "4.1=16x16x1x1"),
     "a bias beside 4.1.weight is missing", "others have one (3.1.bias)"),
    (OFFICIAL.replace("bn", "ln"), "2.running_mean is missing", "GroupNorm"),
    (SHARED, "4 batch norms, first stem_norm.weight, for 7", "used for no two places"),
    (f"{OFFICIAL} 4.gamma:16", "4.gamma (16,)", "lies in block 1"),
    (f"pos_embed:1x16x8x8 {TIMM}", "pos_embed (1, 16, 8, 8)", "which a ConvMixer does not have"),
    (f"0=bn3 {official_keys(first=1)}", "0.weight (3,)", "a further batch norm"),
    ("weight:4x3 bias:4", "does not fit is weight (4, 3)", "it has no convolutions"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        (OFFICIAL.replace(" 8=7x16+", ""), "holds no linear head"),
        (f"{OFFICIAL} 9=3x7+", "ends in 2 linear layers, 8.weight, 9.weight"),
        (OFFICIAL.replace("8=7x16", "8=7x12"),
         r"has a head 8.weight \(7, 12\) that does not take the 16 channels"),
        (OFFICIAL.replace("8=7x16+", "8=bn16 9=7x16+"),
         "has a further norm, 8.weight, before its head"),
    ],
)  # fmt: skip
def test_without_a_linear_head_the_weights_can_be_looked_at(keys, why, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = load(saved(tmp_path / "n.pth", state_of(keys)), activation="gelu")
    assert any(re.search(why, text) for text in loaded.source.warnings)
    assert loaded.config.n_classes == 0
    assert loaded.model.depthwise_kernels(2).shape == (16, 5, 5)
    with pytest.raises(Refusal, match="no linear head"):
        loaded.model(torch.zeros(1, 3, 32, 32))


@pytest.mark.parametrize(("keys", "found", "wanted"), NOT_CONVMIXERS)
def test_other_networks(keys, found, wanted, tmp_path):
    state = state_of(keys)
    for content in (state, {"state_dict": state, "epoch": 1}):
        path = saved(tmp_path / "net", content)
        text = refusal(path)
        assert found in text and wanted in text, text
    # safetensors keeps its tensors in an order of its own, so another one may be the first.
    save_file(state, tmp_path / "other")
    refusal(tmp_path / "other")


def test_parameters_alone_lack_the_batch_norm_statistics(network, tmp_path):
    path = saved(tmp_path / "parameters.pth", dict(network.named_parameters()))
    text = refusal(path)
    assert "2.running_mean is missing" in text
    assert "without its batch-norm statistics; save the whole state_dict()" in text
    assert "LayerNorm" in text


def test_quantised_weights(network, tmp_path):
    state = {k: (v * 10).to(torch.int8) if v.ndim == 4 else v
             for k, v in network.state_dict().items()}  # fmt: skip
    text = refusal(saved(tmp_path / "int8.pth", state))
    assert "0.weight holds int8 numbers; expected floating-point weights" in text


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({}, "an empty dictionary"),
        (3, "a int"),
        (torch.zeros(3, 4), "a single tensor of shape (3, 4)"),
        ({"epoch": 3, "loss": 0.1}, "a dictionary with 'epoch', 'loss'"),
    ],
)
def test_no_network_inside(content, found, tmp_path):
    path = saved(tmp_path / "n.pth", content)
    assert refusal(path) == f"holds {found}; expected the tensors of a network's state_dict()."


# Whole networks: the sentence holds the line that exports a state dict, and that line works


def run_its_line(text):
    (line,) = re.findall(r"`(torch\.save\(.*?\))`", text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(line, {"torch": torch})
    return line


@pytest.mark.parametrize(
    ("wrapped", "place"),
    [(lambda network: network, ""),
     (lambda network: {"epoch": 3, "model": network, "later": 1}, " at ['model']")],
)  # fmt: skip
def test_a_pickled_network(network, wrapped, place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = refusal(saved("my net.pth", wrapped(network)))
    assert f"a pickled object of class torch.nn.modules.container.Sequential{place}," in text
    assert "nothing was executed" in text
    run_its_line(text)
    assert_same_logits(load("my net-weights.pt", activation="gelu").model, network)


class Settings:
    """Of a training, of a class that is not allowed."""


def test_objects_beside_the_weights_do_not_matter(network, tmp_path):
    for beside in ({"config": Settings()}, {"a\nmodel'": Settings()}, {"model": network}):
        content = {**beside, "state_dict": network.state_dict()}
        assert_same_logits(load(saved(tmp_path / "n.pth", content)).model, network)


def test_the_format_before_torch_1_6_is_refused_and_its_line_works(network, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    saved("old.pth", network.state_dict(), _use_new_zipfile_serialization=False)
    text = refusal("old.pth")
    assert "before torch 1.6" in text
    run_its_line(text)
    assert_same_logits(load("old-new.pt").model, network)


def test_torchscript(network, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(network, torch.zeros(1, 3, 32, 32)).save("program.pt")
    text = refusal("program.pt")
    assert "a TorchScript program" in text
    line = run_its_line(text)
    assert line == ("torch.save(torch.jit.load('program.pt').state_dict(), 'program-weights.pt')")
    assert_same_logits(load("program-weights.pt", activation="gelu").model, network)


# Names from the file are shown, but cannot act on a terminal


@pytest.mark.parametrize("name", ["a\x1b[2J\x07.weight", "a\nb.weight", "x\u202ey", "k" * 100_000])
def test_names_in_refusals_are_harmless(name, tmp_path):
    text = refusal(saved(tmp_path / "n.pth", {name: torch.zeros(3, 3)}))
    assert text.isprintable()
    assert len(text) < 1500
    assert "expected a patch embedding" in text
