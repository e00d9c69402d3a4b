"""Every study of docs/search_methods.md passes the checks, and its table lists all methods."""

import re
from pathlib import Path

import pytest

from trainer.search.checks import check_runs
from trainer.search.methods import METHODS, make_method
from trainer.search.methods.changeable import OF_RUN, OF_TASK
from trainer.search.study_file import read_study

PAGE = Path("docs/search_methods.md").read_text(encoding="utf-8")
STUDIES = re.findall(r"^```yaml\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("text", STUDIES)
def test_a_study_of_the_page_passes_the_checks(text, tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(text)
    study = read_study(path)
    check_runs(study, make_method(study).trials)


def test_the_table_lists_all_methods_with_their_options_and_defaults():
    rows = dict(re.findall(r"^\| `(\w+)` \|(.*)$", PAGE, flags=re.MULTILINE))
    assert set(rows) == set(METHODS)
    for name, row in rows.items():
        kind = METHODS.entry(name).options
        for option, value in ({} if kind is None else vars(kind())).items():
            assert f"`{option}: {value}`" in row


def test_the_page_lists_all_options_that_may_change():
    assert all(f"`{option}`" in PAGE for option in (*OF_RUN, *OF_TASK))
