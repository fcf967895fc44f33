"""Damage files at random and open them: each is refused in one sentence, or loads.

Run: ``make fuzz``, or ``python tests/network/fuzz.py --files 60000 --seed 3``.
"""

from __future__ import annotations

import argparse
import collections
import random
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

import torch
from foreign_networks import official, settle
from safetensors.torch import save_file
from strangers import everything_beside, lightning
from test_strange_files import in_keras_order, listed, nested, two_parts

from viz.network.checkpoint import load
from viz.network.guards import CheckpointError


def originals(folder: Path) -> list[bytes]:
    state = settle(official(dim=4, depth=1, k=3, p=2, n=3)).state_dict()
    made = []
    for form in (everything_beside, lightning, in_keras_order, listed, nested, two_parts):
        for protocol in (2, 5):
            torch.save(form(state), folder / "f", pickle_protocol=protocol)
            made.append((folder / "f").read_bytes())
    save_file(state, folder / "f", {"activation": "gelu", "config": "{}"})
    return [*made, (folder / "f").read_bytes()]


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Change, repeat or cut a few bytes; half of the time where the pickle or header is."""
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 5, 30))):
        start = chance.randrange(chance.choice((len(out), min(len(out), 4000))))
        byte = chance.choice((chance.randrange(256), out[start] ^ 1 << chance.randrange(8)))
        some = out[start : start + chance.randrange(1, 40)]
        new = chance.choice(([byte], [byte], [], b"\0" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", some))
        out[start : start + chance.choice((len(new), 0, chance.randrange(1, 9)))] = new
    if chance.random() < 0.1:
        del out[chance.randrange(len(out)) :]
    return bytes(out)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    chance, seen = random.Random(options.seed), collections.Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wholes = originals(folder)
        path = folder / "damaged.pth"
        for i in range(options.files):
            data = damaged(chance.choice(wholes), chance)
            path.write_bytes(data)
            try:
                load(path)
                seen["loaded"] += 1
            except CheckpointError as error:
                seen["refused"] += 1
                assert str(error).isprintable() and str(error).endswith(".")
            except Exception:
                seen["faults"] += 1
                kept = Path(f"fuzz-{options.seed}-{i}.pth")
                kept.write_bytes(data)
                sys.stderr.write(f"{kept}\n{traceback.format_exc()}\n")
    sys.stdout.write(f"{options.files:,} damaged files: {dict(seen)}\n")
    return seen["faults"]


if __name__ == "__main__":
    sys.exit(min(main(), 1))
