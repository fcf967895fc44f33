"""Every page without a browser: its numbers, its settings in the address, its downloads."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from visiting import fine, go, sentences

from viz.core.refusal import Nothing, Refusal
from viz.explorer.app import PAGES
from viz.explorer.text import plain
from viz.views.close_up.result import CloseUp
from viz.views.clusters.measure import cluster_checkpoint
from viz.views.feature_maps.result import FeatureMaps
from viz.views.kernels.result import DepthwiseDescription
from viz.views.patch_filters.result import PatchFilterDescription
from viz.views.weights.draw import kernel_mosaic
from viz.views.weights.measure import depthwise_kernels

VIEWS = [name for rows in PAGES.values() for name, _, _ in rows]


@pytest.mark.parametrize(
    ("name", "views"),
    [
        # All, drawn, on the network that needs most care; and those that no other test opens.
        ("grey.safetensors", VIEWS),
        ("small.safetensors", ["filter_names", "kernel_names", "evidence", "decision_by_depth",
                               "preferred_inputs", "substitution", "attribution"]),
    ],
)  # fmt: skip
def test_every_page_shows(open_app, monkeypatch, name, views):
    quick = partial(cluster_checkpoint, n_bootstraps=3)
    monkeypatch.setattr("viz.views.clusters.measure.cluster_checkpoint", quick)
    app = open_app(checkpoint=name)
    for view in views:
        go(app, view)
        app.query_params.clear()
        app.query_params["checkpoint"] = name
        app.run()
        assert fine(app), view
        assert len(app.title) == 1, view
        assert app.query_params["checkpoint"] == name, view
        assert app.session_state["viz opened"].checkpoint.source.name == name, view


@pytest.mark.parametrize(
    ("error", "place"), [(Nothing("no kernel here."), "info"), (Refusal("3 found."), "error")]
)
def test_a_refusal_is_told_apart_from_nothing_to_show(open_app, monkeypatch, error, place):
    def refused(checkpoint, given, *, view_name):
        raise error

    monkeypatch.setattr("viz.explorer.found._measure", refused)
    app = open_app("mixing")
    assert sentences(getattr(app, place)) == [str(error)]
    assert len(app.info) + len(app.error) == 1


def test_overview_says_what_the_network_is(open_app, small):
    app = open_app()
    assert app.title[0].value == plain("small.safetensors")
    counted = sum(p.numel() for p in small.model.parameters())
    facts = " ".join(sentences(app.markdown))
    for text in (f"{counted:,}", small.source.sha256, "GELU", small.source.activation_source):
        assert text in facts
    assert "4 in the file" in facts
    names = next(d.value for d in app.dataframe if "name" in d.value)
    assert names["name"].tolist() == ["ant", "bee", "cat", "dog"]


def test_settings_of_a_card_are_widgets(open_app, undrawn):
    """They are read from the address and written to it; what makes no sense is the default."""
    app = open_app("feature_maps", block="2", most_active="-3", scale="nonsense", by="peak")
    assert fine(app)
    # The finding, the picture and the downloads stand before them.
    shown = [getattr(each, "label", "") or each.type for each in app.main]
    assert shown.index("markdown") < shown.index("image") < shown.index("Settings")
    (found,) = [each for each in undrawn if isinstance(each, FeatureMaps)][-1:]
    assert (found.block, len(found.channel)) == (2, 3)
    assert next(w for w in app.selectbox if w.label == "Scale").value == "figure"
    next(w for w in app.number_input if w.label == "Most active").set_value(4).run()
    assert app.query_params["most_active"] == "4"
    (found,) = [each for each in undrawn if isinstance(each, FeatureMaps)][-1:]
    assert (found.block, len(found.channel)) == (2, 4)
    next(w for w in app.text_input if w.label == "Channels").set_value("five").run()
    assert sentences(app.error) == ["'five' is not a list of numbers such as 0-2,7."]
    next(w for w in app.text_input if w.label == "Channels").set_value("5,1").run()
    assert fine(app)
    (found,) = [each for each in undrawn if isinstance(each, FeatureMaps)][-1:]
    assert found.channel.tolist() == [1, 5]


def test_a_choice_of_kernels_keeps_its_colours(small):
    """Each tile of a filtered grid has the pixels that it has among all kernels."""
    whole = depthwise_kernels(small, per_block=None)
    rows = np.flatnonzero(np.arange(len(whole.kernels)) % 7 == 3)
    part = replace(
        whole, kernels=whole.kernels[rows], block=whole.block[rows], channel=whole.channel[rows]
    )
    ends = [np.quantile(np.abs(whole.kernels[whole.block == b]), 0.995) for b in range(3)]
    full, few = kernel_mosaic(whole), kernel_mosaic(part, ends=ends)

    def tile(mosaic, i):
        x, y = mosaic.layout.x[i], mosaic.layout.y[i]
        return mosaic.picture[y : y + 5, x : x + 5].astype(int)

    for i, row in enumerate(rows):
        np.testing.assert_allclose(tile(few, i), tile(full, row), atol=1)


def test_early_and_late_measure_only_when_the_evidence_is_asked_for(open_app, undrawn, monkeypatch):
    """Or when it is downloaded, which can be asked for at once."""
    from viz.views import view

    taken = []
    monkeypatch.setattr("viz.explorer.found.take_home", lambda *given, **how: taken.append(given))
    app = open_app("early_late")
    assert fine(app)
    assert not undrawn
    ((stem, result, _),) = taken
    assert stem == "small-early-late"
    assert view("early-late").sentence(result())
    assert any(m.startswith("**") and "shape" in m for m in sentences(app.markdown))
    app.toggle[0].set_value(True).run()
    assert fine(app)
    assert undrawn


def test_what_is_folded_up_is_made_when_it_is_opened(open_app, undrawn, monkeypatch):
    monkeypatch.setattr("viz.explorer.sections._is_open", lambda part: part.open)
    app = open_app()
    assert fine(app)
    assert not app.dataframe
    assert not undrawn


def test_warnings_of_a_file_are_shown(open_app, tmp_path, small):
    """A bare state dict does not tell its activation."""
    import torch

    path = tmp_path / "bare.pt"
    torch.save(small.model.state_dict(), path)
    app = open_app(given=(path,))
    assert not app.error
    (said,) = sentences(app.warning)
    assert "GELU" in said
    assert "say which under “What the file does not say”, on the left" in said
    assert "--" not in said


def test_nonsense_in_the_address_is_ignored(open_app, undrawn):
    """In one test, so that the kernel is measured once; each value in a new session."""
    for value in ("-1", "1e9", "²", "nan", "<b>"):
        app = open_app("kernel", block=value, channel=value, order=value)
        assert fine(app), value
        assert app.title[0].value == "Block 0, kernel 0", value


def menu(app, title):
    """Return the settings that the menu's link to a page holds."""
    from urllib.parse import parse_qsl

    (link,) = [e.proto for e in app.sidebar.get("page_link") if e.proto.label == title]
    return dict(parse_qsl(link.query_string))


