"""A kernel's own page: what it tells is what the measures say, and its lists walk as they say."""

from dataclasses import replace

import numpy as np
import pytest
from visiting import fine, sentences, type_lines

from viz.views import Given
from viz.views.ablation.result import Removal
from viz.views.described import depthwise_description, patch_description
from viz.views.feature_maps.result import FeatureMaps
from viz.views.one_filter.result import FilterFit
from viz.views.one_kernel.result import Partners, ShapeFit, Standing
from viz.views.top_patches.result import TopPatches
from viz.views.weights.measure import named_kernels
from viz.views.weights.result import DepthwiseKernels


@pytest.fixture(scope="session")
def whole(small_file):
    """The small network's description, made once."""
    from viz.network.checkpoint import load

    return depthwise_description(load(small_file), Given())


@pytest.fixture
def named(whole, monkeypatch):
    """Every third kernel an edge, every third off-centre; the rest is unnamed."""
    names = np.array(["edge", "off-centre", "unnamed"])[np.arange(48) % 3]
    found = replace(whole, name=names, guess=names, second=np.full(48, "bar"))
    for module in ("kernels", "on_images"):
        monkeypatch.setattr(f"viz.explorer.{module}.depthwise_description", lambda c, g: found)
    monkeypatch.setattr("viz.views.kernels.measure.describe_checkpoint", lambda *a, **o: found)
    return found


PARTNERS = "Partners: what it listens to, and what listens to it"


def folds(app):
    """Return what the page folds up, in order, apart from links in numbers."""
    labels = [e.label for e in app.main.expander]
    return [label for label in labels if label != "Links in numbers"]


def test_the_page_says_what_it_is(open_app, named):
    app = open_app("kernel", block="1", channel="2")
    assert fine(app)
    row = 18  # 18 % 3 = 0: an edge
    assert named.name[row] == "edge"
    sentence = named.sentence(row)
    assert f"**{sentence[0].upper()}{sentence[1:]}**" in sentences(app.markdown)
    share = np.mean([i % 3 == 0 for i in range(16, 32)])
    assert any(f". {100 * share:.0f} % of block 1's kernels" in c for c in sentences(app.caption))
    assert folds(app) == [
        "As a sum of shapes, and among the other kernels",
        PARTNERS,
        "What it makes of a photograph",
        "What is answered without it",
        "Frequency response, weights in numbers, downloads",
        "How this is measured, and what it cannot tell",
    ]


def test_the_walk_keeps_to_the_name(open_app, named, undrawn):
    """From a kernel of another name Next enters the walk; then it goes round in it."""
    wanted = named_kernels(named, blocks=[2], per_block=None, order="name", name="edge")
    members = wanted.channel.tolist()
    assert sorted(members) == [c for c in range(16) if (32 + c) % 3 == 0]
    outside = next(c for c in range(16) if c not in members)
    app = open_app("kernel", block="2", channel=str(outside), order="name", name="edge")
    assert any(c == f"not among the {len(members)} of this name" for c in sentences(app.caption))
    seen = []
    for press in ("Next", "Next", "Previous", "Previous"):
        next(b for b in app.button if b.label == press).click().run()
        seen.append(int(app.query_params["channel"]))
    assert fine(app)
    assert seen == [members[0], members[1], members[0], members[-1]]
    assert app.query_params["name"] == "edge"


def test_a_kernel_that_is_not_finite(open_app, undrawn, tmp_path, small_file):
    """One tap that is no number: that kernel has no name, the others are described."""
    import torch

    from viz.network.checkpoint import load
    from viz.network.saving import save_checkpoint

    network = load(small_file).model
    with torch.no_grad():
        network.depthwise_kernels(0)[5, 0, 0] = float("nan")
    path = save_checkpoint(network, tmp_path / "broken.safetensors")
    for channel, described in (("5", False), ("6", True)):
        app = open_app("kernel", given=(path,), block="0", channel=channel)
        assert not app.exception
        assert any("not finite numbers" in s for s in sentences(app.info)) is not described
        assert any("sum of shapes" in label for label in folds(app)) is described
        assert PARTNERS in folds(app)


