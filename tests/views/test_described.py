"""A description is made once for all views of a network, and anew when its filters change."""

import gc
import weakref

from hand_made import described, described_patches

from viz.network.checkpoint import load
from viz.views import Given, view
from viz.views.described import depthwise_description, patch_description


def test_descriptions_are_made_once(small_file, monkeypatch):
    calls = []

    for what, function in (("kernels", described), ("patch_filters", described_patches)):

        def describe(checkpoint, *, seed, progress, what=what, function=function):
            calls.append((what, seed))
            return function(checkpoint)

        monkeypatch.setattr(f"viz.views.{what}.measure.describe_checkpoint", describe)
    checkpoint, given = load(small_file), Given()
    first = depthwise_description(checkpoint, given)
    assert depthwise_description(checkpoint, given) is first
    view("mixing").measure(checkpoint, given)
    assert calls == [("kernels", 0)]
    assert patch_description(checkpoint, given) is patch_description(checkpoint, given)
    depthwise_description(checkpoint, Given(seed=1))
    assert calls == [("kernels", 0), ("patch_filters", 0), ("kernels", 1)]
    checkpoint.model.depthwise_kernels(1)[0, 0, 0] += 1
    assert depthwise_description(checkpoint, given) is not first
    other = load(small_file)
    depthwise_description(other, given)
    assert len(calls) == 5
    gone = weakref.ref(checkpoint.model)
    del checkpoint
    gc.collect()
    assert gone() is None