def test_the_menu_leads_back_to_what_was_shown(open_app, undrawn):
    """Its links hold the settings, and those common to all pages where a page uses them."""
    app = open_app("kernels", order="norm", show="all")
    app.query_params.clear()
    go(app, "overview")
    app.run()
    wanted = {"checkpoint": "small.safetensors", "order": "norm"}
    assert wanted.items() <= menu(app, "Depthwise kernels").items()
    assert menu(app, "Receptive fields")["images"] == "photographs"
    assert "images" not in menu(app, "Mixing")
    assert menu(app, "One kernel").keys() >= {"block", "channel"}
    app.query_params.clear()
    app.query_params.update(menu(app, "Depthwise kernels"))
    go(app, "kernels")
    app.run()
    assert app.query_params["order"] == "norm"


def test_a_link_that_leaves_settings_out_means_the_defaults(open_app, undrawn):
    """Whatever was chosen here before; and it is left as it is, or going back would take two
    steps."""
    app = open_app("patch_filters", order="norm", scale="figure")
    go(app, "overview")
    app.run()
    for _ in range(2):
        go(app, "patch_filters")
        app.query_params.clear()
        app.query_params["checkpoint"] = "small.safetensors"
        app.run()
        assert {w.label: w.value for w in app.main.selectbox} == {
            "Order": "hue", "Colour scale": "tile",
        }  # fmt: skip
        assert dict(app.query_params) == {"checkpoint": "small.safetensors"}
    app.main.selectbox[0].select("norm").run()
    assert app.query_params["order"] == "norm"
    assert app.query_params["scale"] == "tile"


