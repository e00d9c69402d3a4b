import json
import re
from dataclasses import fields, replace

import numpy as np
import pytest

from trainer.config.inherited_arguments import INHERITED, UNSUPPORTED_OPTIONS
from trainer.config.run_arguments import RunArguments
from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.errors import InputError, did_you_mean
from trainer.optimization import TaskTraining
from trainer.options import info_of

LOWEST = {
    f.name: info_of(f, INHERITED).lowest
    for f in fields(HybridMTLTrainingArguments)
    if info_of(f, INHERITED).lowest is not None and info_of(f).needs is None
}


def refused(message):
    return pytest.raises(InputError, match=re.escape(message))


def make(**options):
    options = {"output_dir": "out", **options}
    return HybridMTLTrainingArguments(use_cpu=True, report_to="none", **options)


@pytest.mark.parametrize(
    "name, value, message",
    [
        (
            "step_every",
            "cycl",
            "step_every = 'cycl': must be one of cycle, batch. Did you mean 'cycle'?",
        ),
        ("optimizer_layout", "silo", "optimizer_layout = 'silo': must be one of siloed"),
        (
            "stopping_strategy",
            "first",
            "stopping_strategy = 'first': must be one of first_exhausted, all_exhausted. Did you",
        ),
        ("cycles_per_epoch", 0, "cycles_per_epoch = 0: must be a number, 1 or more"),
        ("cycles_per_epoch", 10**30, "must be a whole number of at most 4294967295"),
        ("output_dir", " ", "output_dir: is empty; name a folder"),
        ("seed", 10**30, "must be a whole number of at most 4294967295"),
        ("num_train_epochs", 1e300, "num_train_epochs = 1e+300: must be above 0 and below"),
        ("log_level", "warnin", "must be one of detail, debug, info"),
        ("log_level_replica", "warnin", "Did you mean 'warning'?"),
        ("ddp_backend", "x", "ddp_backend = 'x': must be one of"),
        ("torch_compile_backend", "inducter", "Did you mean 'inductor'?"),
        ("torch_compile_mode", "x", "torch_compile_mode = 'x': must be one of default"),
        ("dataloader_num_workers", -7, "dataloader_num_workers = -7: must be a number, 0 or"),
        ("dataloader_persistent_workers", True, "has no effect without worker processes"),
        ("dataloader_multiprocessing_context", "x", "must be one of"),
        ("dataloader_multiprocessing_context", "spawn", "has no effect without worker"),
        ("neftune_noise_alpha", -7.0, "neftune_noise_alpha = -7.0: must be a number, 0 or more"),
        ("optim_args", "x", "optim_args = 'x': expected 'name=value,name=value'"),
        ("adam_beta1", 2.0, "adam_beta1 = 2.0: must be from 0 to below 1"),
        ("adam_beta2", -1.0, "adam_beta2 = -1.0: must be from 0 to below 1"),
        ("adam_epsilon", -1.0, "adam_epsilon = -1.0: must be a number, 0 or more"),
        (
            "activation_checkpointing_kwargs",
            {"use_rentrant": True},
            "activation_checkpointing_kwargs: there is no 'use_rentrant'",
        ),
        ("activation_checkpointing_kwargs", [1], "must be a mapping, name -> value"),
        (
            "task_sampling",
            "anealed",
            "task_sampling = 'anealed': must be one of round_robin, proportional, square_root",
        ),
        ("task_sampling", "anealed", "Did you mean 'annealed'?"),
        (
            "task_sampling",
            "annealed",
            "task_sampling = 'annealed': chooses one task per batch, but a step over",
        ),
        (
            "sampling_temperature",
            3.0,
            "sampling_temperature = 3.0: has no effect with task_sampling: round_robin; unset "
            "it, or use task_sampling: temperature",
        ),
        (
            "task_sequence",
            ["a"],
            "task_sequence = ['a']: has no effect with task_sampling: round_robin",
        ),
        ("num_train_epochs", 0, "num_train_epochs = 0: must be above 0"),
        ("learning_rate", float("inf"), "learning_rate = inf: must be a number, 0 or more"),
        ("length_window", -1, "length_window = -1: must be a number, 0 or more"),
        ("learning_rate", -1e-5, "learning_rate = -1e-05: must be a number, 0 or more"),
        ("learning_rate", float("nan"), "learning_rate = nan: must be a number, 0 or more"),
        ("learning_rate", "1e-5", "learning_rate = '1e-5': must be a number"),
        ("task_args", "{", "task_args: is neither JSON nor YAML: "),
        ("task_args", "[1]", "task_args = [1]: must be a mapping, task -> fields"),
        ("task_args", {"a": 3}, "task_args: task 'a': expected fields, got 3"),
        ("task_args", '{"a": null}', "task_args: task 'a': expected fields, got None"),
        (
            "task_args",
            {"a": {"learning_rat": 1}},
            "task_args: task 'a': unknown field 'learning_rat'. Did you mean 'learning_rate'?",
        ),
        ("task_args", {"a": {"batch_size": 0}}, "task 'a': batch_size = 0: must be a number, 1 or"),
        (
            "task_args",
            {"a": {"batch_size": "8"}},
            "task 'a': batch_size = '8': must be a",
        ),
        ("optim", "galore_adamw", "optim = 'galore_adamw': "),
        ("optim", "adamw_bnb_8bit", "optim = 'adamw_bnb_8bit': "),
        ("lr_scheduler_type", "warmup_stable_decay", "lr_scheduler_type = 'warmup_stable_decay': "),
        ("lr_scheduler_kwargs", {"cycles": 2}, "its options go in lr_scheduler_kwargs"),
        ("task_args", {"a": {"weight_decay": -1}}, "task 'a': weight_decay = -1: must be a number"),
    ],
)
def test_a_wrong_value_is_refused(name, value, message):
    with refused(message):
        make(**{name: value})


