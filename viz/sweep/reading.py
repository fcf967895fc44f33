"""Images read ahead of the network, in threads; a broken one becomes a reason."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from viz.core.network import Preprocessing
from viz.images.reading import ImageError
from viz.images.sets import ImageSet


class Decoded(NamedTuple):
    """One image, or why there is none.

    Parameters
    ----------
    number : int
        In the order of all names.
    name : str
        Of the image.
    inputs : torch.Tensor or None
        Network input (c, H, W).
    sha256 : str
        Of the file; empty where it cannot be read.
    reason : str
        Why it cannot be read; empty where it can.
    """

    number: int
    name: str
    inputs: Tensor | None
    sha256: str
    reason: str


def _decode(number: int, name: str, path: Path, how: Preprocessing, in_channels: int) -> Decoded:
    one = ImageSet([(name, path)], how, in_channels)
    try:
        inputs = next(one.batches(1)).inputs[0]
    except (ImageError, MemoryError) as error:
        return Decoded(number, name, None, "", str(error) or f"{name}: not enough memory.")
    return Decoded(number, name, inputs, one.sha256[name], "")


def read_ahead(
    entries: Iterable[tuple[int, str, Path]],
    preprocessing: Preprocessing,
    in_channels: int = 3,
    *,
    threads: int = 2,
    ahead: int = 32,
) -> Iterator[Decoded]:
    """Read images in order while the caller works on earlier ones."""
    waiting: deque[Future[Decoded]] = deque()
    source = iter(entries)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="viz-decode")
    try:
        for number, name, path in islice(source, ahead):
            waiting.append(pool.submit(_decode, number, name, path, preprocessing, in_channels))
        while waiting:
            ready = waiting.popleft().result()
            for number, name, path in islice(source, 1):
                waiting.append(pool.submit(_decode, number, name, path, preprocessing, in_channels))
            yield ready
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
