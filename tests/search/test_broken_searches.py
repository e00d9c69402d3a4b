"""A study from its file to its results, with real runs of a toy encoder."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.toy_runs import dots_for_figures, toy_run, write_data
from trainer.config.parser import read_config
from trainer.runs.train import train
from trainer.search.command import run_study
from trainer.search.final import measure_test
from trainer.search.journal import Journal
from trainer.search.study_file import read_study

ROOT = Path(__file__).parents[2]


@pytest.fixture
def study(tmp_path):
    """A grid of 4 with test rows."""
    toy_run(tmp_path, 16, 8, max_steps=4, save_strategy="steps", save_steps=1)
    write_data(tmp_path / "data", "test", 8)
    content = {
        "base": "toy.yaml",
        "output_dir": str(tmp_path / "grid"),
        "seeds": [1, 2],
        "space": {"learning_rate": [1e-3, 2e-3]},
        "parallel": 2,
    }
    (tmp_path / "grid.yaml").write_text(yaml.safe_dump(content))
    return tmp_path / "grid.yaml"


def search(path):
    command = [sys.executable, ROOT / "scripts" / "search.py", path]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )


def told(folder):
    """Trial -> its metrics, of the journal so far."""
    entries = Journal(folder / "journal.jsonl").read()
    return {e["tell"]["trial"]: e["result"]["metrics"] for e in entries if "tell" in e}


def trained_alone(path, folder):
    """Trial -> its metrics when run_mtl.py trains it."""
    study = read_study(path)
    metrics = {}
    for number, (seed, rate) in enumerate([(1, 1e-3), (1, 2e-3), (2, 1e-3), (2, 2e-3)], start=1):
        options = read_config(path.parent / "toy.yaml") | {
            "seed": seed,
            "learning_rate": rate,
            "output_dir": str(folder / str(number)),
        }
        config = folder / f"{number}.yaml"
        config.write_text(yaml.safe_dump(options))
        metrics[number] = run(config)
    assert len(metrics) == len(study.seeds) * 2
    return metrics


def run(config):
    from trainer.config.parser import parse

    with dots_for_figures():
        metrics = train(parse([str(config)]))
    return {name: value for name, value in metrics.items() if name.startswith("eval_")}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_grid_that_was_broken_off_gives_what_single_runs_give(study, tmp_path, number):
    folder = tmp_path / "grid"
    broken = search(study)
    end = time.monotonic() + 300
    while not told(folder):
        assert broken.poll() is None and time.monotonic() < end
        time.sleep(0.1)
    broken.send_signal(number)
    _, errors = broken.communicate(timeout=120)
    assert broken.returncode == (75 if number == signal.SIGINT else -number)
    assert "leaked" not in errors
    before = times_of_cards(folder, told(folder))
    rest = search(study)
    lines, errors = rest.communicate(timeout=600)
    assert rest.returncode == 0 and errors == ""
    assert lines.count("/4 trial-") == 4 - len(before)
    assert f"grid: 4 runs, {len(before)} of them finished" in lines
    assert times_of_cards(folder, before) == before  # not run again
    assert told(folder) == trained_alone(study, tmp_path)
    assert_one_model_is_left_and_measured_once(study, folder)


def times_of_cards(folder, trials):
    card = "card_facts.json"  # written at the end of a run
    return {n: (folder / "trials" / f"trial-000{n}" / card).stat().st_mtime for n in trials}


def assert_one_model_is_left_and_measured_once(path, folder):
    metrics = json.loads((folder / "test" / "metrics.json").read_text())
    assert metrics["test_overall"] and not any(n.startswith("eval_") for n in metrics)
    models = list((folder / "trials").rglob("model.safetensors"))
    scores = {number: m["eval_overall"] for number, m in told(folder).items()}
    assert [int(model.parent.name[-4:]) for model in models] == [max(scores, key=scores.get)]
    models[0].unlink()  # it is not needed again
    search = run_study(path)
    assert measure_test(read_study(path), search.method.trials[0]) == metrics