@pytest.mark.parametrize(
    "options, message",
    [
        (
            {"task_sampling": "fixed"},
            "task_sampling = 'fixed': set the order of the tasks in task_sequence",
        ),
        (
            {"task_sampling": "fixed", "task_sequence": []},
            "task_sampling = 'fixed': set the order of the tasks",
        ),
        (
            {"task_sampling": "uniform", "task_sequence": ["a"]},
            "no effect with task_sampling: uniform; unset it",
        ),
        (
            {"task_sampling": "annealed", "sampling_temperature": 5.0},
            "sampling_temperature = 5.0: has no effect",
        ),
        (
            {"task_sampling": "uniform", "task_order": ["a"]},
            "task_order = ['a']: has no effect with task_sampling: u",
        ),
        *(
            (
                {"task_sampling": "temperature", "sampling_temperature": value},
                f"sampling_temperature = {value!r}: must be a number",
            )
            for value in (0.9, -1, float("nan"), "3")
        ),
    ],
)
def test_a_schedule_has_its_own_options_and_no_other(options, message):
    with refused(message):
        make(step_every="batch", **options)


@pytest.mark.parametrize("name", sorted(LOWEST))
def test_values_below_the_lowest_are_refused_and_the_lowest_is_taken(name):
    assert getattr(make(**{name: LOWEST[name]}), name) == LOWEST[name]
    with refused(f"{name} = {LOWEST[name] - 1}: must be a number, {LOWEST[name]} or more"):
        make(**{name: LOWEST[name] - 1})


@pytest.mark.parametrize(
    "given",
    [
        {"a": {"learning_rate": 2e-5}, "b": {"batch_size": 4, "weight_decay": 0.2}},
        {"a": TaskTraining(learning_rate=2e-5), "b": TaskTraining(None, 0.2, 4)},
    ],
)
@pytest.mark.parametrize("as_text", [False, True])
def test_a_tasks_values_fall_back_to_the_shared_ones(given, as_text):
    if as_text:
        plain = {k: v if isinstance(v, dict) else vars(v) for k, v in given.items()}
        given = json.dumps(plain)
    shared = {"learning_rate": 1e-5, "weight_decay": 0.1, "per_device_train_batch_size": 16}
    args = make(task_args=given, **shared)
    unset = {"smart_weight": 0.0, "bregman_weight": 0.0, "rdrop_weight": 0.0}
    unset |= {"lr_scheduler_type": "linear", "warmup_steps": 0}
    assert args.task_training("a") == TaskTraining(2e-5, 0.1, 16, **unset)
    assert args.task_training("b") == TaskTraining(1e-5, 0.2, 4, **unset)
    assert args.task_training("anything else") == TaskTraining(1e-5, 0.1, 16, **unset)
    json.dumps(args.to_dict())  # as every checkpoint does


