"""A run meets nothing of the run before it: the trials of a search are runs of their own."""

import copy
from types import SimpleNamespace

import pytest
import torch
from accelerate.utils.memory import release_memory
from transformers import EarlyStoppingCallback
from transformers import trainer as library
from transformers.trainer_utils import HPSearchBackend

from tests.toys import toy_model, toy_rows, toy_tokenizer, toy_trainer
from trainer import HybridMTLTrainer
from trainer.errors import InputError

HP_PARAMS = "transformers.integrations.hp_params"
SIZES = {"mood": 24, "same": 24, "near": 24}


def searching(folder, **options):
    """A trainer that makes a model for every run."""
    return HybridMTLTrainer(
        args=toy_trainer(folder, max_steps=2, **options).args,
        train_dataset={task: toy_rows(task, n, seed=1) for task, n in SIZES.items()},
        eval_dataset={task: toy_rows(task, 5, seed=2) for task in SIZES},
        model_init=lambda: toy_model(hidden_dropout_prob=0.1),
        processing_class=toy_tokenizer(),
    )


def weights(trainer):
    return {name: p.detach().clone() for name, p in trainer.model.named_parameters()}


def assert_equal(first, second):
    assert first.keys() == second.keys()
    for name, weight in first.items():
        assert torch.equal(weight, second[name]), name


class Search:
    """What optuna does with a trainer, trial by trial."""

    trials: list = []
    found: list = []

    def ensure_available(self):
        pass

    def run(self, trainer, n_trials, direction):
        for number, params in enumerate(self.trials):
            trainer.train(trial=SimpleNamespace(number=number, params=params))
            self.found.append((weights(trainer), trainer.evaluate()))
            trainer.model_wrapped, trainer.model = release_memory(
                trainer.model_wrapped, trainer.model
            )
            trainer.accelerator.clear()


@pytest.fixture
def search(monkeypatch):
    def go(trainer, *trials):
        monkeypatch.setitem(
            library.ALL_HYPERPARAMETER_SEARCH_BACKENDS, HPSearchBackend.OPTUNA, Search
        )
        monkeypatch.setattr(HP_PARAMS, lambda trial: trial.params)
        monkeypatch.setattr(Search, "trials", list(trials))
        monkeypatch.setattr(Search, "found", [])
        trainer.hyperparameter_search(lambda trial: trial.params, backend="optuna")
        return Search.found

    return go


# All that a run has besides its model, in two searches.
TRIALS = [
    {"aggregator": "gradvac", "ema_decay": 0.5, "smart_weight": 2.0, "loss_weights": "uncertainty"},
    {"aggregator": "pcgrad", "ema_decay": 0.0, "smart_weight": 0.0, "bregman_weight": 2.0},
    {
        "aggregator": "sum",
        "bregman_weight": 0.0,
        "optimizer_layout": "per_task",
        "max_grad_norm": 0.1,
    },
    {
        "optimizer_layout": "siloed",
        "loss_weights": "fixed",
        "trainable": "lora",
        "learning_rate": 2e-3,
    },
    {"trainable": "adapters", "step_every": "batch"},
]


def test_each_trial_of_a_search_is_the_run_it_would_be_alone(tmp_path, search):
    found = search(searching(tmp_path), *TRIALS)
    options = {}
    for trial, (after, metrics) in zip(TRIALS, found, strict=True):
        options.update(trial)
        alone = searching(tmp_path, **options)
        alone.train()
        assert_equal(after, weights(alone))
        assert metrics["eval_overall"] == alone.evaluate()["eval_overall"]


def test_what_a_search_makes_of_the_arguments_is_checked(tmp_path, search):
    for trial, message in (
        ({"aggregator": "pcgrd"}, "aggregator = 'pcgrd': must be one of"),
        ({"optimizer_layout": "per_task", "aggregator": "pcgrad"}, "nothing to aggregate"),
        ({"ema_decay": 1.5}, "ema_decay = 1.5: must be from 0"),
        ({"learning_rate": float("nan")}, "learning_rate = nan: must be a number"),
        ({"task_args": {"mood": {"batch_size": 0}}}, "task 'mood': batch_size = 0"),
    ):
        with pytest.raises(InputError, match=message):
            search(searching(tmp_path), trial)


