"""Options of the trained parameters: their values, and what they cannot be combined with."""

import math

import pytest
import torch

from tests.toys import TASKS, toy_model, toy_tokenizer, toy_trainer
from trainer import HybridMTLTrainer
from trainer.errors import InputError

TWO = {"mood": 24, "same": 32}


@pytest.mark.parametrize(
    "options, message",
    [
        ({"trainable": "head"}, "trainable = 'head': must be one of all, heads, lora, adapters"),
        (
            {"lora_rank": 4},
            "lora_rank = 4: has no effect with trainable: all; unset it, or use",
        ),
        ({"lora_targets": ["key"], "trainable": "heads"}, "has no effect with trainable: heads"),
        ({"trainable": "lora", "lora_rank": 0}, "lora_rank = 0: must be a whole number"),
        ({"trainable": "lora", "lora_alpha": 0}, "lora_alpha = 0: must be a number above 0"),
        ({"trainable": "lora", "lora_alpha": math.nan}, "lora_alpha = nan: must be"),
        ({"trainable": "lora", "lora_dropout": 1}, "lora_dropout = 1: must be from 0 to below 1"),
        ({"trainable": "lora", "lora_targets": []}, "lora_targets: is empty"),
        (
            {
                "trainable": "lora",
                "activation_checkpointing": True,
                "activation_checkpointing_kwargs": {"use_reentrant": True},
            },
            "activation_checkpointing_kwargs: use_reentrant stops the gradients",
        ),
        (
            {"trainable": "heads", "aggregator": "pcgrad"},
            "aggregator = 'pcgrad': with trainable: heads the tasks",
        ),
        (
            {"trainable": "adapters", "gradient_cosines": True},
            "gradient_cosines: with trainable: ad",
        ),
        ({"trainable": "heads", "layer_decay": 0.9}, "layer_decay = 0.9: with trainable: heads"),
        (
            {"trainable": "adapters", "optimizer_layout": "per_task"},
            "optimizer_layout = 'per_task': with trainable",
        ),
    ],
)
def test_options_without_an_effect_are_refused(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        toy_trainer(tmp_path, **options)


def test_a_task_is_not_called_as_another_one_s_adapter(tmp_path):
    tasks = {"mood": TASKS["mood"], "mood_adapter": TASKS["mood"]}
    with pytest.raises(
        InputError, match="task 'mood_adapter': is the name of the adapter of task 'mood'"
    ):
        toy_trainer(tmp_path, model=toy_model(tasks), sizes={"mood": 24})


def test_a_given_optimizer_knows_nothing_of_what_is_trained(tmp_path):
    trainer = toy_trainer(tmp_path)
    optimizer = torch.optim.SGD(trainer.model.parameters())
    trainer.args.trainable = "lora"
    with pytest.raises(InputError, match="trainable: has no effect on a given optimizer"):
        HybridMTLTrainer(
            trainer.model,
            trainer.args,
            processing_class=toy_tokenizer(),
            optimizers=(optimizer, None),
        )
