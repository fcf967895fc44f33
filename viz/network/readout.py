"""A network's answer as what it is: a linear readout of the mean over patches of its last maps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from viz.core.refusal import Refusal
from viz.network.checkpoint import Checkpoint
from viz.network.convmixer import ConvMixer, NoHead
from viz.network.replacing import shared_copy


class Passed(NamedTuple):
    """What went into a module and what came out of it."""

    given: Tensor
    made: Tensor


@contextmanager
def watched(module: nn.Module, look: Callable[[Passed], object]) -> Iterator[None]:
    """Look at what passes through a module while the context lasts; no hook is left behind."""

    def hook(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        look(Passed(args[0], output))

    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


class Readout:
    """A network's head as weights and biases, after a check that it is all that follows."""

    def __init__(self, checkpoint: Checkpoint, model: ConvMixer | None = None) -> None:
        self.name = checkpoint.source.name
        self.network = shared_copy(model or checkpoint.model)
        head = self.network.head
        if isinstance(head, NoHead):
            head(torch.empty(0))
        if not isinstance(head, nn.Linear):
            raise self._other(f"a head of the kind {type(head).__name__} found")
        if head.out_features < 2:
            raise Refusal(
                f"{self.name}: a head with one output found, at least two classes are compared; "
                "use the feature maps instead."
            )
        self.weight = head.weight.detach().float()
        bias = head.bias if head.bias is not None else torch.zeros(head.out_features)
        self.bias = bias.detach().float().to(self.weight.device)

    def _other(self, found: str) -> Refusal:
        return Refusal(
            f"{self.name}: {found}, expected the mean over patches and one linear layer, for which "
            "alone this view is exact; use attribution instead."
        )

    def run(
        self, inputs: Tensor, watch: Mapping[nn.Module, Callable[[Passed], object]]
    ) -> tuple[Tensor, Tensor]:
        """Run images through once, looking at what passes; return the last maps and the logits."""
        network = self.network
        device, dtype = network.patch_filters.device, network.patch_filters.dtype
        last: list[Tensor] = []
        with torch.inference_mode(), ExitStack() as stack:
            for module, look in watch.items():
                stack.enter_context(watched(module, look))
            stack.enter_context(watched(network.blocks[-1], lambda each: last.append(each.made)))
            logits: Tensor = network(inputs.to(device, dtype))
        self._check(last[0], logits, float(torch.finfo(dtype).eps))
        return last[0], logits.float()

    def _check(self, maps: Tensor, logits: Tensor, eps: float) -> None:
        """Refuse maps that are not finite, and answers that are something else than the readout."""
        if not bool(torch.isfinite(maps).all() & torch.isfinite(logits).all()):
            raise Refusal(
                f"{self.name}: maps of the last block or logits that are not finite found, finite "
                "numbers expected; check its weights and batch-norm statistics."
            )
        read = self.logits(maps.float().mean((2, 3)))
        off = float((read - logits.float()).abs().max())
        if off > eps**0.5 * max(1.0, float(logits.abs().max())):
            raise self._other(f"answers that differ from a linear readout by {off:.2g} found")

    def logits(self, pooled: Tensor) -> Tensor:
        """Read out means over patches, (..., dim)."""
        return pooled.float() @ self.weight.T + self.bias
