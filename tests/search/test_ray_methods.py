"""Every search method with a real Ray, with a function in place of training."""

from importlib.util import find_spec

import pytest

from tests.search.targets import quality
from tests.search.test_run import Breaking, study
from trainer.search.ray_executor import RayExecutor
from trainer.search.run import Search
from trainer.search.space import read_space

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="needs pip install '.[ray]'"),
]
RATES = {"low": 1e-5, "high": 1e-2, "log": True}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """An executor for several searches, since Ray takes some seconds to start."""
    witness = tmp_path_factory.mktemp("shared") / "witness"
    witness.touch()
    workers = RayExecutor(quality, 2, 1, None, witness)
    yield workers
    workers.close()


@pytest.mark.parametrize(
    "settings",
    [
        {"method": "grid", "parallel": 2, "rates": [1e-5, 2e-5]},
        {"method": "random", "parallel": 2, "trials": 4},
        {"method": "tpe", "trials": 4},
        {"method": "asha", "trials": 16, "cycles": 64, "interval": 4},
        {"method": "pbt", "parallel": 2, "trials": 5, "cycles": 8, "interval": 2},
        {"method": "gpbt", "parallel": 2, "trials": 5, "cycles": 8, "interval": 2},
        {"method": "schedule", "rates": [1e-5, 2e-5], "cycles": 4, "interval": 2},
    ],
    ids=lambda settings: settings["method"],
)
def test_a_method_gives_the_results_of_another_engine(tmp_path, shared, settings):
    if settings["method"] == "tpe":
        pytest.importorskip("optuna")
    space = read_space({"learning_rate": settings.get("rates", RATES)})
    options = {key: value for key, value in settings.items() if key != "rates"}
    found = []
    for name, executor in (("ray", shared), ("here", Breaking(99))):
        search = Search(study(tmp_path / name, space=space, **options), with_values)
        search.run(executor)
        found.append(sorted((str(s), r.score) for s, r in search.results))
    assert found[0] == found[1]


def with_values(trial, segment):
    return trial.seed, {**trial.values, **segment.values}
