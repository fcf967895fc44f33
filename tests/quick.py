"""Views measured with less effort than in earnest: what they say and draw is the same in kind."""

import contextlib

import pytest

CHEAP = {"attribution": {"quick": True, "steps": 2, "samples": 2}, "substitution": {"crops": 2}}
"""Options by the name of a view."""


@contextlib.contextmanager
def small_nulls():
    """Fewer random kernels, filters and clouds."""
    from viz.views.kernels import measure

    whole = measure.describe_checkpoint
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "describe_checkpoint", lambda *a, **o: whole(*a, n_init=20, **o))
        patch.setattr("viz.views.patch_filters.measure._NULL_FILTERS", 200)
        patch.setattr("viz.views.patch_filters.measure._SMOOTH_MAPS", 60)
        patch.setattr("viz.views.clusters.measure.MOST_CLUSTERS", 4)
        patch.setattr("viz.views.clusters.measure._DRAWS", 2)
        yield
