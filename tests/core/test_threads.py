"""One thread inside, as many as before outside: also after errors, and side by side."""

import threading

import pytest
import torch

from viz.core.threads import one_thread


@pytest.fixture(autouse=True)
def three():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_after_an_error():
    with pytest.raises(KeyError), one_thread():
        raise KeyError("x")
    assert torch.get_num_threads() == 3


def test_threads_side_by_side_leave_as_many_as_before():
    entered, leave, seen = threading.Event(), threading.Event(), []

    def other():
        with one_thread():
            entered.set()
            leave.wait(600)
            seen.append(torch.get_num_threads())
        seen.append(torch.get_num_threads())

    worker = threading.Thread(target=other)
    with one_thread():
        worker.start()
        assert entered.wait(600)
    assert torch.get_num_threads() == 3
    leave.set()
    worker.join()
    assert seen == [1, 3]
    assert torch.get_num_threads() == 3
