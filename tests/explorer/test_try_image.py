"""Try my image: what the page tells is what the network does, and it stays on the page."""

import html
import io
import re

import numpy as np
import pytest
import torch
from PIL import Image
from visiting import picture, sentences

from viz.explorer import overlay
from viz.images.sets import open_images
from viz.plot.style import SIGNED

pytestmark = pytest.mark.usefixtures("undrawn")


def texts(app):
    return "\n".join(
        [
            *sentences([*app.caption, *app.markdown, *app.title, *app.subheader, *app.info]),
            *(html.unescape(each.proto.body) for each in app.main.get("html")),
        ]
    )


@pytest.fixture
def answers(small):
    """Logits of china.jpg, by the network itself."""
    inputs = open_images(None, small.preprocessing).all().inputs[:1]
    with torch.no_grad():
        return small.model(inputs)[0].double().numpy()


def shares(logits):
    return np.exp(logits) / np.exp(logits).sum()


def test_the_answers_with_their_probabilities(open_app, small, answers):
    app = open_app("try_image")
    assert not app.error
    assert not app.exception
    order, share = np.argsort(-answers), shares(answers)
    shown = [each.proto for each in app.main.get("progress")]
    assert [each.text for each in shown] == [
        f"{small.classes[c]}: **{100 * share[c]:.0f} %**" for c in order
    ]
    assert [each.value for each in shown] == [int(100 * share[c]) for c in order]
    assert "chooses among 4 classes and cannot answer that none of them is shown" in texts(app)
    assert f"The network says {small.classes[order[0]]}" in texts(app)
    assert not re.search(r"\bnan\b", texts(app))


def test_any_class_is_explained_and_the_address_holds_it(open_app, small, answers):
    """What is told to be the evidence in all is the logit less the bias."""
    app = open_app("try_image")
    order, bias = np.argsort(-answers), small.model.head.bias.double().numpy()
    for c, over in ((order[0], order[1]), (order[2], order[0])):
        picker = next(s for s in app.selectbox if s.label == "Evidence for")
        picker.select("answer" if c == order[0] else str(c)).run()
        own = answers - bias
        one, two = small.classes[c], small.classes[over]
        for words, value in ((one, own[c]), (f"{one} over {two}", own[c] - own[over])):
            wanted = f"Evidence for {words}: {value:+.2f} logits in all".replace("-", "−")
            assert wanted in sentences(app.caption)
    assert app.query_params["class"] == str(order[2])
    again = open_app("try_image", **{"class": str(order[2])})
    assert wanted in sentences(again.caption)


def test_numbers_choose_the_kernel(open_app):
    app = open_app("try_image", block="1", channel="3")
    assert {n.label: n.value for n in app.number_input} == {"Block": 1, "Kernel": 3}
    assert "kernel 3 of block 1" in sentences(app.caption)
    app.number_input[1].set_value(5).run()
    assert "kernel 5 of block 1" in sentences(app.caption)
    assert app.query_params["channel"] == "5"
    (link,) = [e.proto for e in app.main.get("page_link") if "All about" in e.proto.label]
    assert {"block=1", "channel=5"} <= set(link.query_string.split("&"))


def test_slower_methods_are_made_on_request_and_kept(open_app):
    app = open_app("try_image")
    offered = [b for b in app.main.button if "about" in b.label]
    assert len(offered) == 8
    next(b for b in offered if b.label.startswith("Saliency")).click().run()
    assert "**Saliency**" in sentences(app.markdown)
    app.number_input[1].set_value(2).run()
    next(b for b in app.main.button if b.label.startswith("Grad-CAM")).click().run()
    assert {"**Saliency**", "**Grad-CAM**"} <= set(sentences(app.markdown))
    # In another session it need not be asked for again.
    assert "**Saliency**" in sentences(open_app("try_image").markdown)


def test_one_uploaded_photograph(open_app):
    app = open_app("try_image")
    app.file_uploader(key="viz image files").set_value([("me.png", picture(0), "image/png")])
    app.run()
    assert not app.error
    assert "me.png as the network sees it" in sentences(app.caption)
    assert "Photograph" not in {s.label for s in app.selectbox}
    assert not re.search(r"\bnan\b", texts(app))


def test_a_map_lies_over_its_patches():
    """Red where it is largest, the pale photograph where it is zero and beyond the last patch."""
    image = np.full((9, 9, 3), 255, np.uint8)
    values = np.array([[1.0, 0.0], [0.0, -1.0]])
    made = np.array(Image.open(io.BytesIO(overlay.over(image, values, 1.0, 4))))
    zoom = len(made) // 9
    at = made[zoom // 2 :: zoom, zoom // 2 :: zoom].astype(int)
    assert at.shape == (9, 9, 3)
    red, blue = (np.round(255 * np.array(SIGNED(end)[:3])) for end in (1.0, 0.0))
    np.testing.assert_allclose(at[:4, :4], np.broadcast_to(red, (4, 4, 3)), atol=1)
    np.testing.assert_allclose(at[4:8, 4:8], np.broadcast_to(blue, (4, 4, 3)), atol=1)
    assert (at[:4, 4:] == 255).all()
    assert (at[8] == 255).all()
