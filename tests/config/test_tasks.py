import re

import pytest

from trainer.config.tasks import DEFAULT_TASKS, read_tasks
from trainer.errors import InputError

OWN = {"kind": "classification", "labels": ["a", "b"], "dataset": "mail"}


def refused(message):
    return pytest.raises(InputError, match=re.escape(message))


def test_the_default_tasks():
    tasks = read_tasks(None)
    assert list(tasks) == ["sentiment", "paraphrase", "similarity"]
    assert len(tasks["sentiment"].model.labels) == 5
    assert tasks["sentiment"].source.dataset == "SetFit/sst5"
    paraphrase = tasks["paraphrase"]
    assert (paraphrase.source.dataset, paraphrase.source.dataset_config) == ("nyu-mll/glue", "qqp")
    assert paraphrase.source.columns == {"text": "question1", "text_pair": "question2"}
    assert paraphrase.source.bad_rows == "drop"
    similarity = tasks["similarity"]
    assert (similarity.source.dataset, similarity.source.dataset_config) == ("nyu-mll/glue", "stsb")
    assert similarity.model.score_range == [0.0, 5.0]
    assert similarity.model.is_siamese


def test_a_default_tasks_name_alone_is_enough_and_its_order_is_kept():
    tasks = read_tasks({"similarity": None, "sentiment": {}})
    assert list(tasks) == ["similarity", "sentiment"]
    assert tasks["similarity"] == read_tasks(None)["similarity"]


def test_fields_replace_a_default_tasks_and_null_takes_one_back():
    task = read_tasks({"paraphrase": {"dataset": "mine", "dataset_config": None}})["paraphrase"]
    assert task.source.dataset == "mine"
    assert task.source.dataset_config is None
    assert task.model.labels == DEFAULT_TASKS["paraphrase"]["labels"]


@pytest.mark.parametrize("field", ["dataset", "train_file"])
def test_rows_of_ones_own_are_not_described_by_the_default_dataset(field):
    source = read_tasks({"paraphrase": {field: "mine"}})["paraphrase"].source
    assert (source.bad_rows, source.dataset_config, source.dataset_labels) == ("error", None, None)
    assert source.columns == {"text": "question1", "text_pair": "question2"}


def test_the_default_tasks_are_not_changed_by_reading():
    read_tasks({"paraphrase": {"columns": {"text": "x"}}})["paraphrase"].source.columns["a"] = "b"
    read_tasks(None)["paraphrase"].source.columns["text"] = "y"
    assert read_tasks(None)["paraphrase"].source.columns["text"] == "question1"


def test_numbers_that_yaml_reads_as_text_become_numbers():
    entry = {**OWN, "learning_rate": "1e-5", "batch_size": "4", "hidden_sizes": ["8", 4.0]}
    task = read_tasks({"mail": entry})["mail"]
    assert task.training.learning_rate == 1e-5
    assert task.training.batch_size == 4 and type(task.training.batch_size) is int
    assert task.model.hidden_sizes == [8, 4]


def test_class_weights_are_a_word_or_a_mapping():
    for weights in ("balanced", {"a": 2.0}):
        entry = {**OWN, "class_weights": weights}
        assert read_tasks({"mail": entry})["mail"].training.class_weights == weights
    with refused("task 'mail': class_weights = {'c': 2.0}: no label 'c'"):
        read_tasks({"mail": {**OWN, "class_weights": {"c": 2}}})


def test_labels_may_be_written_as_numbers():
    assert read_tasks({"mail": {**OWN, "labels": [1, 2]}})["mail"].model.labels == ["1", "2"]


@pytest.mark.parametrize(
    "entries, message",
    [
        ({}, "tasks = {}: must be a mapping with at least one task's name and fields"),
        (
            ["sentiment"],
            "tasks = ['sentiment']: must be a mapping with at least one task's name and fields",
        ),
        (
            "sentiment",
            "tasks = 'sentiment': must be a mapping with at least one task's name and fields",
        ),
        ({"sentiment": 3}, "task 'sentiment': expected a mapping of fields, got 3"),
        ({"sentimnt": None}, "of the default tasks (sentiment, paraphrase, similarity). Did you m"),
        ({"mail": {"dataset": "mail"}}, "task 'mail': field 'kind' is missing"),
        (
            {"a b": OWN},
            "task 'a b': a task's name must be at most 64 letters, digits and underscores",
        ),
        ({"sentiment": {3: 4}}, "task 'sentiment': unknown field '3'."),
    ],
)
def test_wrong_entries_are_refused(entries, message):
    with refused(message):
        read_tasks(entries)


