"""Files that a prediction writes are none of those that it reads."""

import pytest

from trainer.errors import InputError
from trainer.prediction.job import PredictionJob
from trainer.prediction.places import check_places
from trainer.prediction.sources import Inputs


def check(output, *locations, **options):
    check_places(PredictionJob(Inputs(tuple(map(str, locations))), output, **options))


def test_places_apart_are_fine(tmp_path):
    (tmp_path / "in").mkdir()
    rows = tmp_path / "in" / "a.csv"
    rows.touch()
    check(tmp_path / "a.csv", rows, log=tmp_path / "log.jsonl")
    check(tmp_path / "in.csv", tmp_path / "in")
    check(tmp_path / "in" / "out.jsonl", tmp_path / "in" / "*.csv")
    check(tmp_path / "a.csv", "sqlite:////a.db?table=t")


@pytest.mark.parametrize("output, location", [
    ("a.csv", "a.csv"),
    ("in/out.csv", "in"),
    ("in/out.csv", "in/*.csv"),
    ("in/out.csv", "in/*.jsonl"),  # the journal
    ("in/deep/out.csv", "in/**/*.csv"),
    ("link.csv", "a.csv"),
])  # fmt: skip
def test_an_output_among_the_rows_is_refused(tmp_path, output, location):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "a.csv").touch()
    (tmp_path / "link.csv").symlink_to(tmp_path / "a.csv")
    with pytest.raises(InputError, match="--output: .* is among the rows to predict"):
        check(tmp_path / output, tmp_path / location)


@pytest.mark.parametrize("log", ["a.csv", "out.csv", "out.csv.journal.jsonl"])
def test_a_log_has_a_file_of_its_own(tmp_path, log):
    (tmp_path / "a.csv").touch()
    with pytest.raises(InputError, match="--log"):
        check(tmp_path / "out.csv", tmp_path / "a.csv", log=tmp_path / log)
