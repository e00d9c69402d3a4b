"""scripts/monitor.py, make_reference.py and collect_feedback.py: output and exit status."""

import json
import runpy
import shutil
import sys

import numpy as np
import pytest

from tests.audit.conftest import model_folder  # noqa: F401 (a fixture)
from tests.monitoring.lines import day_of, feedback, write_log
from tests.monitoring.simulated import make_reference
from tests.scripts.test_small_scripts import SCRIPTS
from trainer.monitoring.reference import read_reference, write_reference


@pytest.fixture
def run(monkeypatch, capsys):
    def run(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        monkeypatch.setattr(sys, "path", list(sys.path))
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(SCRIPTS / name), run_name="__main__")
        return ended.value.code, capsys.readouterr()

    return run


@pytest.fixture
def folder(tmp_path):
    write_reference(make_reference(np.random.default_rng(0)), tmp_path / "model")
    return tmp_path / "model"


def log_of(path, *shares):
    random = np.random.default_rng(1)
    for day, each in enumerate(shares):
        write_log(path, day_of(random, day, 300, each))
    return path


USUAL, SHIFTED = (0.2, 0.3, 0.5), (0.6, 0.2, 0.2)


@pytest.mark.parametrize(
    ("shares", "status", "message"),
    [
        ([USUAL] * 3, 0, "No alert"),
        ([USUAL, SHIFTED, SHIFTED], 1, "1 alert: answers differ"),
        ([USUAL], 3, "Not enough rows"),
    ],
)
def test_the_exit_status_is_for_scripts(run, folder, tmp_path, shares, status, message):
    log = log_of(tmp_path / "log.jsonl", *shares)
    code, printed = run("monitor.py", folder, log, "--output_dir", tmp_path / "out")
    assert code == status and message in printed.out and not printed.err
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *("alerts.json", "report.html", "metrics.prom")
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--window", "1w"], "window = '1w': expected such as 1d"),
        (["--min_rows", "3"], "min_rows = 3: must be 10 or more"),
        (["--effects", "label=0.1"], "effects: 'label' is not one of"),
        (["--every", "0"], "every = 0.0: must be 0.1 or more"),
    ],
)
def test_wrong_options_are_one_line_and_status_2(run, folder, tmp_path, options, message):
    code, printed = run("monitor.py", folder, log_of(tmp_path / "log", USUAL), *options)
    assert code == 2 and message in printed.err and len(printed.err.splitlines()) == 1
    assert not (tmp_path / "alerts.json").exists()


def test_a_missing_log_or_reference_is_status_2(run, folder, tmp_path):
    assert run("monitor.py", folder, tmp_path / "none")[0] == 2
    code, printed = run("monitor.py", tmp_path, log_of(tmp_path / "log", USUAL))
    assert code == 2 and "train with monitoring_reference: true" in printed.err


def test_a_reference_is_made_of_labeled_rows(run, model_folder, tmp_path):  # noqa: F811
    folder = shutil.copytree(model_folder, tmp_path / "model")
    lines = ["text,label,place"]
    lines += [f"a good film,{['bad', 'good'][i % 2]},{'ab'[i % 3 > 0]}" for i in range(90)]
    (tmp_path / "rows.csv").write_text("\n".join(lines))
    arguments = (folder, "--data", tmp_path / "rows.csv", "--tasks", "mood")
    code, printed = run("make_reference.py", *arguments, "--groups", "place")
    assert code == 0 and "mood: 90 of 90 rows, place = a: 30, place = b: 60" in printed.out
    found = read_reference(folder).tasks["mood"]
    assert found.rates.labeled == 90 and found.groups["place", "a"].labeled == 30
    code, printed = run("make_reference.py", *arguments[:-1], "moods")
    assert code == 2 and "no task 'moods'" in printed.err
    code, printed = run("make_reference.py", "someone/model", *arguments[1:])
    assert code == 2 and "output_dir: is missing" in printed.err


def test_feedback_is_collected(run, tmp_path):
    records = day_of(np.random.default_rng(0), 0, 10, text="a film")
    log = write_log(tmp_path / "log", [*records, feedback(id="0-3")])
    out = tmp_path / "rows"
    code, printed = run("collect_feedback.py", log, "--output_dir", out)
    assert code == 0 and "read the rows first" in printed.out
    rows = [json.loads(line) for path in out.glob("mood/*.jsonl") for line in path.open()]
    assert rows == [{"text": "a film", "label": "bad"}]
    empty = write_log(tmp_path / "empty", records)
    code, printed = run("collect_feedback.py", empty, "--output_dir", out)
    assert code == 2 and "there is no feedback with texts" in printed.err


def test_a_file_that_is_no_log_is_wrong_input(run, folder, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("text,label\na film,good\n")
    code, printed = run("monitor.py", folder, path, "--output_dir", tmp_path / "out")
    assert code == 2 and "2 lines, of which none is of an answer log" in printed.err