def test_kernel_page_tells_the_truth(open_app, undrawn, small):
    app = open_app("kernel", block="2", channel="5")
    taps = small.model.depthwise_kernels(2)[5].numpy().astype(float)
    shown = [float(m.value.replace("−", "-")) for m in app.metric[:4]]
    wanted = [np.sqrt((taps**2).sum()), taps.mean(), taps.min(), taps.max()]
    assert [m.label for m in app.metric[:4]] == ["norm", "mean", "smallest", "largest"]
    assert shown == pytest.approx(wanted, rel=0.05)
    table = next(d.value.to_numpy() for d in app.dataframe if d.value.shape == taps.shape)
    np.testing.assert_allclose(table, taps, rtol=1e-5)


@pytest.mark.parametrize(
    ("view", "kind", "address"),
    [
        ("patch_filters", PatchFilterDescription, {"order": "orientation", "scale": "figure"}),
        ("kernels", DepthwiseDescription, {"show": "all", "order": "norm"}),
        ("kernel", CloseUp, {"block": "2", "channel": "3"}),
        ("feature_maps", FeatureMaps, {"block": "1", "most_active": "2", "scale": "stage"}),
    ],
)
def test_the_lines_shown_make_the_same(
    open_app, undrawn, view, kind, address, tmp_path, monkeypatch
):
    """What the page tells to type writes files, and they hold what the page shows."""
    app = open_app(view, **address)
    monkeypatch.chdir(tmp_path)
    scripts = [c.value for c in app.code]
    script = next(s for s in scripts if kind is not CloseUp or "close_up_figure" in s)
    exec(compile(script, "shown", "exec"), {})
    (data,), (table,) = tmp_path.glob("*.npz"), tmp_path.glob("*.csv")
    assert len(list(tmp_path.glob("*.png"))) == 1
    result = kind.load(data)
    assert result.source.name == "small.safetensors"
    for name, value in address.items():
        if name in ("block", "channel"):
            assert np.unique(getattr(result, name, result.source.block)).tolist() == [int(value)]
    assert table.read_text().count("\n") >= len(result.to_frame()) + 1


def test_root_app_hands_over(shipped, monkeypatch, small_file):
    from pathlib import Path

    from streamlit.testing.v1 import AppTest

    shipped["small"] = small_file
    monkeypatch.delenv("VIZ_EXPLORER", raising=False)
    root = Path(__file__).parents[2] / "app.py"
    app = AppTest.from_file(root, default_timeout=1200).run()
    assert fine(app)
    assert app.query_params["checkpoint"] == "small"


def test_a_failing_page_says_so_in_one_sentence(open_app, monkeypatch, caplog):
    def broken(*args, **kwargs):
        raise RuntimeError("a *secret* failure")

    app = open_app()
    monkeypatch.setattr("viz.explorer.close_up.kernel_close_up", broken)
    go(app, "kernel")
    app.run()
    (sentence,) = sentences(app.error)
    assert sentence.startswith("This page could not be shown (RuntimeError: a *secret* failure).")
    assert not app.exception
    assert "Traceback" in caplog.text
    go(app, "patch_filters")
    app.run()
    assert fine(app)
