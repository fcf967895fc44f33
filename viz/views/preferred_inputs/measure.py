"""Does a kernel's name tell what drives it? The patches of its input map say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from viz.core.own_torch import own_torch
from viz.core.refusal import Nothing, Refusal
from viz.network.stages import stages
from viz.sweep.opening import check_sweep
from viz.views.kernels.result import KERNEL_NAMES
from viz.views.preferred_inputs import predictions
from viz.views.preferred_inputs.result import PreferredInputs
from viz.views.tables import mean_of_finite
from viz.views.top_patches.measure import read_swept

if TYPE_CHECKING:
    from viz.images.sets import ImageBatch, ImageSet
    from viz.network.checkpoint import Checkpoint
    from viz.sweep.result import Sweep
    from viz.views.kernels.result import DepthwiseDescription

Numbers = NDArray[np.float64]
Ints = NDArray[np.int64]
_VALUES = 1 << 24
"""Numbers in the patches of some maps that are in memory at a time."""


@dataclass
class _Kernels:
    """The kernels that are looked at, and where each responds most; m kernels, n patches each."""

    rows: Ints
    block: Ints
    channel: Ints
    taps: NDArray[np.float32]
    forms: NDArray[np.float32]
    shuffled: NDArray[np.float32]
    image: Ints
    position: Ints


@dataclass
class _Seen:
    """What the images showed of every kernel: a number per patch, (3, m, n) or (m, n)."""

    patches: NDArray[np.float32]
    agreement: Numbers
    match: Numbers
    lift: Numbers
    name: Numbers
    mean: Numbers


@own_torch()
def preferred_inputs(
    checkpoint: Checkpoint,
    sweep: Sweep,
    description: DepthwiseDescription,
    folder: str | Path | None,
    *,
    shown: int = 9,
    images: ImageSet | None = None,
    batch_size: int = 8,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> PreferredInputs:
    """Check what names predict on the patches that drive kernels most.

    Patches are pieces of the map that the convolution is given, not of the image. Those at the top
    were chosen by the kernel itself: that they are like it is no finding unless patches chosen by
    a kernel of shuffled taps are less so. Patches of several kernels come from the same images, so
    that intervals, which draw kernels, are somewhat too narrow.
    """
    check_sweep(sweep, checkpoint)
    kernels = _chosen(checkpoint, sweep, description, shown, seed)
    used = np.unique(kernels.image[kernels.image >= 0])
    names = [sweep.image_names[i] for i in used]
    (m, n), k = kernels.image.shape, kernels.taps.shape[-1]
    seen = _Seen(
        np.full((m, n, k, k), np.nan, np.float32), *np.full((2, 3, m, n), np.nan),
        *np.full((3, m, n), np.nan),
    )  # fmt: skip
    rng, done = np.random.default_rng(seed + 1), 0
    for at, batch in read_swept(sweep, names, images or folder or ".", checkpoint, batch_size):
        _look(checkpoint, batch, used[at], kernels, description, seen, rng)
        done += len(at)
        if progress is not None:
            progress(done, len(names))
    settings = {"shown": kernels.image.shape[1], "seed": seed, "sweep": dict(sweep.source.settings)}
    source = replace(
        checkpoint.source,
        settings=settings,
        versions={"torch": str(torch.__version__), "numpy": np.__version__},
        images={name: sweep.source.images[name] for name in names},
    )
    named = description.name[kernels.rows]
    by_kernel = _by_kernel(seen)
    example = _examples(named, by_kernel["match"][0])
    return PreferredInputs(
        source=source, block=kernels.block, channel=kernels.channel, name=named,
        kernels=kernels.taps, forms=kernels.forms, n_images=sweep.n_images,
        depth=checkpoint.config.depth, example=example, example_patches=seen.patches[example],
        **by_kernel,
    )  # fmt: skip


def _chosen(
    checkpoint: Checkpoint, sweep: Sweep, described: DepthwiseDescription, shown: int, seed: int
) -> _Kernels:
    """Return the named kernels that respond somewhere, and where."""
    if described.source.sha256 != checkpoint.source.sha256:
        raise Refusal(
            f"the description is of {described.source.name}, not of {checkpoint.source.name}; "
            "describe this one with viz kernels."
        )
    if not len(sweep.top_value):
        raise Refusal("the sweep kept no top patches; sweep again with the part top.")
    line = np.array([sweep.row(b, "depthwise") for b in range(sweep.depth)])[described.block]
    at = (line, described.channel, slice(0, min(shown, sweep.top_value.shape[2])))
    image, position = sweep.top_image[at], sweep.top_position[at]
    # Where an activation gives nothing, no position is more of a peak than another.
    responds = np.nan_to_num(sweep.top_value[at]) > 0
    forms = described.fitted_by_shapes[0] - described.fitted_by_shapes[0].mean(
        (1, 2), keepdims=True
    )
    finite = np.isfinite(described.kernels).all((1, 2)) & np.isfinite(forms).all((1, 2))
    rows = np.flatnonzero((described.name != "unnamed") & responds.any(1) & finite)
    if not len(rows):
        raise Nothing(
            "no kernel both has a name and responds to the images, so there is nothing to compare."
        )
    taps = described.kernels[rows]
    flat = np.random.default_rng(seed).permuted(taps.reshape(len(rows), -1), axis=1)
    return _Kernels(
        rows=rows, block=described.block[rows], channel=described.channel[rows], taps=taps,
        forms=forms[rows].astype(np.float32), shuffled=flat,
        image=np.where(responds, image, -1)[rows], position=position[rows],
    )  # fmt: skip


@torch.inference_mode()
def _look(
    checkpoint: Checkpoint,
    batch: ImageBatch,
    numbers: Ints,
    kernels: _Kernels,
    described: DepthwiseDescription,
    seen: _Seen,
    rng: np.random.Generator,
) -> None:
    """Look at all patches that lie in one batch of images."""
    place = {int(number): i for i, number in enumerate(numbers)}
    inside = np.isin(kernels.image, numbers)
    before: Tensor | None = None
    for stage in stages(checkpoint.model, batch.inputs):
        if stage.name == "depthwise":
            assert before is not None and stage.block is not None
            i, j = np.nonzero(inside & (kernels.block == stage.block)[:, None])
            some = np.array([place[int(image)] for image in kernels.image[i, j]], dtype=np.int64)
            size = max(1, _VALUES // (kernels.taps[0].size * before.shape[2] * before.shape[3]))
            for start in range(0, len(i), size):
                part = slice(start, start + size)
                channel = torch.from_numpy(kernels.channel[i[part]]).to(before.device)
                maps = before[torch.from_numpy(some[part]).to(before.device), channel]
                _patches(maps.float().cpu(), i[part], j[part], kernels, described, seen, rng)
        elif stage.name in ("tokens", "output"):
            before = stage.maps


def _patches(
    maps: Tensor,
    i: Ints,
    j: Ints,
    kernels: _Kernels,
    described: DepthwiseDescription,
    seen: _Seen,
    rng: np.random.Generator,
) -> None:
    """Cut patches from some input maps, (n, h, w), one of a kernel and an image each."""
    k = kernels.taps.shape[-1]
    first = (k - 1) // 2
    padded = F.pad(maps[:, None], (first, k - 1 - first) * 2)
    every = F.unfold(padded, k)
    own, form = kernels.taps[i].reshape(len(i), -1), kernels.forms[i].astype(np.float64)
    shuffled = torch.from_numpy(kernels.shuffled[i])
    responses = torch.bmm(shuffled[:, None], every)[:, 0]
    places = (
        torch.from_numpy(kernels.position[i, j]),
        torch.from_numpy(rng.integers(0, every.shape[2], len(i))),
        responses.argmax(1),
    )
    at = torch.arange(len(i))
    for w, where in enumerate(places):
        found = every[at, :, where].double().numpy()
        cut = found.reshape(len(i), 1, k, k)
        agreed = predictions.agreement(cut, form, described, kernels.rows[i])
        seen.agreement[w, i, j] = agreed[:, 0]
        seen.match[w, i, j] = predictions.match(cut, form)[:, 0]
        if w == 0:
            seen.patches[i, j] = cut[:, 0]
            apart = found - every.mean(2).double().numpy()
            seen.lift[i, j] = (apart * own).sum(1)
            seen.name[i, j] = (apart * form.reshape(len(i), -1)).sum(1)
            seen.mean[i, j] = apart.sum(1) * own.astype(np.float64).mean(1)


def _by_kernel(seen: _Seen) -> dict[str, Any]:
    lift = mean_of_finite(seen.lift)
    shares = [
        np.divide(mean_of_finite(part), lift, out=np.full(len(lift), np.nan), where=lift > 0)
        for part in (seen.name, seen.mean)
    ]
    return {
        "agreement": mean_of_finite(seen.agreement),
        "match": mean_of_finite(seen.match),
        "lift_name": shares[0],
        "lift_mean": shares[1],
        "patches": np.isfinite(seen.lift).sum(1),
        "preferred": mean_of_finite(seen.patches, 1).astype(np.float32),
    }


def _examples(named: NDArray[np.str_], match: Numbers) -> Ints:
    """Return of each name the kernel whose match is the name's median."""
    found = []
    for name in KERNEL_NAMES:
        mine = np.flatnonzero(named == name)
        if len(mine):
            order = mine[np.argsort(np.nan_to_num(match[mine], nan=-2), kind="stable")]
            found.append(order[len(order) // 2])
    return np.array(found, dtype=np.int64)
