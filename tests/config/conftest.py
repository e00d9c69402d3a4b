"""What tests of extensions register is forgotten after each."""

import pytest

from tests.registrations import forgotten


@pytest.fixture(autouse=True)
def forget():
    """Leave nothing registered, and no module of an extension, behind."""
    with forgotten():
        yield
