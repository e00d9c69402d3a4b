import pytest


@pytest.fixture
def nothing_left(tmp_path):
    """Check that a failed export left only these names in the folder."""
    return lambda *names: sorted(p.name for p in tmp_path.iterdir()) == sorted(names)
