"""One search at a time in a study's folder."""

import pytest

from trainer.errors import InputError
from trainer.search.lock import only_search


def test_a_second_search_is_refused_until_the_first_has_ended(tmp_path):
    with only_search(tmp_path / "study"):
        second = only_search(tmp_path / "study")
        with pytest.raises(InputError, match="another search of this study"):
            second.__enter__()
    with only_search(tmp_path / "study"):
        pass
