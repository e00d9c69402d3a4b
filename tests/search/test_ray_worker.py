"""The checks of a worker on a node of a cluster."""

import pytest

from trainer.errors import InputError
from trainer.search.ray_worker import check_folders


def test_a_node_that_does_not_see_the_folders_is_refused(tmp_path):
    witness = tmp_path / "study" / "journal.jsonl"
    with pytest.raises(InputError, match=r"does not see '.*study': all nodes must share"):
        check_folders(str(tmp_path), str(witness), "first")
    witness.parent.mkdir()
    witness.write_text("another study\n")
    with pytest.raises(InputError, match=r"does not see '.*study'"):
        check_folders(str(tmp_path), str(witness), "first")
    with pytest.raises(InputError, match=r"does not see '.*elsewhere'"):
        check_folders(str(tmp_path / "elsewhere"), str(witness), "first")
    witness.write_text("first\nsecond\n")
    check_folders(str(tmp_path), str(witness), "first")
