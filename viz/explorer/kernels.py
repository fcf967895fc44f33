"""Depthwise kernels on a page: described once for all pages, ordered and filtered by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from viz.explorer import state
from viz.explorer.cache import cached, key_of, store
from viz.explorer.words import ANY_NAME, KERNEL_ORDER_WORDS, NAME_WORDS
from viz.explorer.working import work
from viz.views.described import depthwise_description, patch_description, remember
from viz.views.weights.measure import depthwise_kernels, named_kernels

if TYPE_CHECKING:
    from collections.abc import Callable

    from viz.explorer.checkpoints import Opened
    from viz.views.kernels.result import DepthwiseDescription
    from viz.views.patch_filters.result import PatchFilterDescription
    from viz.views.weights.result import DepthwiseKernels


T = TypeVar("T")
_EACH = 0.0004
"""Seconds that naming a kernel takes, roughly."""
_QUICK = 40_000
"""Kernels that are named without asking: ten seconds or so."""


def _described(found: Opened, describe: Callable[..., T], what: str, count: int) -> T | None:
    """Return a description, made once for all pages; say how long that takes, if not a moment."""
    seconds = count * _EACH
    said = f" (about {seconds:.0f} s the first time, for all pages)" if seconds >= 2 else ""
    about = f"Describing {count:,} {what}{said}"
    made = work(found, describe, name=f"describing {what}", what=about, slow=count > _QUICK)
    return None if made is None else made.value


def described(found: Opened) -> DepthwiseDescription | None:
    """Return what every kernel of the network is; call it once a run."""
    config = found.checkpoint.config
    made = _described(found, depthwise_description, "kernels", config.dim * config.depth)
    if made is not None:
        remember(found.checkpoint, "depthwise", made)
    return made


def described_filters(found: Opened) -> PatchFilterDescription | None:
    """Return what every patch filter is, likewise."""
    made = _described(found, patch_description, "patch filters", found.checkpoint.config.dim)
    if made is not None:
        remember(found.checkpoint, "patch", made)
    return made


def at_hand(found: Opened) -> DepthwiseDescription | None:
    """Return the description if it has been made already, without asking for it."""
    key = key_of(depthwise_description, found.checkpoint, images="")
    return described(found) if key in store(found.private) else None


def clearest(found: Opened) -> dict[str, str]:
    """Return the address of the clearest kernel of the commonest name, once names are known."""
    description = at_hand(found)
    if description is None:
        return {}
    shares = {n: s for n, s in description.shares().items() if n != "unnamed"}
    called = description.name == max(shares, key=shares.__getitem__)
    best = int(np.argmax(np.where(called, description.probability, -1)))
    return {"block": str(description.block[best]), "channel": str(description.channel[best])}


def choose_kernels(page: str, order_label: str, help: str | None = None) -> tuple[str, str]:
    """Show the lists of orders and names, bound to the address."""
    order = state.choice(
        "order", page, order_label, list(KERNEL_ORDER_WORDS), default="similarity",
        describe=KERNEL_ORDER_WORDS.__getitem__, help=help,
    )  # fmt: skip
    name = state.choice(
        "name", page, "Name", list(NAME_WORDS), default=ANY_NAME,
        describe=NAME_WORDS.__getitem__,
        help="Show only the kernels that look like this.",
    )  # fmt: skip
    return order, name


def needs_names(order: str, name: str) -> bool:
    """Tell whether kernels can be shown so only once they are described."""
    return order == "name" or name != ANY_NAME


def bank(
    found: Opened,
    description: DepthwiseDescription | None,
    *,
    blocks: list[int] | None,
    per_block: int | None,
    order: str,
    name: str,
) -> DepthwiseKernels:
    """Return kernels in an order, of one name or of all."""
    settings: dict[str, Any] = {"blocks": blocks, "per_block": per_block}
    if description is None or not needs_names(order, name):
        plain = "similarity" if order == "name" else order
        return cached(found, depthwise_kernels, found.checkpoint, order=plain, **settings)
    only = None if name == ANY_NAME else name
    return cached(found, named_kernels, description, order=order, name=only, **settings)


def names_of(description: DepthwiseDescription, kernels: DepthwiseKernels) -> list[str]:
    """Return the name of each kernel."""
    depth, dim = int(description.block.max()) + 1, int(description.channel.max()) + 1
    table = np.full((depth, dim), "", dtype=description.name.dtype)
    table[description.block, description.channel] = description.name
    found: list[str] = table[kernels.block, kernels.channel].tolist()
    return found
