"""Pages on the shipped checkpoints: all on the smallest, those that take no time on each."""

import pytest
from visiting import fine, go

from viz.explorer.app import PAGES
from viz.network.zoo import shipped_checkpoints

QUICK = ("overview", "patch_filters", "report", "attribution", "substitution")
# Measured on the small networks; here they would take most of the time.
ELSEWHERE = ("clusters", "compare")


@pytest.mark.slow
def test_every_shipped_checkpoint_is_shown(open_app, shipped, undrawn):
    shipped.update(shipped_checkpoints())
    assert {"cifar10-p2", "imagenette-p7", "imagenette-p14"} <= shipped.keys()
    app = open_app(given=())
    # The example of the README.
    assert app.session_state["viz opened"].key == app.selectbox[0].options[0] == "imagenette-p7"
    for name in shipped:
        views = [view for rows in PAGES.values() for view, _, _ in rows if view not in ELSEWHERE]
        for view in views if name == "cifar10-p2" else QUICK:
            go(app, view)
            app.query_params.clear()
            app.query_params["checkpoint"] = name
            app.run()
            assert fine(app), (name, view)
            assert len(app.title) == 1
            assert app.session_state["viz opened"].key == name
            assert app.query_params["checkpoint"] == name
