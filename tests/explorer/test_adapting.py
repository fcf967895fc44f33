"""What the file does not say is told in the sidebar, and everything follows."""

import json

import pytest

pytestmark = pytest.mark.usefixtures("undrawn")


def field(app, label):
    return next(each for each in app.sidebar.text_input if each.label == label)


def sentences(app):
    return [each.value for each in app.error]


def test_image_size_and_activation_are_told_and_stand_in_the_address(open_app):
    app = open_app("receptive_field")
    assert not app.exception
    field(app, "Side of the input, in pixels").set_value("32")
    field(app, "Activation").set_value("mish").run()
    assert not sentences(app)
    found = app.session_state["viz opened"]
    assert found.checkpoint.preprocessing.image_size == 32
    assert found.checkpoint.config.activation == "mish"
    assert type(found.checkpoint.model.activation).__name__ == "Mish"
    said = json.loads("".join(app.query_params["input"]))
    assert (said["image_size"], said["activation"]) == (32, "mish")
    shown = " ".join(each.value for each in app.code)
    assert "image_size=32" in shown and "activation='mish'" in shown


def test_what_cannot_be_used_is_said(open_app):
    app = open_app("overview")
    field(app, "Side of the input, in pixels").set_value("many").run()
    assert any("A number was expected" in each for each in sentences(app))
