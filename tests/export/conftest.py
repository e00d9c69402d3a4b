import pytest
import torch


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Threads that share out a toy's matrices do little but wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def nothing_left(tmp_path):
    """Check that an export which failed left nothing beside what was there."""
    return lambda *there: sorted(p.name for p in tmp_path.iterdir()) == sorted(there)
