"""The layers of a state dict: which tensors belong together, and in which order they come."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from viz.network.guards import TensorRecord

Path = tuple[str, ...]
_WRAPPERS = {"_orig_mod", "_checkpoint_wrapped_module", "_fsdp_wrapped_module", "module", "params",
             "batch_stats"}  # fmt: skip
"""Parts of keys that compiling, checkpointing, sharding and Flax put in, of some blocks or all."""
LEAVES = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
_LEAF = re.compile(
    r"(.*?)(?:(?:^|[._])(?:"
    r"(weight|kernel|gamma|scale|w)|(bias|beta|b)|(running_mean|moving_mean|mean)"
    r"|(running_var|moving_var|moving_variance|variance|var)|(num_batches_tracked)))?"
)
_LOSS = re.compile(
    r"(^|[._])(loss|criterion|metrics?|optim\w*|aux\w*|queue|prototypes?|centers?)\b"
)
_LEFTOVERS = {"total_ops", "total_params", "n_averaged"}
"""Last parts of keys that profilers and weight averaging leave beside the weights."""


@dataclass(eq=False)
class Layer:
    """The tensors of one layer, by their role."""

    path: Path
    leaves: dict[str, str] = field(default_factory=dict)
    place: int = 0
    shape: tuple[int, ...] = ()

    @property
    def key(self) -> str:
        """Its main tensor's key, for messages."""
        return next((self.leaves[n] for n in (*LEAVES, "") if n in self.leaves), "")


def split(key: str) -> list[str]:
    """Return the parts of a key: torch parts them with dots, Keras and Flax with slashes."""
    return key.replace("/", ".").split(".")


def natural(path: Path) -> tuple[tuple[tuple[int, int, str], ...], ...]:
    """Return a key that sorts numbers inside names as numbers."""
    return tuple(
        tuple((0, int(t), "") if t.isdecimal() and len(t) < 10 else (1, 0, t)
              for t in re.findall(r"\d+|\D+", part))
        for part in path
    )  # fmt: skip


def pattern(path: Path) -> str:
    """Return a path with its last number left open: the others of a list have the same."""
    # A number is tried from its start alone: a key may be a million digits.
    return re.sub(r"(?<!\d)\d++(?=\D*$)", "#", ".".join(path))


def common(*paths: Path) -> int:
    """Return how many parts these paths share at their beginning."""
    n = 0
    for parts in zip(*paths, strict=False):
        if len(set(parts)) > 1:
            break
        n += 1
    return n


def layers_of(tensors: Mapping[str, TensorRecord]) -> tuple[list[Layer], bool]:
    """Return the layers, without those of losses and metrics, and whether the file's order counts.

    Sorted or shuffled keys do not keep torch's order of a layer's tensors: their names' is taken.
    """
    groups = _groups(tensors)
    units = [u for group, members in groups.items() for u in _named(tensors, group, members)]
    if not any(len(u.shape) == 4 for u in units):
        units = [u for group, members in groups.items() for u in _ordered(tensors, group, members)]
    ranks = [[LEAVES.index(n) for n in u.leaves if n] for u in units]
    trusted = all(r == sorted(r) for r in ranks)
    if not trusted:
        units.sort(key=lambda u: natural(u.path))
    for place, unit in enumerate(units):
        unit.place = place
    shared = common(*(u.path for u in units))
    kept = [u for u in units if not _LOSS.search(".".join(u.path[shared:]).lower())]
    return kept, trusted


def _groups(tensors: Mapping[str, TensorRecord]) -> dict[Path, list[tuple[str, str]]]:
    """Put keys together that have all but their last part in common, with their roles."""
    groups: dict[Path, list[tuple[str, str]]] = {}
    for key in tensors:
        path = split(key)
        if path[-1] in _LEFTOVERS:
            continue
        parts = [part for part in path[:-1] if part not in _WRAPPERS]
        found = _LEAF.fullmatch(path[-1])
        roles = found.groups()[1:] if found else ()
        role = next((n for n, g in zip(LEAVES, roles, strict=False) if g), "")
        if found and role and found[1]:
            parts.append(found[1])
        groups.setdefault(tuple(parts), []).append((role, key))
    return groups


def _named(
    tensors: Mapping[str, TensorRecord], group: Path, members: Sequence[tuple[str, str]]
) -> Iterator[Layer]:
    """Take a group for one layer, as its names say; what they do not say stands alone."""
    roles = Counter(role for role, _ in members)
    if not roles.keys() - {""} and _is_norms_four(tensors, [key for _, key in members]):
        yield from _ordered(tensors, group, members)
        return
    layer = {role: key for role, key in members if role and roles[role] == 1}
    if layer:
        yield _unit(tensors, group, layer)
    for role, key in members:
        if role not in layer:
            yield _unit(tensors, (*group, split(key)[-1]), {"": key})


def _is_norms_four(tensors: Mapping[str, TensorRecord], keys: Sequence[str]) -> bool:
    shapes = [tensors[key].shape for key in keys]
    vectors = [shape for shape in shapes if shape]
    return len(vectors) == 4 and len(set(vectors)) == 1 and len(vectors[0]) == 1


def _ordered(
    tensors: Mapping[str, TensorRecord], group: Path, members: Sequence[tuple[str, str]]
) -> Iterator[Layer]:
    """Take what follows a matrix or kernel as its bias and its norm, by how many there are."""
    if all(role for role, _ in members) and len(dict(members)) == len(members):
        yield _unit(tensors, group, dict(members))
        return
    runs: list[list[str]] = []
    for _, key in members:
        if len(tensors[key].shape) > 1 or not runs:
            runs.append([])
        runs[-1].append(key)
    for run in runs:
        wide = int(len(tensors[run[0]].shape) > 1)
        vectors = [key for key in run[wide:] if tensors[key].shape]
        counts = [key for key in run[wide:] if not tensors[key].shape]
        path = group if len(runs) == 1 else (*group, split(run[0])[-1])
        n_bias = wide if len(vectors) in (1, 5) else 0
        norm = vectors[n_bias:]
        if wide:
            layer = dict(zip(LEAVES, [run[0], *vectors[:n_bias]], strict=False))
            yield _unit(tensors, (*path, "layer") if norm else path, layer)
        if len(norm) == 4:
            layer = dict(zip(LEAVES, [*norm, *counts[:1]], strict=False))
            yield _unit(tensors, (*path, "norm") if wide else path, layer)
        else:
            for key in norm:
                yield _unit(tensors, (*path, split(key)[-1]), {"": key})


def _unit(tensors: Mapping[str, TensorRecord], path: Path, leaves: dict[str, str]) -> Layer:
    shape = tensors[leaves.get("weight", next(iter(leaves.values())))].shape
    known = "weight" in leaves or ("running_mean" in leaves and len(shape) == 1)
    return Layer(path, leaves, shape=shape if known else ())
