"""What is not a ConvMixer's checkpoint is refused in one sentence, the same on the command line.

It names the file, the first thing that does not fit, and what would.
"""

import gzip
import io
import json
import re
import struct
import tarfile
import warnings
import zipfile

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from foreign_networks import TimmLike, assert_same_logits, official, settle
from safetensors.torch import save_file
from torch import nn

from viz.cli import main
from viz.core.refusal import Refusal
from viz.network.checkpoint import CheckpointError, inspect, load
from viz.network.convmixer import ConvMixer


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
    for share in (0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99):
        cut.write_bytes(data[: int(share * len(data))])
        text = refusal(cut)
        assert re.search("truncated|damaged|neither|empty", text), (share, text)
        assert re.search("again|expected", text), (share, text)
    cut.write_bytes(data[:-1])
    assert re.search("truncated|damaged", refusal(cut))


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
    yield file("w.bz2", b"BZh91AY&SY" + bytes(90)), "bzip2", "unpack it first"
    yield file("w.xz", b"\xfd7zXZ\0" + bytes(90)), "xz", "unpack it first"
    with tarfile.open(folder / "w.tar", "w") as tar:
        tar.add(folder / "notes.txt", "notes.txt")
    yield folder / "w.tar", "a tar archive", "unpack it first"
    with zipfile.ZipFile(folder / "w.zip", "w") as archive:
        archive.writestr("a/readme.md", "words")
    yield folder / "w.zip", "a zip archive of other files", "written by torch.save"
    with zipfile.ZipFile(folder / "none.zip", "w"):
        pass
    yield folder / "none.zip", "an empty zip archive", "torch.save"
    yield file("p.png", b"\x89PNG\r\n\x1a\n" + bytes(90)), "a picture", "torch.save"
    yield file("p.jpg", b"\xff\xd8\xff\xe0" + bytes(90)), "a picture", "torch.save"
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


class Bottleneck(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(n, n, 1, bias=False), nn.BatchNorm2d(n)
        self.conv2, self.bn2 = nn.Conv2d(n, n, 3, padding=1, bias=False), nn.BatchNorm2d(n)


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        self.layer1 = nn.Sequential(Bottleneck(64), Bottleneck(64))
        self.fc = nn.Linear(64, 10)


class Attention(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(n), nn.LayerNorm(n)
        self.attn = nn.ModuleDict({"qkv": nn.Linear(n, 3 * n), "proj": nn.Linear(n, n)})


class VisionTransformer(nn.Module):
    def __init__(self, n=24):
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, n))
        self.pos_embed = nn.Parameter(torch.zeros(1, 50, n))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, n, 8, 8)})
        self.blocks = nn.Sequential(*(Attention(n) for _ in range(3)))
        self.norm, self.head = nn.LayerNorm(n), nn.Linear(n, 10)


