import math

import pytest

from tests.toy_runs import toy_run
from trainer.config.parser import read_config
from trainer.errors import InputError
from trainer.search import worker
from trainer.search.segments import Request
from trainer.training.callbacks.stop_on_signal import StoppedError
from trainer.training.nan_guard import NonFiniteError


@pytest.fixture(autouse=True)
def output_of_this_process_stays(monkeypatch):
    monkeypatch.setattr(worker, "_redirect_output", lambda _: None)


def run(monkeypatch, outcome):
    def train(_):
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    monkeypatch.setattr(worker, "train_segment", train)
    return worker.run_segment(Request({"output_dir": "out"}, "", "eval_overall"))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError(), "MemoryError: "),
        (RuntimeError("CUDA out of memory\nand so on"), "RuntimeError: CUDA out of memory"),
        (InputError("task 'mood': no rows"), "task 'mood': no rows"),
        (
            NonFiniteError("step 2: the loss of task 'mood' is nan because of 1 rows: 'a secret'"),
            "NonFiniteError: step 2: the loss of task 'mood' is nan because of 1 rows, which the "
            "log of the run shows",
        ),
    ],
)
def test_the_reason_of_a_failure_is_one_line(monkeypatch, error, reason):
    result = run(monkeypatch, error)
    assert result.score is None and result.error == reason


def test_a_stopped_segment_has_no_result(monkeypatch):
    assert run(monkeypatch, StoppedError("stopped after step 3")) is None


@pytest.mark.parametrize("score", [math.nan, math.inf, None])
def test_a_score_is_a_finite_number(monkeypatch, score):
    result = run(monkeypatch, {"eval_overall": score})
    assert result.score is None and "eval_overall" in result.error


def test_a_diverging_trial_fails_with_its_reason(tmp_path):
    path = toy_run(tmp_path, 16, 8, nan_policy="stop", max_steps=6, learning_rate="1e30")
    options = read_config(path) | {"output_dir": str(tmp_path / "trial"), "max_grad_norm": 0.0}
    result = worker.run_segment(Request(options, str(tmp_path / "log.txt"), "eval_overall"))
    assert result.score is None and result.error.startswith("NonFiniteError: ")