def test_every_section_is_taken_home(open_app, named, undrawn, monkeypatch, tmp_path):
    """The lines shown make what the page shows."""
    app = open_app("kernel", block="0", channel="3")
    assert fine(app)
    monkeypatch.chdir(tmp_path)
    type_lines(app)
    kinds = {"shapes": ShapeFit, "place": Standing, "partners": Partners, "maps": FeatureMaps,
             "effect": Removal}  # fmt: skip
    for name, kind in kinds.items():
        found = kind.load(tmp_path / f"small-{name}-block-0-kernel-3.npz")
        assert int(np.max(found.block)) == 0
    effect = Removal.load(tmp_path / "small-effect-block-0-kernel-3.npz")
    assert effect.sentence() in sentences(app.markdown)
    # Partners and places are numbers alone.
    assert len(list(tmp_path.glob("*.png"))) == 4


def test_shares_are_written_on_the_page(open_app, named):
    """Which share of block 1's kernels is off-centre stands there in words, at the beginning."""
    app = open_app("kernels", show="block", block="1")
    assert fine(app)
    share = np.mean([i % 3 == 1 for i in range(16, 32)])
    assert "of block 1's kernels look clearly" in sentences(app.markdown)[0]
    assert f"off-centre **{100 * share:.0f} %**" in sentences(app.markdown)[0]


def test_filtered_by_name(open_app, named, tmp_path, monkeypatch):
    """The page shows the kernels of one name, and its lines make the same picture's data."""
    app = open_app("kernels", show="all", order="norm", name="edge")
    assert fine(app)
    table = next(d.value for d in app.dataframe if "max_abs" in d.value)
    rows = 16 * table["block"] + table["channel"]
    assert sorted(rows) == [i for i in range(48) if i % 3 == 0]
    monkeypatch.chdir(tmp_path)
    type_lines(app)
    made = DepthwiseKernels.load(tmp_path / "small-kernels-edge.npz")
    assert (16 * made.block + made.channel).tolist() == rows.tolist()
    app = open_app("kernels", name="grating", order="norm")
    assert [i.value for i in app.info] == ["No kernel shown here is named grating."]


def test_the_filters_page(open_app, undrawn, monkeypatch, tmp_path, small):
    """Kind, fit, answers and effect stand there, and their lines make them."""
    app = open_app("patch_filter", channel="3")
    assert fine(app)
    described = patch_description(small, Given())
    assert f"Looks like: **{described.colour[3]} {described.structure[3]}**" in sentences(
        app.markdown
    )
    assert folds(app)[:3] == [
        "As a colour times a Gabor",
        "What it answers on a photograph",
        "What is answered without it",
    ]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "viz.views.patch_filters.measure.describe_checkpoint", lambda *a, **o: described
    )
    type_lines(app)
    kinds = {"fit-filter": FilterFit, "answers-filter": FeatureMaps, "effect-patch-filter": Removal}
    found = {n: k.load(tmp_path / f"small-{n}-3.npz") for n, k in kinds.items()}
    assert found["fit-filter"].filter_kind == f"{described.colour[3]} {described.structure[3]}"
    assert found["effect-patch-filter"].sentence() in sentences(app.markdown)


def test_what_drives_it_is_a_link(open_app, undrawn, named):
    """To the page of it, where the channel is chosen."""
    from urllib.parse import parse_qsl

    app = open_app("kernel", block="1", channel="3")
    (link,) = [e.proto for e in app.main.get("page_link") if "drive it most" in e.proto.label]
    address = dict(parse_qsl(link.query_string))
    assert (address["stage"], address["block"], address["channels"]) == ("depthwise", "1", "3")
    app = open_app("top_patches", **address)
    assert fine(app)
    (found,) = [each for each in undrawn if isinstance(each, TopPatches)]
    assert found.channel.tolist() == [3]
