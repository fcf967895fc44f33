"""Images read ahead of the network, in threads; a broken one becomes a reason."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from viz.core.network import Preprocessing
from viz.images.reading import ImageError
from viz.images.sets import ImageSet


class Decoded(NamedTuple):
    """One image as network input (c, h, w) with its file's hash, or the reason why it is none."""

    place: int  # among the images of its shard
    name: str
    inputs: Tensor | None = None
    sha256: str = ""
    reason: str = ""


def read_ahead(
    entries: Sequence[tuple[str, Path]],
    preprocessing: Preprocessing,
    in_channels: int = 3,
    *,
    threads: int = 2,
    ahead: int = 32,
) -> Iterator[Decoded]:
    """Read images in order while the caller works on earlier ones."""

    def decode(place: int, name: str, path: Path) -> Decoded:
        one = ImageSet([(name, path)], preprocessing, in_channels)
        try:
            return Decoded(place, name, one.all().inputs[0], one.sha256[name])
        except (ImageError, MemoryError) as error:
            return Decoded(place, name, reason=str(error) or f"{name}: not enough memory.")

    source = enumerate(entries)
    with ThreadPoolExecutor(threads, thread_name_prefix="viz-decode") as pool:
        waiting: deque[Future[Decoded]] = deque()

        def begin(n: int) -> None:
            waiting.extend(pool.submit(decode, i, *entry) for i, entry in islice(source, n))

        try:
            begin(ahead)
            while waiting:
                ready = waiting.popleft().result()
                begin(1)
                yield ready
        finally:
            for each in waiting:
                each.cancel()