@pytest.mark.parametrize("name", ["eval_steps", "logging_steps", "save_steps"])
@pytest.mark.parametrize("value", [-1, 0, -0.5])
def test_an_interval_is_above_zero(name, value):
    with refused(f"{name} = {value!r}: must be above 0"):
        make(**{name: value})
    assert getattr(make(**{name: 0.25}), name) == 0.25


def test_a_reporter_that_is_not_installed_is_refused():
    with refused("report_to = 'swanlab': is not installed (installed: "):
        HybridMTLTrainingArguments(output_dir="out", use_cpu=True, report_to="swanlab")


def test_arguments_survive_being_copied():
    args = make(task_args={"a": {"learning_rate": 2e-5}})
    assert replace(args, seed=7).task_training("a").learning_rate == 2e-5


def test_zero_is_a_value_and_not_left_out():
    args = make(task_args={"a": {"learning_rate": 0.0, "weight_decay": 0}}, learning_rate=1e-3)
    training = args.task_training("a")
    assert (training.learning_rate, training.weight_decay) == (0.0, 0)


SET = {
    "accelerator_config": {"split_batches": True},
    "average_tokens_across_devices": "yes",
    "ddp_broadcast_buffers": True,
    "ddp_bucket_cap_mb": 25,
    "ddp_find_unused_parameters": True,
    "ddp_static_graph": True,
    "deepspeed": "config.json",
    "eval_use_gather_object": True,
    "fsdp": "full_shard",
    "fsdp_config": {"min_num_params": 1},
    "liger_kernel_config": {"rope": True},
    "optim_target_modules": ["query"],
    "parallelism_config": {"tp_size": 2},
    "torch_empty_cache_steps": 5,
    "use_cache": True,
    "use_liger_kernel": True,
    "auto_find_batch_size": True,
    "batch_eval_metrics": True,
    "bf16_full_eval": True,
    "eval_accumulation_steps": 2,
    "fp16_full_eval": True,
    "include_for_metrics": ["inputs"],
    "include_num_input_tokens_seen": "all",
    "label_smoothing_factor": 0.1,
    "length_column_name": "tokens",
    "prediction_loss_only": True,
    "train_sampling_strategy": "group_by_length",
}


@pytest.mark.parametrize("name", sorted(UNSUPPORTED_OPTIONS))
def test_an_inherited_argument_without_a_meaning_is_refused_when_it_is_set(name):
    default = getattr(make(), name)
    assert getattr(make(**{name: default}), name) == default
    with refused(f"{name} = ") as caught:
        make(**{name: SET[name]})
    assert str(caught.value).endswith(
        f"has no effect on multitask training: {UNSUPPORTED_OPTIONS[name]}"
    )


def test_unused_arguments_are_inherited_ones():
    assert set(UNSUPPORTED_OPTIONS) <= {f.name for f in fields(HybridMTLTrainingArguments)}


def test_changed_defaults():
    args = HybridMTLTrainingArguments(use_cpu=True)
    assert args.logging_nan_inf_filter is False
    assert args.metric_for_best_model == "eval_overall"
    assert args.greater_is_better is True
    assert args.task_args == {}


@pytest.mark.parametrize(
    "options, message",
    [
        (
            {"mode": "trian"},
            "mode = 'trian': must be one of train, evaluate, predict. Did you mean ",
        ),
        ({"pooling": "max"}, "pooling = 'max': must be one of mean, cls, pooler."),
        (
            {"backbone_dropout_where": "all"},
            "backbone_dropout_where = 'all': must be one of pooled",
        ),
        ({"backbone_dropout": 1.0}, "backbone_dropout = 1.0: must be in [0, 1)"),
        ({"backbone_dropout": -0.1}, "backbone_dropout = -0.1: must be in [0, 1)"),
        ({"backbone_dropout": float("nan")}, "backbone_dropout = nan: must be in"),
        ({"max_length": 2}, "max_length = 2: must be at least 3 tokens"),
        ({"mode": "predict"}, "mode = 'predict': name the rows with --predict_file"),
        ({"resume": True, "overwrite_output_dir": True}, "resume and overwrite_output_dir: choose"),
    ],
)
def test_a_wrong_run_is_refused(options, message):
    with refused(message):
        RunArguments(**options)


