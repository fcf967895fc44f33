"""Which batch norm follows which convolution."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import pairwise, permutations

from viz.network.layers import Layer, Path, common, pattern


class Unpaired(Exception):
    """Convolutions without a norm, and norms without a convolution."""

    def __init__(self, convs: Sequence[Layer], norms: Sequence[Layer]) -> None:
        super().__init__()
        self.convs, self.norms = convs, norms


class Pairing:
    """Finds the norm after each convolution: the next in the file, or the nearest by name."""

    def __init__(self, chain: Sequence[Layer], trusted: bool) -> None:
        self.chain, self.trusted = chain, trusted
        self.rank = {layer: i for i, layer in enumerate(chain)}
        self.assumed: list[str] = []

    def pairs(self, norms: Sequence[Layer]) -> dict[Layer, Layer]:
        """Return the norm of each convolution."""
        found = self._next_ones(self.chain, norms) if self.trusted else {}
        return found or self._nearest(norms)

    def _next_ones(self, convs: Sequence[Layer], norms: Sequence[Layer]) -> dict[Layer, Layer]:
        """Pair each convolution with the norm that comes right after it, if all have one."""
        row = sorted((*convs, *norms), key=lambda u: u.place)
        after = dict(pairwise(row))
        found = {u: after[u] for u in convs if u in after}
        chosen = set(norms)
        return found if len(found) == len(convs) and set(found.values()) <= chosen else {}

    def _nearest(self, norms: Sequence[Layer]) -> dict[Layer, Layer]:
        """Pair in each place of the tree of names, innermost first, what has no partner yet."""
        found: dict[Layer, Layer] = {}
        waiting: dict[Path, tuple[list[Layer], list[Layer]]] = {}
        for which, units in enumerate((self.chain, norms)):
            for unit in units:
                waiting.setdefault(unit.path[:-1], ([], []))[which].append(unit)
        levels: dict[int, set[Path]] = {}
        for place in waiting:
            levels.setdefault(len(place), set()).add(place)
        for level in range(max(levels), -1, -1):
            for place in levels.get(level, set()):
                convs, here = waiting.pop(place)
                if len(convs) == len(here):
                    found |= self._matched(convs, here, level)
                elif level:
                    above = waiting.setdefault(place[:-1], ([], []))
                    above[0].extend(convs)
                    above[1].extend(here)
                    levels.setdefault(level - 1, set()).add(place[:-1])
                else:
                    found |= self._left_over(convs, here)
        return found

    def _matched(
        self, convs: Sequence[Layer], norms: Sequence[Layer], level: int
    ) -> dict[Layer, Layer]:
        """Pair as many norms as convolutions of one place."""
        if len(convs) < 2:
            return dict(zip(convs, norms, strict=True))
        convs = sorted(convs, key=self.rank.__getitem__)
        norms = sorted(norms, key=lambda u: u.place)
        if self.trusted and (found := self._next_ones(convs, norms)):
            return found
        kinds: dict[int, list[Layer]] = {}
        for unit in convs:
            i = self.rank[unit]
            kinds.setdefault(0 if i == 0 else 1 + (i + 1) % 2, []).append(unit)
        groups: dict[str, list[Layer]] = {}
        for unit in norms:
            name = pattern(unit.path) if len(convs) > len(kinds) else ".".join(unit.path)
            groups.setdefault(name, []).append(unit)
        wanted, there = list(kinds.values()), list(groups.values())
        sizes = [len(g) for g in wanted]
        if len(there) == len(wanted) and sorted(map(len, there)) == sorted(sizes):
            fitting = [c for c in permutations(there) if [len(g) for g in c] == sizes]
            scores = [sum(self._alike(a[0], b[0], level) for a, b in zip(wanted, c, strict=True))
                      for c in fitting]  # fmt: skip
            best = max(scores)
            if scores.count(best) > 1:
                self._assume_order(norms)
            chosen = fitting[scores.index(best)]
            return {a: b for x, y in zip(wanted, chosen, strict=True)
                    for a, b in zip(x, y, strict=True)}  # fmt: skip
        self._assume_order(norms)
        return dict(zip(convs, norms, strict=True))

    def _assume_order(self, norms: Sequence[Layer]) -> None:
        """Note that names do not tell norms apart, unless by their numbers (bn1 before bn2)."""
        if len({re.sub(r"\d+", "#", ".".join(norm.path)) for norm in norms}) > 1:
            self.assumed.append(
                "which of several batch norms follows which convolution: taken in the order of "
                "their keys"
            )

    def _alike(self, a: Layer, b: Layer, level: int) -> int:
        """Return how many letters in a row two names share, 0 for less than two."""
        x, y = (".".join(u.path[level:]).lower()[:200] for u in (a, b))
        size = SequenceMatcher(None, x, y, autojunk=False).find_longest_match().size
        return size if size > 1 else 0

    def _left_over(self, convs: Sequence[Layer], norms: Sequence[Layer]) -> dict[Layer, Layer]:
        """Pair the patch embedding with the nearest of several norms; all else lacks one."""
        if not convs:
            return {}
        if len(convs) > 1 or not norms:
            raise Unpaired(convs, norms)
        one = convs[0]

        def distance(norm: Layer) -> tuple[int, int, int]:
            gap = abs(norm.place - one.place) if self.trusted else 0
            return -common(one.path, norm.path), gap, -self._alike(one, norm, 0)

        ranked = sorted(norms, key=distance)
        if len(ranked) > 1 and distance(ranked[0]) == distance(ranked[1]):
            self._assume_order(norms)
        return {one: ranked[0]}
