"""A description is made once for all views of a network, and anew when its filters change."""

import gc
import weakref

from hand_made import described, described_patches

from viz.network.checkpoint import load
from viz.views import Given, view
from viz.views.described import depthwise_description, patch_description


def test_descriptions_are_made_once(small_file, monkeypatch):
    calls = []

    def make(what, function):
        def describe(checkpoint, *, seed, progress):
            calls.append((what, seed))
            return function(checkpoint)

        return describe

    monkeypatch.setattr(
        "viz.views.kernels.measure.describe_checkpoint", make("depthwise", described)
    )
    monkeypatch.setattr(
        "viz.views.patch_filters.measure.describe_checkpoint", make("patch", described_patches)
    )
    checkpoint, given = load(small_file), Given()
    first = depthwise_description(checkpoint, given)
    assert depthwise_description(checkpoint, given) is first
    view("mixing").measure(checkpoint, given)
    assert calls == [("depthwise", 0)]
    assert patch_description(checkpoint, given) is patch_description(checkpoint, given)
    depthwise_description(checkpoint, Given(seed=1))
    assert calls == [("depthwise", 0), ("patch", 0), ("depthwise", 1)]
    checkpoint.model.depthwise_kernels(1)[0, 0, 0] += 1
    assert depthwise_description(checkpoint, given) is not first
    other = load(small_file)
    depthwise_description(other, given)
    assert len(calls) == 5
    gone = weakref.ref(checkpoint.model)
    del checkpoint
    gc.collect()
    assert gone() is None
