"""Float64 where a device has none: on the CPU."""

import re
from pathlib import Path

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

import viz
from viz.core.wide import wide


def test_values_leave_a_device_without_float64_before_they_are_widened():
    with FakeTensorMode():
        for device in ("mps", "cuda", "cpu"):
            made = wide(torch.empty(3, device=device))
            assert made.dtype == torch.float64
            assert made.device.type == ("cpu" if device == "mps" else device)
    values = torch.tensor([1.0, 2.5], dtype=torch.bfloat16)
    assert wide(values).tolist() == [1.0, 2.5]


_ON_THE_DEVICE = re.compile(
    r"\.double\(\)\.cpu\(\)|\.to\(.cpu., torch\.float64"
    r"|sum\(.*dtype=torch\.float64|device=.*float64"
)


def test_nothing_is_widened_on_its_device_to_be_moved_afterwards():
    root = Path(viz.__file__).parent / "views"
    found = [
        f"{path.name}: {line.strip()}"
        for path in root.rglob("*.py")
        for line in path.read_text().splitlines()
        if _ON_THE_DEVICE.search(line)
    ]
    assert not found
