"""Records of training for TensorBoard and MLflow, in local files."""

import pytest

from tests.toys import TASKS, toy_trainer

pytestmark = pytest.mark.slow

STEPS = {"max_steps": 4, "logging_steps": 2, "eval_strategy": "steps", "eval_steps": 4}


def test_tensorboard_shows_losses_and_metrics_of_every_task(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    toy_trainer(tmp_path, report_to=["tensorboard"], **STEPS).train()
    (events,) = (tmp_path / "runs").rglob("events.out.tfevents.*")
    recorded = EventAccumulator(str(events)).Reload()
    for task in TASKS:
        assert [event.step for event in recorded.Scalars(f"train/loss/{task}")] == [2, 4]
        assert [event.step for event in recorded.Scalars(f"eval/{task}_loss")] == [4]
    assert recorded.Scalars("eval/overall")


def test_mlflow_has_the_options_and_metrics_of_a_run(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    options = {"report_to": ["mlflow"], "run_name": "mine", "task_sampling": "proportional"}
    trainer = toy_trainer(tmp_path / "out", step_every="batch", **options, **STEPS)
    trainer.train()
    (run,) = mlflow.search_runs(search_all_experiments=True, output_format="list")
    assert (run.info.run_name, run.info.status) == ("mine", "FINISHED")
    assert run.data.params["task_sampling"] == "proportional"
    last = [entry for entry in trainer.state.log_history if "eval_overall" in entry][-1]
    assert run.data.metrics["eval_overall"] == last["eval_overall"]
