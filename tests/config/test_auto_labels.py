import json
import re

import pytest
from datasets import ClassLabel, Dataset, Features, Value

from trainer.config.auto_labels import labels_of_rows
from trainer.config.parser import parse
from trainer.config.tasks import read_tasks
from trainer.data.task_source import TaskSource
from trainer.errors import InputError


@pytest.fixture
def source(tmp_path):
    return TaskSource(dataset=str(tmp_path), columns={"label": "topic"})


def write(folder, values):
    rows = [{"text": f"t{i}", "topic": value} for i, value in enumerate(values)]
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.mark.parametrize(
    "values, labels",
    [
        (["price", "delivery", "price", None, ""], ["delivery", "price"]),
        (["10", "9.0", "9", "-1"], ["-1", "9", "10"]),
        ([2, 1, 10], ["1", "2", "10"]),
        ([True, False], ["False", "True"]),
        ([["O", "PER"], ["O"], ["LOC"]], ["LOC", "O", "PER"]),
    ],
)
def test_classes_are_sorted_and_numbers_by_value(tmp_path, source, capsys, values, labels):
    write(tmp_path, values)
    assert labels_of_rows("topic", source) == labels
    said = f"labels: auto: {len(labels)} classes in {tmp_path}/train.jsonl: {', '.join(labels)}"
    assert said in capsys.readouterr().out


def test_names_of_the_dataset_keep_their_order(tmp_path, source):
    features = Features({"text": Value("string"), "topic": ClassLabel(names=["pos", "neg"])})
    rows = Dataset.from_dict({"text": ["a", "b"], "topic": [1, 0]}, features=features)
    rows.to_parquet(str(tmp_path / "train.parquet"))
    assert labels_of_rows("topic", source) == ["pos", "neg"]


@pytest.mark.parametrize(
    "values, message",
    [
        (["a", "a"], "column 'topic' has 1 different labels ('a'); labels: auto is for 2 to 1000"),
        ([f"text {i}" for i in range(1001)], "column 'topic' has 1001 different labels ('text 0'"),
    ],
)
def test_a_column_that_names_no_classes_is_refused(tmp_path, source, values, message):
    write(tmp_path, values)
    with pytest.raises(InputError, match=re.escape(message)):
        labels_of_rows("topic", source)


def test_the_resolved_configuration_has_the_classes(tmp_path):
    write(tmp_path, ["b", "a", "c"])
    config = tmp_path / "own.yaml"
    config.write_text(
        f"tasks:\n  topic:\n    kind: classification\n    labels: auto\n"
        f"    dataset: {tmp_path}\n    columns: {{label: topic}}\n"
    )
    settings = parse([str(config)])
    assert settings.tasks["topic"].model.labels == ["a", "b", "c"]
    assert settings.resolved["tasks"]["topic"]["labels"] == ["a", "b", "c"]
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text(json.dumps({"tasks": {"topic": {"labels": ["x", "y"]}}}))
    options = ["--mode", "evaluate", "--model_name_or_path", str(model)]
    assert parse([str(config), *options]).tasks["topic"].model.labels == ["x", "y"]
    (model / "config.json").write_text("{}")
    with pytest.raises(InputError, match="cannot be read or has no such task"):
        parse([str(config), *options])


@pytest.mark.parametrize(
    "entry, message",
    [
        ({"kind": "regression"}, "a task of kind 'regression' has a score_range, not labels"),
        ({"kind": "classification", "dataset_labels": ["a", "b"]}, "dataset_labels would name"),
    ],
)
def test_fields_that_exclude_it_are_refused(entry, message):
    with pytest.raises(InputError, match=f"task 'topic': labels: auto: {message}"):
        read_tasks({"topic": {**entry, "labels": "auto"}}, lambda *_: ["a", "b"])


def test_probabilities_are_no_classes(tmp_path, source):
    write(tmp_path, [[0.25, 0.75], [1.0, 0.0]])
    with pytest.raises(InputError, match="column 'topic' has probabilities, which labels: auto"):
        labels_of_rows("topic", source)