@pytest.mark.parametrize(
    "options",
    [
        {"aggregator": "gradvac", "loss_weights": "uncertainty", "ema_decay": 0.5},
        {"smart_weight": 1.0, "bregman_weight": 2.0},
        {"optimizer_layout": "overlapping"},
        {"disable_tqdm": False, "logging_steps": 2},
    ],
    ids=str,
)
def test_a_second_run_is_the_first_again(tmp_path, options):
    trainer = searching(tmp_path, **options)
    results = []
    for _ in range(2):
        trainer.train()
        results.append((weights(trainer), trainer.state.log_history))
    assert_equal(results[0][0], results[1][0])
    losses = [[entry["loss/mood"] for entry in log if "loss" in entry] for _, log in results]
    assert losses[0] == losses[1]


def test_a_second_run_of_a_model_has_an_optimizer_of_its_own(tmp_path):
    trainer = toy_trainer(tmp_path, max_steps=3, loss_weights="uncertainty")
    trainer.train()
    alone = toy_trainer(
        tmp_path, model=copy.deepcopy(trainer.model), max_steps=3, loss_weights="uncertainty"
    )
    trainer.train()
    alone.train()
    assert_equal(weights(trainer), weights(alone))


def test_the_patience_of_one_run_is_not_the_next_one_s(tmp_path):
    options = {"eval_strategy": "steps", "eval_steps": 1, "learning_rate": 0.0}
    options |= {"save_strategy": "steps", "save_steps": 1, "load_best_model_at_end": True}
    trainer = toy_trainer(tmp_path, callbacks=[EarlyStoppingCallback(2)], **options)
    steps = []
    for _ in range(2):
        trainer.train()
        steps.append(trainer.state.global_step)
    assert steps == [3, 3]


def test_adam_as_it_is_documented_trains_and_is_logged(tmp_path):
    """`optimizers` as transformers' documentation gives them: groups without names."""
    model = toy_model()
    optimizer = torch.optim.AdamW(
        [{"params": model.backbone.parameters()}, {"params": model.heads.parameters(), "lr": 2e-3}],
        lr=1e-3,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    args = toy_trainer(tmp_path, max_steps=2).args
    rows = {task: toy_rows(task, n, seed=1) for task, n in SIZES.items()}
    for given in ((optimizer, schedule), (optimizer, None)):
        trainer = HybridMTLTrainer(
            model, args, train_dataset=rows, processing_class=toy_tokenizer(), optimizers=given
        )
        before = weights(trainer)
        for _ in range(2):
            trainer.train()
        logged = trainer.state.log_history[0]
        assert logged["learning_rate/group_0"] == 1e-3 and logged["learning_rate/group_1"] == 2e-3
        assert any(not torch.equal(p, before[n]) for n, p in model.named_parameters())
        assert trainer.optimizer.optimizer is optimizer


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer_layout": "per_task"}, "optimizer_layout: has no effect on a given optimizer"),
        ({"loss_weights": "uncertainty"}, "loss_weights: has no effect on a given optimizer"),
        ({"layer_decay": 0.9}, "layer_decay: has no effect on a given optimizer"),
        ({"trainable": "heads"}, "trainable: has no effect on a given optimizer"),
        ({"task_args": {"mood": {"learning_rate": 1.0}}}, "task 'mood': learning_rate: has no ef"),
        ({"task_args": {"mood": {"warmup_steps": 3}}}, "task 'mood': warmup_steps: has no effect"),
    ],
)
def test_options_of_another_optimizer_are_refused(tmp_path, options, message):
    model = toy_model()
    args = toy_trainer(tmp_path, **options).args
    given = torch.optim.SGD(model.parameters(), lr=0.1)
    common = {"processing_class": toy_tokenizer()}
    with pytest.raises(InputError, match=message):
        HybridMTLTrainer(model, args, optimizers=(given, None), **common)
    schedule = torch.optim.lr_scheduler.ConstantLR(given)
    with pytest.raises(InputError, match="optimizers: give the schedule's optimizer, too"):
        HybridMTLTrainer(model, args, optimizers=(None, schedule), **common)
