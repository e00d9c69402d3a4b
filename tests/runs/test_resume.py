import json

import pytest

from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.config.yaml_text import to_yaml
from trainer.errors import InputError
from trainer.runs.resume import check_same_rows, check_same_run, launch_environment

OPTIONS = {
    "learning_rate": 1e-5,
    "output_dir": "runs/a",
    "logging_steps": 10,
    "seed": 1,
    "push_to_hub": False,
    "hub_model_id": None,
    "tasks": {"mood": {"batch_size": None, "columns": {}, "hidden_sizes": [3]}},
}


@pytest.fixture
def recorded(tmp_path):
    path = tmp_path / "run_config.yaml"
    path.write_text(to_yaml(OPTIONS))
    return path


def changed(**options):
    return {**OPTIONS, **options}


def test_the_same_options_and_those_that_change_nothing_go_on(recorded):
    check_same_run(recorded, OPTIONS)
    check_same_run(recorded, changed(report_to=["tensorboard"], output_dir="elsewhere"))
    check_same_run(recorded, changed(push_to_hub=True, hub_model_id="me/run"))


@pytest.mark.parametrize("before", [None, {}, {"num_cycles": 2}])
def test_a_mapping_that_changed_is_named(tmp_path, before):
    path = tmp_path / "run_config.yaml"
    path.write_text(to_yaml(changed(lr_scheduler_kwargs=before)))
    for after in ({"num_cycles": 3}, {"other": 2}):
        with pytest.raises(InputError, match="lr_scheduler_kwargs was .* and is now {'"):
            check_same_run(path, changed(lr_scheduler_kwargs=after))


def test_every_option_that_changed_is_named(recorded):
    task = {"batch_size": 4, "columns": {"text": "a"}, "hidden_sizes": [4]}
    with pytest.raises(InputError) as caught:
        check_same_run(recorded, changed(seed=2, learning_rate=1e-4, tasks={"mood": task}))
    message = str(caught.value)
    for line in (
        "seed was 1 and is now 2",
        "learning_rate was 1e-05 and is now 0.0001",
        "tasks.mood.batch_size was None and is now 4",
        "tasks.mood.hidden_sizes was [3] and is now [4]",
        "tasks.mood.columns.text is new",
    ):
        assert f"\n  {line}\n" in message
    assert f"--model_name_or_path {recorded.parent}" in message


def test_a_task_that_is_gone_is_named(recorded):
    with pytest.raises(InputError, match="tasks.mood.hidden_sizes is no longer there"):
        check_same_run(recorded, changed(tasks={}))


def test_an_option_of_another_version_of_a_library_does_not_matter(recorded):
    check_same_run(recorded, changed(brand_new=None))


@pytest.mark.parametrize(
    "text, message", [("a: [1", "is damaged: "), ("hello", "is not the configuration of a run")]
)
def test_a_configuration_that_cannot_be_read_is_refused(recorded, text, message):
    recorded.write_text(text)
    with pytest.raises(InputError, match=f"run_config.yaml' {message}"):
        check_same_run(recorded, OPTIONS)


KEYS = {"train": {"mood": "a", "near": "b"}, "validation": {"mood": "c"}}
ROWS = {"processes": 2, "mixed_precision": "no", **KEYS}


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "run_rows.json"
    path.write_text(json.dumps(ROWS))
    return path


def test_the_same_rows_go_on(rows, tmp_path):
    check_same_rows(rows, ROWS)
    check_same_rows(tmp_path / "of_a_run_killed_as_it_began.json", ROWS)


def test_rows_that_changed_are_named(rows):
    now = {**ROWS, "train": {"mood": "a", "near": "x"}, "validation": {"mood": "y"}}
    with pytest.raises(InputError) as caught:
        check_same_rows(rows, now)
    assert str(caught.value).startswith(
        "resume: the train rows of task 'near' and the validation rows of task 'mood' differ"
    )


@pytest.mark.parametrize("change", [{"processes": 1}, {"mixed_precision": "bf16"}])
def test_another_launch_is_named(rows, change):
    ((name, value),) = change.items()
    with pytest.raises(InputError, match=f"^resume: {name} was {ROWS[name]} and is now {value}; "):
        check_same_rows(rows, {**ROWS, **change})


def test_what_a_launcher_decided_is_recorded(tmp_path, monkeypatch):
    args = HybridMTLTrainingArguments(str(tmp_path), use_cpu=True, bf16=True)
    assert launch_environment(args) == {"processes": 1, "mixed_precision": "bf16"}
    plain = HybridMTLTrainingArguments(str(tmp_path), use_cpu=True)
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "fp16")
    assert launch_environment(plain)["mixed_precision"] == "fp16"


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"train": 3}', '{"train": {"mood": "a"}}', "[" * 100_000]
)
def test_a_damaged_list_of_rows_is_named(rows, text):
    rows.write_text(text)
    with pytest.raises(InputError, match="run_rows.json' is damaged"):
        check_same_rows(rows, ROWS)


@pytest.mark.parametrize("name", ["model_name_or_path", "model_revision", "languages", "modes"])
def test_an_option_that_only_begins_like_a_free_one_is_not(recorded, name):
    recorded.write_text(to_yaml({**OPTIONS, name: "first"}))
    with pytest.raises(InputError, match=f"{name} was 'first' and is now 'other'"):
        check_same_run(recorded, {**OPTIONS, name: "other"})
    check_same_run(recorded, {**OPTIONS, name: "first", "mode": "train", "hub_model_id": "a/b"})