def test_nearest_says_nothing_where_nothing_is_near():
    assert (
        did_you_mean("lerning_rate", ["seed", "learning_rate"]) == " Did you mean 'learning_rate'?"
    )
    assert did_you_mean("xyz", ["seed", "learning_rate"]) == ""


def mtrec(**options):
    marked = {"c": {"auxiliary": True}, "b": {}}
    return make(**{"aggregator": "mtrec", "task_args": marked, **options})


def test_the_tasks_of_mtrec_are_those_that_are_marked():
    aggregator = mtrec().make_aggregator(["a", "b", "c"])
    assert aggregator.auxiliary == {"c"} and aggregator.main == {"a", "b"}
    # One that is scored may give way, too.
    aggregator = mtrec(auxiliary_tasks=["b", "c"]).make_aggregator(["a", "b", "c"])
    assert aggregator.auxiliary == {"b", "c"} and aggregator.main == {"a"}


@pytest.mark.parametrize(
    "options, message",
    [
        ({"auxiliary_tasks": ["b"]}, "auxiliary_tasks: task 'c' has auxiliary: true and is not"),
        ({"main_tasks": ["a", "c"]}, "main_tasks: task 'c' has auxiliary: true; leave one of them"),
    ],
)
def test_auxiliary_tasks_of_mtrec_agree_with_those_of_the_tasks(options, message):
    with refused(message):
        mtrec(**options)


def test_auxiliary_tasks_are_unscored_with_other_aggregators():
    assert make(aggregator="sum", task_args={"c": {"auxiliary": True}}).unscored_tasks == ["c"]


@pytest.mark.parametrize("value", [4.5, 4.0, True, "4", float("nan")])
@pytest.mark.parametrize(
    "option",
    ["per_device_train_batch_size", "max_steps", "seed", "length_window", "lora_rank"]
    + ["cycles_per_epoch", "save_total_limit", "dataloader_num_workers"],
)
def test_a_whole_number_is_no_other_value(option, value):
    with pytest.raises(InputError, match=re.escape(f"{option} = {value!r}: must be a whole num")):
        HybridMTLTrainingArguments(**{option: value})


@pytest.mark.parametrize(
    "make, message",
    [
        (
            lambda: HybridMTLTrainingArguments(task_args={"a": {"batch_size": 4.5}}),
            "task 'a': batch_size = 4.5: must be a whole number",
        ),
        (
            lambda: HybridMTLTrainingArguments(task_args={"a": {"batch_size": True}}),
            "task 'a': batch_size = True: must be a whole number",
        ),
        (
            lambda: HybridMTLTrainingArguments(task_args={"a": {"learning_rate": True}}),
            "task 'a': learning_rate = True: must be a number",
        ),
        (lambda: HybridMTLTrainingArguments(learning_rate="1e-3"), "learning_rate = '1e-3': must"),
        (lambda: HybridMTLTrainingArguments(gradient_cosines="no"), "gradient_cosines = 'no': mu"),
        (lambda: RunArguments(max_length=32.5), "max_length = 32.5: must be a whole number"),
        (lambda: RunArguments(resume="no"), "resume = 'no': must be true or false"),
    ],
)
def test_values_of_another_type_are_refused_where_they_are_given(make, message):
    with pytest.raises(InputError, match=re.escape(message)):
        make()


def test_numbers_of_numpy_are_numbers(tmp_path):
    args = HybridMTLTrainingArguments(
        per_device_train_batch_size=np.int64(4), learning_rate=np.float32(0.5), weight_decay=1
    )
    assert args.per_device_train_batch_size == 4 and args.learning_rate == 0.5
