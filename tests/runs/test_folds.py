"""Runs over folds of the training rows, from files to files."""

import json
import shutil

import pytest

from tests.toy_runs import toy_run
from trainer.config.parser import parse
from trainer.errors import InputError
from trainer.runs import folds
from trainer.runs.folds import summarize_folds, train_folds
from trainer.runs.modes import MODES

pytestmark = pytest.mark.usefixtures("quick_pictures")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("folds")
    # The pairs of the other tasks are a chain of shared texts, which cannot be divided.
    tasks = {"sentiment": None}
    toy_run(folder, 12, 4, max_steps=1, seed=5, save_strategy="steps", save_steps=1, tasks=tasks)
    return folder


def settings(place, *options):
    return parse([str(place / "toy.yaml"), "--folds", "2", *options])


@pytest.fixture(scope="module")
def finished(place):
    return place / "out", MODES["train"](settings(place))


def test_each_fold_is_a_run_and_the_summary_has_means_and_deviations(finished):
    folder, summary = finished
    results = json.loads((folder / "folds.json").read_text())
    assert list(results) == ["fold-1", "fold-2"]
    assert json.loads((folder / "metrics.json").read_text()) == summary
    values = [results[fold]["eval_overall"] for fold in results]
    assert summary["eval_overall"] == pytest.approx(sum(values) / 2)
    for fold, metrics in results.items():
        assert json.loads((folder / fold / "metrics.json").read_text()) == metrics
        assert (folder / fold / "model.safetensors").is_file()
    assert "fold 2 of 2, drawn from the training rows" in (folder / "fold-2/README.md").read_text()
    assert not (folder / "model.safetensors").exists()


def test_a_resumed_run_trains_only_what_is_missing(place, finished, monkeypatch):
    folder, summary = finished
    shutil.copytree(folder, place / "again")
    (place / "again" / "fold-2" / "README.md").unlink()
    trained = []
    real = folds.train
    monkeypatch.setattr(folds, "train", lambda fold: trained.append(fold) or real(fold))
    options = ["--output_dir", str(place / "again"), "--resume", "true"]
    assert train_folds(settings(place, *options)) == pytest.approx(summary)
    assert [(fold.run.fold, fold.run.resume) for fold in trained] == [(2, True)]


def test_standard_deviations_are_those_of_a_sample():
    summary = summarize_folds([{"eval_overall": 0.4}, {"eval_overall": 0.6}])
    assert summary == pytest.approx({"eval_overall": 0.5, "eval_overall_std": 0.02**0.5})


@pytest.mark.parametrize(
    "options, message",
    [
        (["--folds", "1"], "folds = 1: must be 2 or more"),
        (["--fold", "3"], "fold = 3: expected a number from 1 to 2"),
        (["--mode", "evaluate"], "folds = 2: has no effect with mode: evaluate"),
    ],
)
def test_options_without_a_meaning_are_refused(place, options, message):
    with pytest.raises(InputError, match=message):
        settings(place, *options)


def test_folds_are_not_published(place):
    run = settings(place, "--push_to_hub", "true", "--hub_model_id", "me/name")
    with pytest.raises(InputError, match="push_to_hub: with folds there are several models"):
        train_folds(run)
