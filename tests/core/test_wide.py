"""Float64 where a device has none: on the CPU."""

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from viz.core.wide import wide


def test_values_leave_a_device_without_float64_before_they_are_widened():
    with FakeTensorMode():
        for device in ("mps", "cuda", "cpu"):
            made = wide(torch.empty(3, device=device))
            assert made.dtype == torch.float64
            assert made.device.type == ("cpu" if device == "mps" else device)
    values = torch.tensor([1.0, 2.5], dtype=torch.bfloat16)
    assert wide(values).tolist() == [1.0, 2.5]
