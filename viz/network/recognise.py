"""A ConvMixer recognised by the order and the shapes of its tensors, whatever they are called.

With h channels it is a convolution (h, c, p, p), then per block a depthwise (h, 1, k, k) and a
pointwise one (h, h, 1, 1), each followed by a batch norm of h channels, and at the end a linear
layer (n, h). Names only say which tensors belong together and, where the file's own order
says nothing, in which order they come.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from viz.core.network import Config
from viz.network.guards import CheckpointError, TensorRecord
from viz.network.layers import LEAVES, Layer, Path, common, layers_of, natural, pattern, split
from viz.network.norms import Pairing, Unpaired

MAX_DEPTH = 1000
_COMPUTED = re.compile(r"(^|[._])(weight_[gv]|orig|mask|original\d*|lora_[ab])([._]|$)", re.I)
MAX_NESTING = 60
"""Most parts of a key; a network wrapped five times over has about a dozen."""
_WANTED = (
    "expected a patch embedding, blocks of a depthwise and a pointwise convolution with batch "
    "norm, and a linear head"
)


@dataclass(frozen=True)
class Fit:
    """How a state dict was understood."""

    prefix: str  # what stands before every key, such as "module."
    config: Config  # with an activation still to be found out
    keys: dict[str, str]  # from this project's name to the file's
    absent: tuple[str, ...] = ()  # this project's names of biases and scales not there
    assumed: tuple[str, ...] = ()  # what keys and shapes do not decide
    notes: tuple[str, ...] = ()  # what the user should know

    @property
    def layout(self) -> str:
        """What the file calls the main parts, in short."""
        names = ("patch_embedding", "blocks.0.depthwise", "blocks.0.pointwise", "head")
        there = [n for n in names if f"{n}.weight" in self.keys]
        return ", ".join(self.module(name).removeprefix(self.prefix) for name in there)

    def parts(self) -> list[str]:
        """Return one line per part: what was recognised, and its keys in the file."""
        names = dict.fromkeys(name.rpartition(".")[0] for name in self.keys)
        return [f"{name} <- {self.module(name)}{self._without(name)}" for name in names]

    def module(self, name: str) -> str:
        """Return what the file calls one of our parts."""
        keys = [key for ours, key in self.keys.items() if ours.rpartition(".")[0] == name]
        first, last = min(keys), max(keys)
        n = next((i for i, c in enumerate(first) if last[i : i + 1] != c), len(first))
        return first[:n].rstrip("._") or first

    def _without(self, name: str) -> str:
        gone = [n.rpartition(".")[2] for n in self.absent if n.rpartition(".")[0] == name]
        values = {"weight": "scale taken as one", "bias": "bias taken as zero"}
        return f" ({', '.join(values[leaf] for leaf in gone)})" if gone else ""


def recognise(tensors: Mapping[str, TensorRecord], label: str) -> Fit:
    """Find the one ConvMixer that a state dict holds."""
    try:
        return _Recogniser(tensors, label).fit()
    except CheckpointError:
        kernels = (key for key, record in tensors.items() if len(record.shape) == 4)
        if part := next(filter(_COMPUTED.search, kernels), None):
            raise CheckpointError(
                f"{label}: {part} is one part of a weight that is put together as it is used "
                "(weight normalisation, pruning, parametrisation or an adapter); expected whole "
                "weights: call parametrize.remove_parametrizations, remove_weight_norm, "
                "prune.remove or merge_and_unload where it was written, and save the state_dict()."
            ) from None
        raise


class _Recogniser:
    def __init__(self, tensors: Mapping[str, TensorRecord], label: str) -> None:
        self.tensors, self.label = tensors, label
        self.notes: list[str] = []
        if any(len(split(key)) > MAX_NESTING for key in tensors):
            raise self._error(f"a key has more than {MAX_NESTING} parts; {_WANTED}")
        self.units, self.trusted = layers_of(tensors)
        self.assumed: list[str] = []

    # The network

    def fit(self) -> Fit:
        convs = [u for u in self.units if len(u.shape) == 4]
        self.dim = self._width(convs)
        points = [u for u in convs if u.shape == (self.dim, self.dim, 1, 1)]
        taken = set(points)
        depths = [u for u in convs if u.shape[:2] == (self.dim, 1) and u not in taken]
        embedding = self._embedding(convs, depths, points)
        depths = [u for u in depths if u is not embedding]
        points = [u for u in points if u is not embedding]
        n_norms = sum(map(self._is_norm, self.units))
        if len(points) == len(depths) + 1 and n_norms == 2 * len(depths) + 1:
            # The head may be a 1 x 1 convolution to as many classes as there are channels.
            last = self._farthest(points, depths)
            points = [u for u in points if u is not last]
        self._check_pairs(depths, points)
        self.chain = [embedding]
        for pair in zip(depths, points, strict=True):
            self.chain += pair
        self.rank = {unit: i for i, unit in enumerate(self.chain)}
        self.blocks = self._block_paths(depths, points, embedding)
        norms = self._norms()
        self.taken = {*self.chain, *norms.values()}
        keys, absent = self._keys(norms)
        head = self._head()
        if head is not None:
            keys["head.weight"] = head.leaves["weight"]
            if "bias" in head.leaves:
                keys["head.bias"] = head.leaves["bias"]
            else:
                absent.append("head.bias")
        self._check_rest(head, set(keys.values()))
        n_classes = head.shape[0] if head is not None else 0
        p, k, c = embedding.shape[2], depths[0].shape[2], embedding.shape[1]
        if not (p and k and c):
            raise self._misfit(embedding if not (p and c) else depths[0], "a side of zero")
        config = Config(self.dim, len(depths), k, p, n_classes, c)
        biases = [n for n in absent if n.endswith("bias") and "norm" not in n]
        if biases:
            more = "" if len(biases) == 1 else f" and {len(biases) - 1} more"
            self.notes.append(
                f"no bias for {biases[0]}".replace(".bias", "") + f"{more}: taken as zero"
            )
        if len(absent) > len(biases):
            self.notes.append("batch norms without scale and shift: taken as one and zero")
        paths = [tuple(split(key)[:-1]) for key in keys.values()]
        shared = sum(len(part) + 1 for part in paths[0][: common(*paths)])
        prefix = next(iter(keys.values()))[:shared]
        assumed = tuple(dict.fromkeys(self.assumed))
        return Fit(prefix, config, keys, tuple(absent), assumed, tuple(self.notes))

    def _width(self, convs: Sequence[Layer]) -> int:
        """Return the channels that most pointwise convolutions share with depthwise ones."""
        points = Counter(u.shape[0] for u in convs if u.shape == (*u.shape[:1] * 2, 1, 1))
        depthwise = {u.shape[0] for u in convs if u.shape[1] == 1
                     and 0 not in u.shape and u.shape != (1, 1, 1, 1)}  # fmt: skip
        for width, _ in points.most_common():
            if width in depthwise:
                return width
        raise self._other_network(convs)

    def _embedding(
        self, convs: Sequence[Layer], depths: Sequence[Layer], points: Sequence[Layer]
    ) -> Layer:
        """Return the convolution that is neither depthwise nor pointwise, or the odd one of these:
        with one input channel, or patches of one pixel and h channels, it has their shape."""
        known = {*depths, *points}
        full = [u for u in convs if u.shape[0] == self.dim and u not in known]
        if len(full) > 1 and len(depths) == len(points):
            inside = self._block_paths(depths, points)
            if not all(self._block_of(unit, inside) is not None for unit in full):
                for unit in full:
                    self._check_outside(unit, inside)
        if not full and len(depths) == len(points) + 1:
            return self._odd_one(depths, points)
        if not full and len(points) == len(depths) + 1:
            return self._odd_one(points, depths)
        if not full:
            rest = [u for u in convs if u not in known]
            found = f"{self._shown(rest[0])}" if rest else "none"
            raise self._error(
                f"no patch embedding for its {self.dim} channels: {found} found, expected a "
                f"convolution ({self.dim}, channels, patch, patch)"
            )
        if len(full) > 1:
            odd = next((u for u in full if u.shape[1] == self.dim and u.shape[2] > 1), full[1])
            what = "a full convolution" if odd.shape[1] == self.dim else "a further convolution"
            raise self._misfit(odd, f"{what}, expected depthwise ones ({self.dim}, 1, kernel, "
                               "kernel) after the patch embedding")  # fmt: skip
        if full[0].shape[2] != full[0].shape[3] or 0 in full[0].shape:
            raise self._misfit(full[0], "rectangular patches, expected square ones "
                               "(dim, channels, patch, patch)")  # fmt: skip
        return full[0]

    def _odd_one(self, units: Sequence[Layer], others: Sequence[Layer]) -> Layer:
        """Return the one of equal shapes that is the patch embedding."""
        if self.trusted:
            return min((*units, *others), key=lambda u: u.place)
        sizes = Counter(u.shape for u in units)
        single = [u for u in units if sizes[u.shape] == 1]
        if len(units) > 2 and len(single) == 1:
            return single[0]
        return self._farthest(units, others)

    def _farthest(self, units: Sequence[Layer], others: Sequence[Layer]) -> Layer:
        """Return the one that shares least of its path with any of the others."""
        near = [max((common(u.path, o.path) for o in others[:50]), default=0) for u in units]
        if near.count(min(near)) > 1:
            self.assumed.append("which convolution of one shape is no block's: taken by its name")
        return units[near.index(min(near))]

    def _check_pairs(self, depths: Sequence[Layer], points: Sequence[Layer]) -> None:
        if len(depths) > MAX_DEPTH:
            raise self._error(f"{len(depths):,} blocks, more than any ConvMixer's")
        for unit in depths:
            if unit.shape[2] != unit.shape[3]:
                raise self._misfit(unit, "rectangular kernels, expected square ones "
                                   f"({self.dim}, 1, kernel, kernel)")  # fmt: skip
        if len(depths) != len(points):
            known = {*depths, *points}
            for unit in self.units:
                if unit.shape[2:] == (1, 1) and unit.shape[0] != unit.shape[1] and (
                    self.dim in unit.shape[:2]) and unit not in known:  # fmt: skip
                    raise self._misfit(unit, "the width changes, as in MobileNet or ConvNeXt; "
                                       f"{_WANTED}, all of one width")  # fmt: skip
            raise self._error(
                f"{len(depths)} depthwise and {len(points)} pointwise convolutions of {self.dim} "
                f"channels, the last {self._shown((*depths, *points)[-1])}; expected one of each "
                "per block"
            )
        for unit in depths:
            if unit.shape != depths[0].shape:
                raise self._misfit(unit, f"expected {depths[0].shape} as in {depths[0].key}")
        if not self.trusted:
            for units in (depths, points):
                patterns = {re.sub(r"\d+", "#", ".".join(u.path)) for u in units}
                if len(patterns) > 1:
                    self.notes.append(
                        "the order of its blocks is assumed to be that of their names: the file's "
                        "keys are in no order of their own"
                    )
                    return
        elif len({pattern(u.path) for u in depths}) == 1 and any(
            natural(a.path) > natural(b.path) for a, b in pairwise(depths)
        ):
            self.notes.append(
                "the numbers of its blocks run in another order than its keys: the keys' order is "
                "believed"
            )

    def _block_paths(
        self, depths: Sequence[Layer], points: Sequence[Layer], embedding: Layer | None = None
    ) -> dict[Path, int]:
        """Return where each block lies, or nothing where the blocks are no places of their own."""
        paths = [d.path[: common(d.path, p.path)] for d, p in zip(depths, points, strict=True)]
        alone = embedding is None or not any(embedding.path[: len(path)] == path for path in paths)
        found = {path: i for i, path in enumerate(paths)}
        return found if all(paths) and alone and len(found) == len(paths) else {}

    # Norms

    def _is_norm(self, unit: Layer) -> bool:
        affine = "weight" in unit.leaves and "bias" in unit.leaves
        return unit.shape == (self.dim,) and (affine or "running_mean" in unit.leaves)

    def _norms(self) -> dict[Layer, Layer]:
        """Return the norm after each convolution: the next in the file, or the nearest by name."""
        norms = [u for u in self.units if self._is_norm(u)]
        if len(norms) > 10 * MAX_DEPTH:
            raise self._error(f"{len(norms):,} norms, more than any ConvMixer's")
        pairing = Pairing(self.chain, self.trusted)
        try:
            found = pairing.pairs(norms)
        except Unpaired as left:
            raise self._lacking(left.convs, left.norms) from None
        self.assumed += pairing.assumed
        first: dict[tuple[str, int], Layer] = {}
        for norm in found.values():
            if first.setdefault(self._where(norm), norm) is not norm:
                raise self._error(
                    f"one batch norm is used for two places, {first[self._where(norm)].key} and "
                    f"{norm.key}; expected one of its own after each convolution"
                )
        for conv, norm in found.items():
            if not {"running_mean", "running_var"} <= norm.leaves.keys():
                raise self._no_statistics(conv, norm)
        after = set(found.values())
        for unit in norms:
            if unit not in after:
                self._check_outside(unit, self.blocks)
        return found

    def _where(self, unit: Layer) -> tuple[str, int]:
        record = self.tensors[unit.leaves.get("running_mean", unit.key)]
        return record.storage or unit.key, record.offset

    def _lacking(self, convs: Sequence[Layer], norms: Sequence[Layer]) -> CheckpointError:
        first = min(convs, key=self.rank.__getitem__)
        odd = [u for u in self.units if "running_mean" in u.leaves and u.shape != (self.dim,)]
        if len(odd) == len(convs) - len(norms):
            return self._error(
                f"{odd[0].key} has the shape {self.tensors[odd[0].key].shape}, expected "
                f"{(self.dim,)}"
            )
        there = {self._block_of(norm, self.blocks) for norm in norms}
        for conv in sorted(convs, key=self.rank.__getitem__):
            block = self._block_of(conv, self.blocks)
            if block is not None and block not in there:
                first, norms = conv, []
                break
        if norms:
            return self._error(
                f"{len(norms)} batch norms, first {norms[0].key}, for {len(convs)} convolutions, "
                f"first {first.key}; expected one of its own after each, used for no two places"
            )
        return self._error(
            f"no batch norm of {self.dim} channels for {first.key}; expected one after each "
            "convolution (save the whole state_dict())"
        )

    def _no_statistics(self, conv: Layer, norm: Layer) -> CheckpointError:
        missing = "running_var" if "running_mean" in norm.leaves else "running_mean"
        return self._error(
            f"{'.'.join(norm.path)}.{missing} is missing after {conv.key}: saved without its "
            "batch-norm statistics; save the whole state_dict() (LayerNorm and GroupNorm have "
            "none, and are no ConvMixer's)"
        )

    # Keys, head and what else there is

    def _keys(self, norms: Mapping[Layer, Layer]) -> tuple[dict[str, str], list[str]]:
        keys: dict[str, str] = {}
        absent: list[str] = []
        for i, conv in enumerate(self.chain):
            part = "depthwise" if i % 2 else "pointwise"
            name = f"blocks.{(i - 1) // 2}.{part}" if i else "patch_embedding"
            norm = f"{name}_norm" if i else "patch_norm"
            for ours, unit, leaves in ((name, conv, LEAVES[:2]), (norm, norms[conv], LEAVES)):
                for leaf in leaves:
                    if leaf in unit.leaves:
                        keys[f"{ours}.{leaf}"] = unit.leaves[leaf]
                        self._check(unit, leaf)
                    elif leaf in ("weight", "bias"):
                        absent.append(f"{ours}.{leaf}")
        for part in ("depthwise.bias", "pointwise.bias", "norm.weight", "norm.bias"):
            gone = [name for name in absent if name.endswith(part)]
            there = next((key for name, key in keys.items() if name.endswith(part)), "")
            if gone and there:
                layer = gone[0].rpartition(".")[0]
                near = next(key for name, key in keys.items() if name.startswith(f"{layer}."))
                raise self._error(
                    f"not whole: a {part.rpartition('.')[2]} beside {near} is missing, where "
                    f"others have one ({there})"
                )
        return keys, absent

    def _check(self, unit: Layer, leaf: str) -> None:
        key = unit.leaves[leaf]
        record = self.tensors[key]
        if leaf == "num_batches_tracked":
            if set(record.shape) - {1}:
                raise self._error(f"{key} has the shape {record.shape}, expected a single number")
            return
        wanted = unit.shape[:1]
        if leaf != "weight" and record.shape != wanted:
            raise self._error(f"{key} has the shape {record.shape}, expected {wanted}")
        if "float" not in record.dtype:
            raise CheckpointError(
                f"{self.label}: {key} holds {record.dtype} numbers; expected floating-point "
                "weights, so save the network before it is quantised."
            )

    def _head(self) -> Layer | None:
        """Return the linear head, if the file's last layers are that alone."""
        layers = [
            u
            for u in self.units
            if (len(u.shape) == 2 or (len(u.shape) == 4 and u.shape[2:] == (1, 1)))
            and "weight" in u.leaves and u not in self.taken and 0 not in u.shape
        ]  # fmt: skip
        for unit in layers:
            self._check_outside(unit, self.blocks)
        # One under two names, as of a tied head, counts once.
        layers = list({self._where(u): u for u in reversed(layers)}.values())[::-1]
        heads = [u for u in layers if u.shape[1] == self.dim]
        normed = [u for u in self.units if self._is_norm(u) and u not in self.taken]
        if len(normed) > 1:
            raise self._misfit(normed[0], "a batch norm without its convolution")
        if len(heads) == len(layers) == 1 and not normed:
            for leaf in heads[0].leaves:
                if leaf in ("weight", "bias"):
                    self._check(heads[0], leaf)
            return heads[0]
        if not layers:
            what = "holds no linear head"
        elif normed:
            what = f"has a further norm, {normed[0].key}, before its head"
        elif len(layers) > 1:
            what = f"ends in {len(layers)} linear layers, {', '.join(u.key for u in layers[:3])}"
        else:
            what = f"has a head {self._shown(layers[0])} that does not take the {self.dim} channels"
        self.notes.append(f"the file {what}: filters and kernels can be looked at, answers cannot")
        return None

    def _check_rest(self, head: Layer | None, used: set[str]) -> None:
        """Refuse what is no part of the network, and yet would change what it computes."""
        layers = {unit.path for unit in self.taken if unit.path}
        rows: dict[tuple[str, tuple[int, ...]], list[Layer]] = {}
        for unit in self.units:
            keys = [key for key in unit.leaves.values() if key not in used]
            if keys and unit is not head and unit.leaves.keys() != {"num_batches_tracked"}:
                self._check_outside(unit, self.blocks)
                self._check_harmless(unit, keys[0], ".".join(unit.path).lower())
                if unit.path[:-1] in layers:
                    raise self._misfit(unit, f"it lies in the layer {'.'.join(unit.path[:-1])}, "
                                       "beside what its kind holds")  # fmt: skip
                rows.setdefault((pattern(unit.path), self.tensors[unit.key].shape), []).append(unit)
        for (name, shape), row in rows.items():
            numbered = "#" in name and (len(row) > 1 or row[0].path[-1] == "0")
            if numbered and len(row) == len(self.chain) // 2 and self.dim >= math.prod(shape):
                raise self._misfit(row[0], f"it is one of {len(row)}, as many as there are blocks, "
                                   "which these may scale or shift")  # fmt: skip

    def _check_harmless(self, unit: Layer, key: str, name: str) -> None:
        """Refuse what lies beside the blocks and would still change what they compute."""
        shape = self.tensors[key].shape
        if len(unit.shape) == 4 and unit.shape[2:] != (1, 1):
            raise self._misfit(unit, f"a further convolution; {_WANTED}")
        if {"running_mean", "running_var"} <= unit.leaves.keys() and unit.shape != (self.dim,):
            raise self._misfit(unit, f"a further batch norm; {_WANTED}")
        position = len(shape) > 2 and self.dim in shape and "weight" not in unit.leaves
        if position or re.search(r"(^|[._])(act\w*|prelu)\b", name):
            raise self._error(
                f"the first tensor that does not fit is {key} {shape}, which a ConvMixer does not "
                f"have; {_WANTED}"
            )

    def _block_of(self, unit: Layer, blocks: Mapping[Path, int]) -> int | None:
        """Return which block a layer lies in."""
        found = (blocks.get(unit.path[:n]) for n in range(len(unit.path) + 1))
        return next((i for i in found if i is not None), None)

    def _check_outside(self, unit: Layer, blocks: Mapping[Path, int]) -> None:
        block = self._block_of(unit, blocks)
        if block is not None:
            raise self._misfit(
                unit, f"it lies in block {block}, which in a ConvMixer holds a depthwise and a "
                "pointwise convolution with batch norm and nothing else (no squeeze-and-"
                "excitation, second norm or scale)"
            )  # fmt: skip

    # Refusals

    def _other_network(self, convs: Sequence[Layer]) -> CheckpointError:
        """Say what kind of network it is rather, by the first layer that does not fit."""
        linear = [u for u in self.units if len(u.shape) == 2 and "weight" in u.leaves]
        depthwise = [u for u in convs if u.shape[1] == 1 and u.shape[2:] != (1, 1)]
        if not convs:
            first = next(iter(self.tensors), "nothing")
            shape = self.tensors[first].shape if self.tensors else ()
            return self._error(
                f"the first tensor that does not fit is {first} {shape or ''}".rstrip()
                + f"; it has no convolutions; {_WANTED}"
            )
        for unit in depthwise:
            if unit.shape[2] != unit.shape[3]:
                return self._misfit(unit, f"rectangular kernels; {_WANTED}")
        if depthwise:
            wide = [u for u in convs if u.shape[2:] == (1, 1) and u not in depthwise]
            odd = next(iter((*linear, *wide)), depthwise[0])
            return self._misfit(odd, "after its depthwise convolutions the width changes, as in "
                                f"ConvNeXt or MobileNet; {_WANTED}, all of one width")  # fmt: skip
        full = [u for u in convs if u.shape[1] > 1]
        if len(full) == 1 and linear:
            return self._misfit(linear[0], "after its patch embedding come linear layers, as in "
                                f"a Vision Transformer or MLP-Mixer; {_WANTED}")  # fmt: skip
        odd = next((u for u in full if u.shape[2:] != (1, 1)), convs[0])
        return self._misfit(odd, f"its convolutions are not depthwise, as in ResNet; {_WANTED}")

    def _shown(self, unit: Layer) -> str:
        return f"{unit.key} {self.tensors[unit.key].shape}"

    def _misfit(self, unit: Layer, why: str) -> CheckpointError:
        return self._error(f"the first tensor that does not fit is {self._shown(unit)}: {why}")

    def _error(self, text: str) -> CheckpointError:
        return CheckpointError(f"{self.label}: not a ConvMixer: {text}.")
