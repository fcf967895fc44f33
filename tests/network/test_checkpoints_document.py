"""docs/checkpoints.md says what the code does: its tables against the code's own numbers."""

import re
from pathlib import Path

from viz.core.network import Config, Preprocessing
from viz.network import checkpoint, declared, guards, recognise, scanning, unwrapping, zoo
from viz.network.saving import FORMAT

TEXT = (Path(__file__).parents[2] / "docs" / "checkpoints.md").read_text()


def row(start):
    lines = [line for line in TEXT.splitlines() if line.startswith(f"| {start}")]
    assert len(lines) == 1, start
    return [cell.strip() for cell in lines[0].strip("|").split("|")]


LIMITS = {
    "header of a safetensors": [guards.MAX_HEADER >> 20],
    "pickle without": [guards.MAX_PICKLE >> 20, scanning.MAX_OPCODES],
    "tensors, members": [guards.MAX_TENSORS],
    "dimensions": [guards.MAX_NDIM, recognise.MAX_NESTING],
    "bytes of weights": [guards.MAX_WEIGHTS >> 30],
    "blocks": [recognise.MAX_DEPTH],
    "state dicts tried": [unwrapping.MAX_STATE_DICTS, unwrapping.MAX_WRAPPERS],
    "`config.json`": [checkpoint._MAX_CONFIG_FILE >> 20, declared._MAX_CLASSES_FILE >> 20],
    "characters": [guards._MAX_MESSAGE],
}


def test_limits():
    numbers = {start: re.findall(r"\d[\d,]*", row(start)[1]) for start in LIMITS}
    assert {k: [int(n.replace(",", "")) for n in v] for k, v in numbers.items()} == LIMITS


def test_spellings():
    for start, keys in (
        ("image size", declared._SIZE_KEYS),
        ("class names", declared._CLASS_KEYS),
        ("mean, std", declared._MEAN_KEYS),
    ):
        assert set(re.findall(r"`(\w+)`", row(start)[1])) - {"std"} == set(keys)
    said = next(line for line in TEXT.splitlines() if line.startswith("2. the file: `activation`"))
    assert set(re.findall(r"`(\w+)`", said)) == set(declared._ACTIVATION_KEYS)


def test_official_weights():
    for weights in zoo.OFFICIAL.values():
        _, release, activation, top1 = row(f"`{weights.name}`")
        assert release == f"`{weights.release}`"
        assert activation.lower() == weights.config.activation
        assert top1 == f"{weights.top1} %"
    unknown = [w.name for w in zoo.OFFICIAL.values() if not w.sha256]
    assert unknown == re.findall(r"for `(\w+)` there is none", TEXT)


def test_our_own_metadata():
    assert row("`format`")[1] == f"`{FORMAT}`"
    named = re.findall(r"`(\w+)`", row("`config`")[1])
    assert set(named) == set(Config(1, 1, 1, 1, 1).to_dict())
    named = re.findall(r"`(\w+)`", row("`preprocessing`")[1])
    assert set(named) - {"bicubic", "bilinear"} == set(Preprocessing().to_dict())
    assert f"1 to {declared._MAX_SIDE}" in TEXT
