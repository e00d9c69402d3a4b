"""A run on toy data, shared by the tests of its modes; they leave it as it is."""

import pytest

from tests.toy_runs import dots_for_pictures, toy_run
from trainer.config.parser import parse
from trainer.runs.train import train


@pytest.fixture(scope="session")
def toy_place(tmp_path_factory):
    """A toy encoder, toy data in the default tasks' columns, and a configuration file."""
    folder = tmp_path_factory.mktemp("run")
    toy_run(
        folder,
        24,
        12,
        num_train_epochs=2,
        eval_on_start=True,
        eval_strategy="epoch",
        save_strategy="epoch",
        load_best_model_at_end=True,
        logging_steps=2,
        seed=5,
    )
    return folder


@pytest.fixture(scope="session")
def toy_trained(toy_place):
    with dots_for_pictures():
        metrics = train(parse([str(toy_place / "toy.yaml")]))
    return toy_place / "out", metrics
