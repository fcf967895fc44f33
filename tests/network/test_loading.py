"""Files in every form met in the wild, built here in that form, load to the same logits."""

import argparse
import copy
import hashlib
import json
import warnings
import zipfile

import numpy as np
import pytest
import torch
from foreign_networks import TimmLike, assert_same_logits, official, settle, tweetable
from hostile_files import with_metadata
from safetensors.torch import save_file
from torch import nn

from viz.core.network import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from viz.network import checkpoint
from viz.network.checkpoint import load
from viz.network.convmixer import ConvMixer
from viz.network.guards import CheckpointError, CheckpointWarning
from viz.network.saving import save_checkpoint


@pytest.fixture(scope="module")
def network():
    return settle(official())


@pytest.fixture(scope="module")
def averaged():
    return settle(official(), seed=5)


def write(path, content, **options):
    torch.save(content, path, **options)
    return path


# Kinds of file


@pytest.mark.parametrize("name", ["n.pth.tar", "n", "n.safetensors"])
def test_torch_files_are_known_by_content_not_by_suffix(network, tmp_path, name):
    path = write(tmp_path / name, network.state_dict())
    loaded = load(path, activation="gelu")
    assert_same_logits(loaded.model, network)
    assert loaded.source.name == name
    assert loaded.source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert loaded.source.warnings == ()


def test_files_saved_on_a_gpu(network, tmp_path):
    """The location of every storage is rewritten to a GPU's."""
    path = write(tmp_path / "cpu.pth", network.state_dict())
    here, there = b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0"
    gpu = tmp_path / "gpu.pth"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(gpu, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, data.replace(here, there) if "data.pkl" in name else data)
    with pytest.raises(RuntimeError, match="CUDA"):
        torch.load(gpu, weights_only=True)
    assert_same_logits(load(gpu, activation="gelu").model, network)


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("form", ["pth", "safetensors"])
def test_other_precisions(network, tmp_path, kind, form):
    dtype = getattr(torch, kind)
    state = {
        k: v.to(dtype) if v.is_floating_point() else v for k, v in network.state_dict().items()
    }
    path = tmp_path / f"n.{form}"
    save_file(state, path) if form == "safetensors" else torch.save(state, path)
    loaded = load(path, activation="gelu")
    assert loaded.source.dtype == kind
    floats = [t for t in loaded.model.state_dict().values() if t.is_floating_point()]
    assert {t.dtype for t in floats} == {torch.float32}
    rounded = copy.deepcopy(network)
    rounded.load_state_dict({k: v.to(dtype).float() if v.is_floating_point() else v
                             for k, v in network.state_dict().items()})  # fmt: skip
    assert_same_logits(loaded.model, rounded)


# Wrappers


def test_an_optimizer_with_tensors_of_the_weights_shapes_is_not_the_network(network, tmp_path):
    model = copy.deepcopy(network).train()
    adam = torch.optim.Adam(model.parameters())
    model(torch.randn(4, 3, 32, 32)).sum().backward()
    adam.step()
    model.eval()
    content = {"optimizer": adam.state_dict(), "model": model.state_dict()}
    loaded = load(write(tmp_path / "n.pth", content), activation="gelu")
    assert loaded.source.wrapper == "model"
    assert_same_logits(loaded.model, model)


@pytest.mark.parametrize("wrapper", ["state_dict_ema", "average", "EMA"])
def test_averaged_weights_are_preferred_and_choosable(network, averaged, tmp_path, wrapper):
    content = {"state_dict": network.state_dict(), wrapper: averaged.state_dict()}
    path = write(tmp_path / "n.pth", content)
    for ema, expected, place in [
        (None, averaged, wrapper),
        (True, averaged, wrapper),
        (False, network, "state_dict"),
    ]:
        loaded = load(path, ema=ema, activation="gelu")
        assert loaded.source.wrapper == place
        assert_same_logits(loaded.model, expected)


def test_averaged_weights_asked_for_and_absent(network, averaged, tmp_path):
    plain = write(tmp_path / "plain.pth", {"state_dict": network.state_dict(), "model_ema": None})
    assert_same_logits(load(plain, activation="gelu").model, network)
    with pytest.raises(CheckpointError, match=r"no averaged \(EMA\) weights: found state_dict"):
        load(plain, ema=True)
    only = write(tmp_path / "only.pth", {"state_dict_ema": averaged.state_dict()})
    with pytest.raises(CheckpointError, match=r"only averaged \(EMA\) weights"):
        load(only, ema=False)


