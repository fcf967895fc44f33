"""Lists of blocks on the command line."""

import click
import pytest

from viz.cli.common import numbers


def test_ranges_and_single_numbers():
    assert numbers("7, 0-2,1") == [0, 1, 2, 7]


@pytest.mark.parametrize("text", ["0-99999999999", "1234567", "0-2,5-10000000"])
def test_a_slip_of_many_digits_is_refused_before_it_takes_memory(text):
    with pytest.raises(click.BadParameter, match="above 999999"):
        numbers(text)
