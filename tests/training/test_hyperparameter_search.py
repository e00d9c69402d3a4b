"""`HybridMTLTrainer.hyperparameter_search`; the slow tests are with the real packages."""

from importlib.util import find_spec

import pytest
from transformers import trainer as library
from transformers.trainer_utils import HPSearchBackend

from tests.training.test_run_parts import searching

RATES = [1e-4, 1e-2]
STEPS = {"eval_strategy": "steps", "eval_steps": 1, "save_strategy": "steps", "save_steps": 1}


def objective_alone(folder, rate):
    """The overall score after a run with a rate."""
    trainer = searching(folder, learning_rate=rate)
    trainer.train()
    return trainer.evaluate()["eval_overall"]


@pytest.mark.parametrize(
    ("given", "direction", "best"),
    [({}, "maximize", 0.5), ({"compute_objective": lambda m: m["eval_loss"]}, "minimize", 9.0)],
)
def test_the_overall_score_is_the_objective_unless_another_is_given(
    tmp_path, monkeypatch, given, direction, best
):
    class Backend:
        default_hp_space = None

        def ensure_available(self):
            pass

        def run(self, trainer, n_trials, direction):
            return direction, trainer.compute_objective({"eval_overall": 0.5, "eval_loss": 9.0})

    backends = library.ALL_HYPERPARAMETER_SEARCH_BACKENDS
    monkeypatch.setitem(backends, HPSearchBackend.OPTUNA, Backend)
    trainer = searching(tmp_path)
    assert trainer.hyperparameter_search(backend="optuna", **given) == (direction, best)


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, STEPS], ids=["at_the_end", "during_training"])
def test_optuna_finds_the_best_of_two_runs(tmp_path, options):
    optuna = pytest.importorskip("optuna")
    found = searching(tmp_path, **options).hyperparameter_search(
        lambda trial: {"learning_rate": trial.suggest_categorical("learning_rate", RATES)},
        n_trials=2,
        backend="optuna",
        sampler=optuna.samplers.GridSampler({"learning_rate": RATES}),
    )
    scores = {rate: objective_alone(tmp_path / "alone", rate) for rate in RATES}
    assert found.objective == max(scores.values())
    assert scores[found.hyperparameters["learning_rate"]] == found.objective


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="needs pip install '.[ray]'")
@pytest.mark.parametrize("options", [{}, STEPS], ids=["at_the_end", "during_training"])
def test_ray_finds_the_best_of_two_runs(tmp_path, ray_tune, options):
    found = searching(tmp_path, **options).hyperparameter_search(
        lambda _: {"learning_rate": ray_tune.grid_search(RATES)},
        n_trials=1,
        backend="ray",
        storage_path=str(tmp_path / "ray"),
        verbose=0,
    )
    scores = {rate: objective_alone(tmp_path / "alone", rate) for rate in RATES}
    assert found.objective == max(scores.values())
    assert scores[found.hyperparameters["learning_rate"]] == found.objective


@pytest.fixture(scope="module")
def ray_tune():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_worker_niceness", "0")
        patch.setenv("RAY_AIR_NEW_OUTPUT", "0")
        patch.setenv("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
        import ray
        from ray import tune

        ray.init(
            "local",
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
        )
        yield tune
        ray.shutdown()
