"""Lists of blocks on the command line."""

import pytest

from viz.views.base import numbers


def test_ranges_and_single_numbers():
    assert numbers("7, 0-2,1") == [0, 1, 2, 7]


@pytest.mark.parametrize("text", ["0-99999999999", "1234567", "0-2,5-10000000"])
def test_a_slip_of_many_digits_is_refused_before_it_takes_memory(text):
    with pytest.raises(ValueError, match="above 999999"):
        numbers(text)