@pytest.mark.parametrize(
    "field, value, message",
    [
        ("learning_rat", 1, "unknown field 'learning_rat'. Did you mean 'learning_rate'?"),
        # The checks of the model's fields are those of `TaskConfig`.
        ("kind", "classify", "field 'kind' = 'classify': must be one of classification, "),
        ("labels", "a, b", "field 'labels' = 'a, b': must be a list"),
        ("labels", [False, True], "field 'labels': YAML reads yes, no, true and false as False; q"),
        ("labels", ["a", None], "field 'labels' = None: must be text"),
        ("learning_rate", "fast", "field 'learning_rate' = 'fast': must be a number"),
        ("learning_rate", True, "field 'learning_rate' = True: must be a number"),
        ("batch_size", 2.5, "field 'batch_size' = 2.5: must be a whole number"),
        ("batch_size", float("inf"), "field 'batch_size' = inf: must be a whole number"),
        ("bad_rows", "skip", "field 'bad_rows' = 'skip': must be 'error' or 'drop'"),
        ("columns", "text", "field 'columns' = 'text': must be a mapping"),
        ("columns", {"text": None}, "field 'columns' = None: must be text"),
        ("dataset", ["a"], "field 'dataset' = ['a']: must be text"),
    ],
)
def test_a_wrong_field_is_refused_with_its_task(field, value, message):
    with refused("task 'mail': " + message):
        read_tasks({"mail": {**OWN, field: value}})


@pytest.mark.parametrize("name", ["a/b/c", "my data", "../films"])
def test_the_name_of_a_dataset_can_be_one(name):
    with pytest.raises(InputError, match="'data_name' = .*: is not the name of a dataset on"):
        read_tasks({"sentiment": {"data_name": name}})
    assert read_tasks({"sentiment": {"data_name": "me/a"}})["sentiment"].source.data_name == "me/a"


@pytest.mark.parametrize(
    "name, entry",
    [
        ("sentiment", {"kind": "regression", "score_range": [1, 5]}),
        ("sentiment", {"kind": "token_classification", "labels": ["a", "b"]}),
        ("sentiment", {"kind": "similarity", "input": "pair", "score_range": [0, 1]}),
        ("paraphrase", {"kind": "similarity", "score_range": [0, 1]}),
        ("paraphrase", {"kind": "regression", "score_range": [0, 1], "pair_encoding": "cross"}),
        ("paraphrase", {"kind": "token_classification", "labels": ["a", "b"]}),
        ("paraphrase", {"input": "single"}),
        ("similarity", {"kind": "classification", "labels": ["no", "yes"]}),
        ("similarity", {"kind": "regression"}),
        ("similarity", {"kind": "regression", "input": "single"}),
    ],
    ids=str,
)
def test_a_default_task_is_redefined_without_what_only_it_had(name, entry):
    task = read_tasks({name: entry})[name]
    for field, value in entry.items():
        assert getattr(task.model, field) == value
    assert ("text_pair" in task.source.columns) <= (task.model.input == "pair")
    assert task.source.dataset == read_tasks({name: None})[name].source.dataset


@pytest.mark.parametrize(
    "entry, message",
    [
        ({"kind": "regression"}, "field 'score_range' = None: must be two numbers"),
        ({"kind": "token_classification"}, "field 'labels' = None: must be a list of at least two"),
    ],
)
def test_what_a_redefined_task_lacks_is_asked_for(entry, message):
    with refused(message):
        read_tasks({"sentiment": entry})


def test_an_empty_kind_is_one_that_is_left_out():
    assert read_tasks({"sentiment": {"kind": None}}) == read_tasks({"sentiment": None})
    with refused("task 'mail': field 'kind' is missing"):
        read_tasks({"mail": {"kind": None}})
