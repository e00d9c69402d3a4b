import numpy as np

from trainer.search.report.importance import FEWEST_RUNS, importance_of
from trainer.search.report.runs import Run
from trainer.search.trials import Trial

OPTIONS = ["learning_rate", "optim", "weight_decay"]


def runs(count, score):
    random = np.random.default_rng(0)
    found = []
    for number in range(1, count + 1):
        values = {
            "learning_rate": float(random.uniform()),
            "optim": str(random.choice(["adamw", "sgd"])),
            "weight_decay": float(random.uniform()),
        }
        found.append(Run(Trial(number, number % 2, values=values), {}, score(values), 1.0))
    return found


def test_the_options_that_matter_are_found():
    def score(values):
        return values["learning_rate"] + (2.0 if values["optim"] == "sgd" else 0.0)

    found = importance_of(runs(60, score), OPTIONS)
    assert list(found["options"])[:2] == ["optim", "learning_rate"]
    assert found["r2"] > 0.8 and found["runs"] == 60
    assert abs(found["options"]["weight_decay"]) < 0.05 and "seed" in found["options"]


def test_few_or_equal_runs_have_no_importance():
    assert importance_of(runs(FEWEST_RUNS - 1, lambda v: v["learning_rate"]), OPTIONS) is None
    assert importance_of(runs(20, lambda v: 0.5), OPTIONS) is None
    assert importance_of(runs(20, lambda v: v["learning_rate"]), ["optim"]) is None
