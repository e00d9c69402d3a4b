"""scripts/predict.py: its files, and one line for wrong input."""

import csv
import json
import runpy
import signal
import sys

import pytest

from tests.audit.conftest import model_folder  # noqa: F401 (a fixture)
from tests.scripts.test_small_scripts import SCRIPTS


@pytest.fixture
def run(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["predict.py", *map(str, arguments)])
        monkeypatch.setattr(sys, "path", list(sys.path))
        handler = signal.getsignal(signal.SIGTERM)
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(SCRIPTS / "predict.py"), run_name="__main__")
        signal.signal(signal.SIGTERM, handler)
        return ended.value.code, capsys.readouterr()

    return run


@pytest.fixture
def model(model_folder):  # noqa: F811
    return model_folder


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("id,review\n7,a good film\n8,\n9,the film was dull\n")
    return path


def test_a_file_is_predicted_without_a_configuration(run, model, rows, tmp_path):
    output = tmp_path / "new" / "a.csv"
    status, printed = run(
        *(model, rows, "--output", output, "--task", "mood", "--keep", "id"),
        *("--texts", "text=review", "--on_error", "skip", "--probabilities", "--threads", "1"),
    )
    assert status == 0 and "2 rows written" in printed.out
    found = list(csv.DictReader(output.open()))
    assert [row["id"] for row in found] == ["7", "9"]
    assert sum(float(v) for name, v in found[0].items() if "probability" in name) == pytest.approx(
        1
    )
    (reject,) = map(json.loads, (tmp_path / "new" / "a.csv.rejects.jsonl").open())
    assert reject["row"] == 2 and reject["column"] == "review"


def test_columns_can_be_renamed(run, model, rows, tmp_path):
    output = tmp_path / "a.jsonl"
    status, _ = run(
        *(model, rows, "--output", output, "--task", "mood", "--texts", "text=review"),
        *("--on_error", "null", "--output_columns", "id", "label=Mood", "--threads", "1"),
    )
    found = [json.loads(line) for line in output.open()]
    assert status == 0 and [list(row) for row in found] == [["id", "Mood"]] * 3
    assert [row["Mood"] is None for row in found] == [False, True, False]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--texts", "text=review"], "rows.csv, row 2: column 'review' must be a non-empty text"),
        ([], "there is no column 'text'"),
        (["--task", "moods", "--texts", "text=review"], "--task: no task 'moods' in this model"),
        (["--precision", "int8"], "is not an ONNX export"),
        (["--workers", "0"], "--workers = 0: must be 1 or more"),
        (["--address", "auto"], "--address = auto: is of a Ray cluster; set --engine ray"),
        (["--format", "cvs"], "option 'format' = 'cvs': must be one of"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(run, model, rows, tmp_path, arguments, message):
    status, printed = run(model, rows, "--output", tmp_path / "a.csv", *arguments)
    assert status == 2 and message in printed.err and len(printed.err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_a_model_that_is_not_there_is_one_line(run, rows, tmp_path):
    status, printed = run("./none", rows, "--output", tmp_path / "a.csv")
    assert status == 2 and "there is no folder './none'" in printed.err


def test_an_interruption_says_how_to_go_on(run, model, rows, tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("trainer.prediction.run.predict_files", interrupt)
    status, printed = run(model, rows, "--output", tmp_path / "a.csv")
    assert status == 130 and "the same command goes on from here" in printed.err