class SplitDepthwise(nn.Module):
    """A depthwise kernel as a column after a row."""

    def __init__(self, dim, k):
        super().__init__()
        pad = nn.ZeroPad2d(((k - 1) // 2, k // 2, (k - 1) // 2, k // 2))
        self.conv = nn.Sequential(
            pad,
            nn.Conv2d(dim, dim, (k, 1), groups=dim),
            nn.Conv2d(dim, dim, (1, k), groups=dim),
        )


def split_depthwise():
    net = official(dim=128, depth=2, k=8)
    for block in (net[3], net[4]):
        block[0].fn[0] = SplitDepthwise(128, 8)
    return net


def full_convolutions():
    net = official()
    net[3][0].fn[0] = nn.Conv2d(16, 16, 5, padding="same")
    return net


def tall_kernels():
    net = official()
    net[3][0].fn[0] = nn.Conv2d(16, 16, (5, 3), groups=16, padding="same")
    return net


def one_other_kernel_size():
    net = official()
    net[4][0].fn[0] = nn.Conv2d(16, 16, 3, groups=16, padding="same")
    return net


def narrower_head():
    net = official()
    net[8] = nn.Linear(12, 7)
    return net


def wider_pointwise():
    net = official()
    net[5][1] = nn.Conv2d(16, 32, 1)
    return net


def no_batch_norm():
    net = official()
    for n in (3, 4, 5):
        net[n][0].fn[2], net[n][3] = nn.Identity(), nn.Identity()
    return net


def no_biases():
    net = official()
    net[4][1] = nn.Conv2d(16, 16, 1, bias=False)
    return net


def more_after_the_head():
    return nn.Sequential(*official(), nn.Linear(7, 3))


class SqueezeExcite(nn.Module):
    """Inside each block, after the pointwise convolution; as convolutions or linear layers."""

    def __init__(self, linear):
        super().__init__()
        self.down, self.up = (nn.Linear(16, 4), nn.Linear(4, 16)) if linear else (
            nn.Conv2d(16, 4, 1), nn.Conv2d(4, 16, 1))  # fmt: skip


def squeeze_excite(linear):
    net = official()
    for n in (3, 4, 5):
        net[n].append(SqueezeExcite(linear))
    return net


def other_norms(make):
    net = official()
    net[2] = make()
    for n in (3, 4, 5):
        net[n][0].fn[2], net[n][3] = make(), make()
    return net


class Shared(nn.Module):
    """One batch norm for both halves of each block, held once or under two names."""

    def __init__(self, twice):
        super().__init__()
        self.stem, self.stem_norm = nn.Conv2d(3, 16, 4, 4), nn.BatchNorm2d(16)
        self.blocks = nn.ModuleList()
        for _ in range(3):
            norm = nn.BatchNorm2d(16)
            block = nn.ModuleDict({"dw": nn.Conv2d(16, 16, 5, padding=2, groups=16), "bn": norm})
            block["pw"] = nn.Conv2d(16, 16, 1)
            if twice:
                block["bn2"] = norm
            self.blocks.append(block)
        self.head = nn.Linear(16, 7)


def second_norm():
    net = official()
    for n in (3, 4, 5):
        net[n].insert(1, nn.BatchNorm2d(16))
    return net


def layer_scale():
    net = official()
    net[4].register_parameter("gamma", nn.Parameter(torch.ones(16)))
    return net


def prelu():
    net = TimmLike()
    net.act = nn.PReLU()
    return net


def position_embedding():
    net = TimmLike()
    net.pos_embed = nn.Parameter(torch.zeros(1, 16, 8, 8))
    return net


def input_norm():
    return nn.Sequential(nn.BatchNorm2d(3), *official())


def convnext():
    block = lambda: nn.ModuleDict({  # noqa: E731
        "dwconv": nn.Conv2d(16, 16, 7, padding=3, groups=16), "norm": nn.LayerNorm(16),
        "pwconv1": nn.Linear(16, 64), "pwconv2": nn.Linear(64, 16)})  # fmt: skip
    stem = nn.Sequential(nn.Conv2d(3, 16, 4, 4), nn.LayerNorm(16))
    return nn.ModuleDict({"stem": stem, "stages": nn.Sequential(*(block() for _ in range(3))),
                          "head": nn.Linear(16, 7)})  # fmt: skip


def mobilenet():
    def unit(i, o, k, g=1):
        return [nn.Conv2d(i, o, k, padding=k // 2, groups=g, bias=False), nn.BatchNorm2d(o)]

    def block(i, o):
        return nn.Sequential(*unit(i, 6 * i, 1), *unit(6 * i, 6 * i, 3, 6 * i), *unit(6 * i, o, 1))

    return nn.Sequential(*unit(3, 16, 3), block(16, 24), block(24, 32), nn.Linear(32, 7))


def mobilenet_v1():
    def block(i, o):
        return nn.Sequential(nn.Conv2d(i, i, 3, padding=1, groups=i), nn.BatchNorm2d(i),
                             nn.Conv2d(i, o, 1), nn.BatchNorm2d(o))  # fmt: skip

    return nn.Sequential(nn.Conv2d(3, 32, 3), nn.BatchNorm2d(32), block(32, 64), block(64, 64),
                         block(64, 64), block(64, 128), nn.Linear(128, 7))  # fmt: skip


class MlpMixer(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 4, 4)
        self.blocks = nn.Sequential(*(
            nn.ModuleDict({"norm1": nn.LayerNorm(16), "tokens": nn.Linear(64, 32),
                           "norm2": nn.LayerNorm(16), "channels": nn.Linear(16, 64)})
            for _ in range(3)))  # fmt: skip
        self.head = nn.Linear(16, 7)


def tall_patches():
    net = official()
    net[0] = nn.Conv2d(3, 16, (4, 8), (4, 8))
    return net


def one_more_convolution():
    return nn.Sequential(*official(), nn.Conv2d(16, 16, 3))


NOT_CONVMIXERS = [
    (ResNet, "does not fit is conv1.weight (64, 3, 7, 7)", "not depthwise, as in ResNet"),
    (
        VisionTransformer,
        "does not fit is blocks.0.attn.qkv.weight (72, 24)",
        "linear layers, as in",
    ),
    (MlpMixer, "does not fit is blocks.0.tokens.weight (32, 64)", "MLP-Mixer"),
    (convnext, "does not fit is stages.0.pwconv1.weight (64, 16)", "as in ConvNeXt"),
    (mobilenet, "does not fit is ", "the width changes, as in ConvNeXt or MobileNet"),
    (mobilenet_v1, "does not fit is 2.2.weight (64, 32, 1, 1)", "the width changes"),
    (split_depthwise, "3.0.fn.0.conv.1.weight (128, 1, 8, 1)", "rectangular kernels"),
    (full_convolutions, "3.0.fn.0.weight (16, 16, 5, 5)", "a full convolution"),
    (tall_kernels, "3.0.fn.0.weight (16, 1, 5, 3)", "rectangular kernels"),
    (tall_patches, "0.weight (16, 3, 4, 8)", "rectangular patches"),
    (one_other_kernel_size, "4.0.fn.0.weight (16, 1, 3, 3)", "(16, 1, 5, 5)"),
    (wider_pointwise, "5.1.weight (32, 16, 1, 1)", "the width changes"),
    (no_batch_norm, "no batch norm of 16 channels for 3.0.fn.0.weight", "after each convolution"),
    (no_biases, "a bias beside 4.1.weight is missing", "others have one (3.1.bias)"),
    (lambda: squeeze_excite(False), "3.4.", "lies in block 0"),
    (lambda: squeeze_excite(True), "3.4.", "lies in block 0"),
    (lambda: other_norms(lambda: nn.GroupNorm(4, 16)), "2.running_mean is missing", "GroupNorm"),
    (lambda: other_norms(lambda: nn.LayerNorm(16)), "2.running_mean is missing", "LayerNorm"),
    (lambda: Shared(False), "one of them (", "is used for two places"),
    (second_norm, "3.1.weight (16,)", "lies in block 0"),
    (layer_scale, "4.gamma (16,)", "lies in block 1"),
    (prelu, "act.weight (1,)", "which a ConvMixer does not have"),
    (position_embedding, "pos_embed (1, 16, 8, 8)", "which a ConvMixer does not have"),
    (input_norm, "0.weight (3,)", "a further batch norm"),
    (one_more_convolution, "9.weight (16, 16, 3, 3)", "a full convolution"),
    (lambda: nn.Linear(3, 4), "does not fit is weight (4, 3)", "it has no convolutions"),
]


def test_a_norm_under_two_names_is_one_norm(tmp_path):
    text = refusal(saved(tmp_path / "n.pth", Shared(True).state_dict()))
    assert "one batch norm is used for two places, blocks.0.bn.weight and blocks.0.bn2." in text


@pytest.mark.parametrize(
    ("build", "why"),
    [
        (lambda: nn.Sequential(*list(official())[:-1]), "holds no linear head"),
        (more_after_the_head, "ends in 2 linear layers, 8.weight, 9.weight"),
        (narrower_head, r"has a head 8.weight \(7, 12\) that does not take the 16 channels"),
        (lambda: nn.Sequential(*list(official())[:-1], nn.BatchNorm1d(16), nn.Linear(16, 7)),
         "has a further norm, 8.weight, before its head"),
    ],
)  # fmt: skip
def test_without_a_linear_head_the_weights_can_be_looked_at(build, why, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = load(saved(tmp_path / "n.pth", build().state_dict()), activation="gelu")
    assert any(re.search(why, text) for text in loaded.source.warnings)
    assert loaded.config.n_classes == 0
    assert loaded.model.depthwise_kernels(2).shape == (16, 5, 5)
    with pytest.raises(Refusal, match="no linear head"):
        loaded.model(torch.zeros(1, 3, 32, 32))


@pytest.mark.parametrize(("build", "found", "wanted"), NOT_CONVMIXERS)
@pytest.mark.parametrize("form", ["pth", "safetensors", "wrapped"])
def test_other_networks(build, found, wanted, form, tmp_path):
    state, path = build().state_dict(), tmp_path / "net"
    if form == "safetensors":
        save_file(state, path)
    else:
        saved(path, {"state_dict": state, "epoch": 1} if form == "wrapped" else state)
    text = refusal(path)
    # safetensors keeps its tensors in an order of its own, so another one may be the first.
    if form != "safetensors":
        assert any(each in text for each in found.split("|")), text
        assert wanted in text, text
    with pytest.raises(CheckpointError):
        inspect(path)


@pytest.mark.parametrize("build", [official, TimmLike])
def test_parameters_alone_lack_the_batch_norm_statistics(build, tmp_path):
    net = build()
    first = {official: "2", TimmLike: "stem.2"}[build]
    path = saved(tmp_path / "parameters.pth", dict(net.named_parameters()))
    text = refusal(path)
    assert f"{first}.running_mean is missing" in text
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
        ([], "a list"),
        (3, "a int"),
        (torch.zeros(3, 4), "a single tensor of shape (3, 4)"),
        ({"epoch": 3, "loss": 0.1}, "a dictionary with 'epoch', 'loss'"),
        ({"optimizer": {"state": {0: torch.zeros(4, 4)}}}, "a dictionary with 'optimizer'"),
    ],
)
def test_no_network_inside(content, found, tmp_path):
    path = saved(tmp_path / "n.pth", content)
    assert refusal(path) == f"holds {found}; expected the tensors of a network's state_dict()."


# Whole networks: the sentence holds the line that exports a state dict, and that line works


def run_its_line(text, count=1):
    lines = re.findall(r"`(torch\.save\(.*?\))`", text)
    assert len(lines) == count
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(lines[0], {"torch": torch})
    return lines[0]


@pytest.mark.parametrize(
    ("build", "kind"),
    [
        (official, "torch.nn.modules.container.Sequential"),
        (TimmLike, "foreign_networks.TimmLike"),
        (lambda: ConvMixer(16, 3, 5, 4, 7), "viz.network.convmixer.ConvMixer"),
    ],
)
def test_a_pickled_network(build, kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = settle(build())
    text = refusal(saved("my net.pth", net))
    assert f"a pickled object of class {kind}," in text
    assert "nothing was executed" in text
    line = run_its_line(text)
    assert line == (
        "torch.save(torch.load('my net.pth', weights_only=False).state_dict(), 'my net-weights.pt')"
    )
    assert_same_logits(load("my net-weights.pt", activation="gelu").model, net)


@pytest.mark.parametrize("others", [{}, {"epoch": 3, "note": "a"}])
def test_a_network_pickled_inside_a_dictionary(others, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = settle(TimmLike())
    text = refusal(saved("n.pth", {**others, "model": net, "later": 1}))
    assert "a pickled object of class foreign_networks.TimmLike at ['model']," in text
    run_its_line(text)
    assert_same_logits(load("n-weights.pt", activation="gelu").model, net)


class Settings:
    """Of a training, of a class that is not allowed."""


@pytest.mark.parametrize("key", ["config", "{model}", "model'", "a\nmodel"])
def test_an_object_beside_the_weights_does_not_matter(network, key, tmp_path):
    content = {"model": network.state_dict(), key: Settings()}
    assert_same_logits(load(saved(tmp_path / "n.pth", content)).model, network)


def test_a_network_beside_its_weights_does_not_matter(network, tmp_path):
    content = {"model": network, "state_dict": network.state_dict()}
    assert_same_logits(load(saved(tmp_path / "n.pth", content)).model, network)


def test_the_format_before_torch_1_6_is_refused_and_its_line_works(network, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    saved("old.pth", network.state_dict(), _use_new_zipfile_serialization=False)
    text = refusal("old.pth")
    assert "before torch 1.6" in text
    run_its_line(text)
    assert_same_logits(load("old-new.pt").model, network)


@pytest.mark.parametrize("make", ["script", "trace"])
def test_torchscript(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = settle(official())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        x = torch.zeros(1, 3, 32, 32)
        program = torch.jit.script(net) if make == "script" else torch.jit.trace(net, x)
        program.save("program.pt")
    text = refusal("program.pt")
    assert "a TorchScript program" in text
    line = run_its_line(text)
    assert line == ("torch.save(torch.jit.load('program.pt').state_dict(), 'program-weights.pt')")
    assert_same_logits(load("program-weights.pt", activation="gelu").model, net)


# Names from the file are shown, but cannot act on a terminal


@pytest.mark.parametrize("name", ["a\x1b[2J\x07.weight", "a\nb.weight", "x\u202ey", "k" * 100_000])
def test_names_in_refusals_are_harmless(name, tmp_path):
    text = refusal(saved(tmp_path / "n.pth", {name: torch.zeros(3, 3)}))
    assert text.isprintable()
    assert len(text) < 1500
    assert "expected a patch embedding" in text


def test_a_safetensors_file_with_a_key_that_is_no_text(tmp_path):
    header = json.dumps({"\ud800": {"dtype": "F32", "shape": [1, 1], "data_offsets": [0, 4]}})
    path = tmp_path / "n.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header.encode() + bytes(4))
    assert refusal(path).isprintable()
