import pytest
import torch


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Threads that share out a toy's matrices do little but wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