def test_an_averaged_model_of_torch(network, tmp_path):
    mean = torch.optim.swa_utils.AveragedModel(network)
    assert "n_averaged" in mean.state_dict()
    path = write(tmp_path / "n.pth", mean.state_dict())
    with pytest.warns(CheckpointWarning, match="dropped entries .* n_averaged"):
        loaded = load(path, activation="gelu")
    assert loaded.source.prefix == "module."
    assert loaded.source.dropped == ("n_averaged",)
    assert_same_logits(loaded.model, network)


def test_timms_trainer(tmp_path):
    """Its epoch, arch, optimiser, version, metric and a Namespace of its arguments."""
    network, averaged = settle(TimmLike(act="relu")), settle(TimmLike(act="relu"), seed=3)
    args = argparse.Namespace(
        model="convmixer_768_32", mean=[0.5, 0.4, 0.3], std=(0.2, 0.2, 0.1), img_size=None,
        input_size=[3, 96, 96], crop_pct=0.9, interpolation="bilinear", lr=0.01, act=None,
    )  # fmt: skip
    content = {
        "epoch": 7, "arch": "convmixer_768_32", "state_dict": network.state_dict(),
        "optimizer": torch.optim.SGD(network.parameters(), 0.1).state_dict(), "version": 2,
        "args": args, "state_dict_ema": averaged.state_dict(), "metric": np.float64(71.5),
    }  # fmt: skip
    path = write(tmp_path / "model_best.pth.tar", content)
    # The name is not believed: these weights are a 16/3, so its ReLU is not taken over either.
    with pytest.warns(CheckpointWarning, match="says convmixer_768_32, but .* 16/3"):
        loaded = load(path, activation="relu")
    assert loaded.source.wrapper == "state_dict_ema"
    assert loaded.preprocessing == Preprocessing(
        96, 0.9, (0.5, 0.4, 0.3), (0.2, 0.2, 0.1), "bilinear",
        "the checkpoint's metadata (args: mean, std)",
    )  # fmt: skip
    assert_same_logits(loaded.model, averaged)


def test_weights_that_are_views_of_one_storage(network, tmp_path):
    """Flattened storage, as sharded training leaves it; the rest must not stay in memory."""
    state = network.state_dict()
    floats = {k: v for k, v in state.items() if v.is_floating_point()}
    flat = torch.cat([v.flatten() for v in floats.values()] + [torch.zeros(1_000_000)])
    begin = 0
    for key, value in floats.items():
        state[key] = flat[begin : begin + value.numel()].view_as(value)
        begin += value.numel()
    loaded = load(write(tmp_path / "n.pth", state), activation="gelu")
    assert_same_logits(loaded.model, network)
    sizes = [t.untyped_storage().nbytes() for t in loaded.model.state_dict().values()]
    assert max(sizes) < 4_000


# Files this project writes


def test_own_files_carry_everything(tmp_path):
    network = settle(ConvMixer(12, 2, 3, 2, 3, activation="silu"))
    pre = Preprocessing(64, 1.0, IMAGENET_MEAN, IMAGENET_STD, "bilinear", "somewhere")
    save_checkpoint(
        network, tmp_path / "own.safetensors", preprocessing=pre,
        classes=("a", "b", "c"), training={"recipe": {"epochs": 3}}, dtype=torch.float16,
    )  # fmt: skip
    loaded = load(tmp_path / "own.safetensors")
    assert loaded.config == network.config
    assert loaded.source.activation_source == "the checkpoint's metadata (config: activation)"
    assert loaded.source.dtype == "float16"
    assert loaded.source.warnings == ()
    assert loaded.classes == ("a", "b", "c")
    assert loaded.training == {"recipe": {"epochs": 3}}
    assert (loaded.preprocessing.image_size, loaded.preprocessing.interpolation) == (64, "bilinear")
    assert loaded.preprocessing.crop == 1
    assert loaded.preprocessing.known == "the checkpoint's metadata (preprocessing: mean, std)"
    assert_same_logits(loaded.model, network, tol=2e-2)


@pytest.mark.parametrize("junk", ["nonsense", "[1, 2]", "null", '["one"]',
                                  json.dumps({"image_size": 10**9, "mean": [0], "std": [1]}),
                                  json.dumps({"mean": [0, 0, 0], "std": [1, 0, 1]})])  # fmt: skip
