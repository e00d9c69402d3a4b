"""The command, with an executor in this process in place of training."""

import json
import sys

import pytest
import yaml

from trainer.errors import InputError
from trainer.search import command
from trainer.search.command import run_study
from trainer.search.run import SearchInterruptedError
from trainer.search.trials import Result


class Executor:
    """Gives a result at once: the accuracy of a run is a hundred times its learning rate."""

    def __init__(self, *_):
        self.requests = {}

    def submit(self, key, request):
        self.requests[key] = request

    def wait(self):
        key, request = self.requests.popitem()
        accuracy = 100 * request.options["learning_rate"]
        metrics = {f"eval_{t}_accuracy": accuracy for t in ("sentiment", "paraphrase")}
        metrics |= {"eval_similarity_pearson": 0.5, "eval_overall": accuracy}
        return key, Result(accuracy, metrics, 2.0)

    def interrupt(self):
        pass

    close = interrupt


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "ProcessExecutor", Executor)
    monkeypatch.setattr(command, "measure_test", lambda *_: {})  # there is no model
    path = tmp_path / "rates.yaml"
    content = {
        "options": {"model_name_or_path": "minilm", "data_dir": "sample"},
        "output_dir": str(tmp_path / "out"),
        "seeds": [1, 2],
        "space": {"learning_rate": [1e-3, 2e-3]},
    }
    path.write_text(yaml.safe_dump(content))
    return path


def test_a_study_ends_with_its_report(study, tmp_path, capsys):
    run_study(study)
    report = json.loads((tmp_path / "out" / "study.json").read_text())
    assert report["best"] == "learning_rate 0.002" and report["done"]
    printed = capsys.readouterr().out
    assert "4/4 trial-0004 (seed 2, learning_rate 0.002)" in printed
    assert "learning_rate 0.002  0." in printed and "report written to" in printed


def test_the_report_is_there_after_the_first_result(study, tmp_path, monkeypatch):
    class Broken(Executor):
        def wait(self):
            if (tmp_path / "out" / "study.json").is_file():
                raise RuntimeError("power is lost")
            return super().wait()

    monkeypatch.setattr(command, "ProcessExecutor", Broken)
    with pytest.raises(RuntimeError):
        run_study(study)
    report = json.loads((tmp_path / "out" / "study.json").read_text())
    assert len(report["runs"]) == 1 and not report["done"]


def test_an_interrupted_study_has_the_results_so_far(study, tmp_path, monkeypatch):
    class Interrupted(Executor):
        count = 0

        def wait(self):
            self.count += 1
            if self.count == 4:
                raise SearchInterruptedError("SIGINT")
            return super().wait()

    monkeypatch.setattr(command, "ProcessExecutor", Interrupted)
    with pytest.raises(SearchInterruptedError):
        run_study(study)
    report = json.loads((tmp_path / "out" / "study.json").read_text())
    assert len(report["runs"]) == 3 and not report["done"]


def test_an_engine_that_is_not_installed_is_refused_before_the_first_run(
    study, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"engine = ray: needs ray, .*pip install '.*\[ray\]'"):
        run_study(study, ["--engine", "ray"])
    run_study(study)  # the engine may change
    assert json.loads((tmp_path / "out" / "study.json").read_text())["done"]


def test_a_corrected_study_begins(study, tmp_path):
    content = yaml.safe_load(study.read_text())
    study.write_text(yaml.safe_dump({**content, "variants": {"a": {"agregator": "pcgrad"}}}))
    with pytest.raises(InputError, match="Did you mean 'aggregator'"):
        run_study(study)
    assert not (tmp_path / "out").exists()
    study.write_text(yaml.safe_dump({**content, "variants": {"a": {"aggregator": "pcgrad"}}}))
    assert run_study(study).method.done


def test_a_broken_test_split_costs_no_report(study, tmp_path, monkeypatch, capsys):
    def broken(*_):
        raise InputError("test.jsonl, row 1: is not JSON")

    monkeypatch.setattr(command, "measure_test", broken)
    run_study(study)
    assert "could not be measured: test.jsonl, row 1" in capsys.readouterr().out
    assert "row 1: is not JSON" in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cycles": 2, "space": {"max_steps": [2, 4]}}, "max_steps: has no effect beside cycles"),
        ({"seeds": [1, -1]}, "seeds = .* from 0 on"),
        ({"options": {"mode": "evaluate"}}, "options: mode: use hybrid-mtl"),
        ({"output_dir": 5}, "output_dir = 5: expected text"),
        ({"study_metric": 5}, "study_metric = 5: expected text"),
        ({"baseline": 1}, "baseline = '1': is none of the variants"),
        ({"variants": {"a": {1: 2}}}, "1: expected the name of an option"),
        ({"method_options": 5}, "method_options = 5: expected OPTION: value"),
        ({"method": "random", "trials": 3, "seed": -1}, "seed = -1"),
        ({"method": "random", "trials": 3}, "the space has 2 combinations"),
        (
            {
                "variants": {"a": {}, "b": {}},
                "combined": {"x": {"sentimnt": "a", "similarity": "b"}},
            },
            "combined: x: the baseline has no task 'sentimnt' .* Did you mean 'sentiment'",
        ),
    ],
)
def test_wrong_studies_are_refused_before_anything_is_written(study, tmp_path, changes, message):
    content = yaml.safe_load(study.read_text())
    options = content["options"] | changes.pop("options", {})
    study.write_text(yaml.safe_dump({**content, **changes, "options": options}))
    with pytest.raises(InputError, match=message):
        run_study(study)
    assert not (tmp_path / "out").exists()
