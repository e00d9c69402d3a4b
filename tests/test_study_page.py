"""The studies of docs/study.md pass all checks, and its table has every key of a study."""

import re
from pathlib import Path

import pytest

from tests.docs_blocks import ROOT, write_files
from trainer.search.checks import check_runs
from trainer.search.methods import METHODS
from trainer.search.report.comparison import Difference
from trainer.search.study_file import read_study

PAGE = (ROOT / "docs" / "study.md").read_text()


@pytest.fixture
def studies(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    return [tmp_path / name for name in write_files("study.md", tmp_path, "yaml")]


def test_the_studies_pass_all_checks(studies):
    counts = {}
    for path in studies:
        study = read_study(path)
        trials = METHODS[study.method](study).trials
        check_runs(study, trials, path.parent)
        counts[path.name] = len(trials)
    assert counts == {"rates.yaml": 12, "apart.yaml": 20, "drawn.yaml": 20}
    assert "These are 12 runs" in PAGE


def test_the_table_of_words_has_every_verdict():
    scores = {1: 0.6, 2: 0.71}
    found = {
        Difference.of(scores, baseline).verdict(True, corrected)
        for baseline, corrected in [
            ({1: 0.5}, None),
            (scores, 1.0),
            ({1: 0.5, 2: 0.6}, 0.01),
            ({1: 0.7, 2: 0.8}, 0.01),
            ({1: 0.5, 2: 0.6}, 0.2),
            ({1: 0.5, 2: 0.61}, None),  # but for rounding equal differences
        ]
    }
    table = PAGE.partition("| Words |")[2].partition("\n\n")[0]
    words = re.findall(r"^\| (\w[^|]+) \|", table, re.MULTILINE)
    assert {word for cell in words for word in cell.split(", ") if "but" not in cell} | {
        cell for cell in words if "but" in cell
    } == found


def test_linked_files_exist():
    for target in re.findall(r"\]\(((?!http)[^)#]+)", PAGE):
        assert (Path(ROOT) / "docs" / target).exists(), target
