import pytest
import torch

from tests.objective.loss_weights._steps import TASKS, step
from tests.toys import toy_trainer
from trainer.errors import InputError
from trainer.objective.loss_weights import LOSS_WEIGHTS, LossBalancer, LossWeights

BALANCERS = [name for name in LOSS_WEIGHTS if name not in ("fixed", "uncertainty")]


class Inverse(LossBalancer):
    def next_weights(self, step):
        return 2 * (1 / self.losses) / (1 / self.losses).sum()


def test_a_task_is_multiplied_by_its_weight_which_is_logged():
    weights = Inverse(TASKS)
    assert weights("first", torch.tensor(3.0)).item() == 3
    weights.update(step((1.0, 3.0)))
    assert weights("first", torch.tensor(3.0)).item() == 4.5
    assert weights.logs() == {"loss_weight/first": 1.5, "loss_weight/second": 0.5}


def test_a_negative_loss_is_refused_when_it_is_logged():
    weights = Inverse(TASKS)
    weights.update(step((1.0, -3.0)))
    with pytest.raises(InputError, match="task 'second': its loss is -3, and loss_weights need"):
        weights.logs()


@pytest.mark.parametrize("name", BALANCERS)
def test_one_task_has_nothing_to_balance(tmp_path, name):
    with pytest.raises(InputError, match="loss_weights: there is one task only"):
        toy_trainer(tmp_path, sizes={"mood": 8}, loss_weights=name)


@pytest.mark.parametrize("name", BALANCERS)
def test_state_is_restored_from_state_dict(name):
    first, second = (LOSS_WEIGHTS.make(name, TASKS) for _ in range(2))
    first.update(step((1.0, 3.0), after=(0.5, 2.0), norms=(1.0, 2.0)))
    second.load_state_dict(first.state_dict())
    for weights in (first, second):
        weights.update(step((2.0, 1.0), after=(0.5, 0.5), norms=(3.0, 1.0), number=100))
        weights.update(step((2.0, 2.0), after=(0.5, 0.5), norms=(3.0, 1.0), number=200))
    assert torch.equal(first.weights, second.weights)
    assert first.weights.tolist() != [1, 1]


def test_every_choice_is_a_class_of_loss_weights_or_fixed():
    assert list(LOSS_WEIGHTS) == ["fixed", "uncertainty", "gradnorm", "famo", "dwa"]
    for name in ("uncertainty", *BALANCERS):
        assert issubclass(LOSS_WEIGHTS[name], LossWeights)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"gradnorm_alpha": 1.0}, "gradnorm_alpha = 1.0: has no effect with loss_weights: fixed"),
        ({"loss_weights": "famo", "dwa_period": 3}, "dwa_period = 3: has no effect with"),
        ({"loss_weights": "dwa", "dwa_period": 0}, "dwa_period = 0: must be a number, 1 or more"),
        ({"loss_weights": "gradnorm", "gradnorm_alpha": -1.0}, "gradnorm_alpha = -1.0: must be"),
        ({"loss_weights": "gradnrm"}, "must be one of fixed, .*Did you mean 'gradnorm'"),
        (
            {"loss_weights": "gradnorm", "trainable": "heads"},
            "loss_weights = 'gradnorm': with trainable: heads the tasks share no",
        ),
        (
            {"loss_weights": "famo", "aggregator": "imtl_g"},
            "loss_weights = 'famo': has no effect on the encoder with aggregator 'imtl_g'",
        ),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        toy_trainer(tmp_path, **options)