def test_metadata_is_not_believed_over_the_weights(tmp_path, junk):
    names = ("config", "preprocessing", "classes", "training")
    path = tmp_path / "own.safetensors"
    with_metadata(**dict.fromkeys(names, junk))(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = load(path)
    assert loaded.config.dim == 4
    assert loaded.classes == ()
    assert loaded.preprocessing == Preprocessing()


def test_class_names_from_a_file_are_cleaned(tmp_path):
    with_metadata(classes=json.dumps(["a\x1b[31m\n\u202e", "c" * 900]))(
        tmp_path / "own.safetensors"
    )
    assert load(tmp_path / "own.safetensors", activation="gelu").classes == ("a [31m", "c" * 200)


# Class names


def test_class_names_given(network, tmp_path):
    path = write(tmp_path / "n.pth", network.state_dict())
    names = [f"class {i}" for i in range(7)]
    (tmp_path / "lines.txt").write_text("\n".join(names) + "\n\n")
    (tmp_path / "list.json").write_text(json.dumps(names))
    (tmp_path / "index.json").write_text(json.dumps({str(i): names[i] for i in (6, *range(6))}))
    files = tmp_path / "lines.txt", str(tmp_path / "list.json"), tmp_path / "index.json"
    for given in (names, *files):
        assert load(path, activation="gelu", classes=given).classes == tuple(names)
    assert load(path, activation="gelu").classes == ()
    for name, content, said in (
        ("a.txt", b"only\n", "a.txt: 1 class names, but the head has 7"),
        ("a.png", b"\x89PNG\xff\xfe", "cannot be read as text"),
        ("a.json", b'{"a": 1}', "JSON list"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(CheckpointError, match=said):
            load(path, classes=tmp_path / name)


# In memory


@pytest.mark.parametrize(
    ("build", "activation"), [(official, "gelu"), (tweetable, "relu"), (TimmLike, "identity")]
)
def test_a_module_in_memory_tells_its_activation_and_is_never_changed(build, activation):
    network = settle(build(act=activation)).train()
    before = copy.deepcopy(network.state_dict())
    loaded = load(network)
    assert loaded.config.activation == activation
    assert loaded.source.activation_source == "the network's own layers"
    assert loaded.source.name == "in memory"
    with torch.no_grad():
        for tensor in loaded.model.state_dict().values():
            tensor.zero_()
    assert network.training
    torch.testing.assert_close(network.state_dict(), before, rtol=0, atol=0)


def test_a_networks_own_epsilon_is_kept():
    network = settle(official())
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 0.5
    assert_same_logits(load(network).model, network)


@pytest.mark.parametrize(
    ("layer", "name"),
    [(nn.Mish(), "mish"), (nn.LeakyReLU(0.2), "leaky_relu(0.2)"), (nn.ReLU6(), "relu6"),
     (nn.SiLU(inplace=True), "silu"), (nn.ELU(0.5), "elu(0.5)")],
)  # fmt: skip
def test_activations_of_torchs_are_seen_and_used(layer, name):
    network = settle(TimmLike())
    for part in list(network.modules()):
        for key, child in list(part.named_children()):
            if isinstance(child, nn.GELU):
                setattr(part, key, layer)
    settle(network)
    loaded = load(network)
    assert loaded.config.activation == name
    assert_same_logits(loaded.model, network)


class Functional(nn.Module):
    """Its activation is a function, which no layer shows."""

    def __init__(self):
        super().__init__()
        self.inner = TimmLike(act="identity")
        for part in self.inner.modules():
            for key, child in list(part.named_children()):
                if isinstance(child, nn.Identity):
                    delattr(part, key)

    def forward(self, x):
        n, mish = self.inner, nn.functional.mish
        x = n.stem[1](mish(n.stem[0](x)))
        for residual, point, norm in n.blocks:
            x = x + residual.fn[1](mish(residual.fn[0](x)))
            x = norm(mish(point(x)))
        return n.head(x.mean((2, 3)))


def test_an_activation_that_no_layer_shows_is_found_by_comparing():
    network = settle(Functional())
    loaded = load(network)
    assert loaded.config.activation == "mish"
    assert "comparing" in loaded.source.activation_source
    assert_same_logits(loaded.model, network)
    with pytest.raises(CheckpointError, match="differs by"):
        load(network, activation="tanh")


class Changed(nn.Module):
    def __init__(self, before=lambda x: x, after=lambda x: x):
        super().__init__()
        self.inner, self.before, self.after = TimmLike(), before, after

    def forward(self, x):
        return self.after(self.inner(self.before(x)))


def changed(change):
    network = official()
    change(network)
    return network


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (changed(lambda n: setattr(n[0], "stride", (2, 2))), "last batch norm has the shape"),
        (changed(lambda n: setattr(n[3][0].fn[0], "padding_mode", "circular")), "differs by"),
        (changed(lambda n: n[3].__setitem__(0, n[3][0].fn)), "expected a residual around"),
        (changed(lambda n: n[3].__setitem__(2, nn.Tanh())), "different activations .gelu, tanh"),
        (Changed(before=lambda x: (x - 0.5) / 0.2), "differs by"),
        (Changed(after=lambda x: x.softmax(1)), "its logits differs by"),
        (Changed(after=lambda x: x[:, :3]), "its logits has the shape"),
    ],
)
def test_a_network_in_memory_that_computes_something_else_is_refused(network, message):
    with pytest.raises(CheckpointError, match=message):
        load(settle(network))


def test_a_state_dict_in_memory_is_copied_and_hashed_by_content(network):
    state = {k: v.clone() for k, v in network.state_dict().items()}
    first = load(state, activation="gelu")
    again = load(dict(reversed(state.items())), activation="gelu")
    assert first.source.sha256 == again.source.sha256
    assert len(first.source.sha256) == 64
    state["8.bias"][0] += 1
    assert first.model.head.bias[0] != state["8.bias"][0]
    assert load(state, activation="gelu").source.sha256 != first.source.sha256


def test_tensors_without_values_of_their_own_are_refused(network):
    state = network.state_dict()
    for bad, message in [
        (torch.zeros(1, device="meta").expand(16), "meta device"),
        (torch.zeros(1).expand(16), "expanded view"),
        (torch.zeros(16).to_sparse(), "sparse"),
    ]:
        with pytest.raises(CheckpointError, match=f"0.bias is .*{message}"):
            load({**state, "0.bias": bad})


# What is returned


def test_the_loaded_network_is_ready_to_look_at(network, tmp_path):
    loaded = load(write(tmp_path / "n.pth", network.train().state_dict()), activation="gelu")
    network.eval()
    assert not loaded.model.training
    assert not any(p.requires_grad for p in loaded.model.parameters())
    x = loaded.model.embed(torch.zeros(2, 3, 32, 32))
    assert x.is_contiguous(memory_format=torch.channels_last)
    assert loaded.preprocessing == Preprocessing()
    grey = load(settle(official(c=1), 1)).preprocessing
    assert (grey.mean, grey.std, grey.known[:7]) == ((0.0,), (1.0,), "assumed")


def test_weights_that_are_not_finite_load_and_say_where(network, tmp_path):
    state = {k: v.clone() for k, v in network.state_dict().items()}
    state["4.1.weight"].view(-1)[:2] = torch.tensor([float("nan"), float("inf")])
    path = write(tmp_path / "nan.pth", state)
    message = r"nan.pth: 2 weights are not finite .*, in 1 of 51 tensors, first in "
    with pytest.warns(CheckpointWarning, match=message + r"blocks.1.pointwise.weight \(key 4.1"):
        loaded = load(path, activation="gelu")
    assert not loaded.model.blocks[1].pointwise.weight.isfinite().all()
    assert "not finite" in loaded.source.warnings[0]


def test_negative_variances_warn(network):
    state = {k: v.clone() for k, v in network.state_dict().items()}
    state["3.3.running_var"][2] = -1
    with pytest.warns(CheckpointWarning, match="blocks.0.pointwise_norm.running_var has negative"):
        load(state, activation="gelu")


def test_a_file_that_changes_while_it_is_read_is_refused(network, tmp_path, monkeypatch):
    path = write(tmp_path / "n.pth", network.state_dict())
    fetch = checkpoint._fetch

    def touch_and_fetch(*args):
        with path.open("ab") as file:
            file.write(b"more")
        return fetch(*args)

    monkeypatch.setattr(checkpoint, "_fetch", touch_and_fetch)
    with pytest.raises(CheckpointError, match="changed while it was being read"):
        load(path, activation="gelu")
