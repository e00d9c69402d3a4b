import re

import pytest
from datasets import Dataset

from trainer.config.help_text import task_fields
from trainer.config.tasks import read_tasks
from trainer.data.derived_labels import LABEL_GENERATORS, DerivedLabels
from trainer.errors import InputError

OWN = {"kind": "classification", "labels": ["a", "b"], "dataset": "mail"}
POS = {"label_generator": "part_of_speech"}


def read(entry, **others):
    return read_tasks({"made": entry, "mail": OWN, "similarity": None, **others})["made"]


def test_kind_labels_and_texts_follow_from_the_way():
    pos = read(POS, more={"label_generator": "source"})
    assert pos.model.kind == "token_classification" and pos.model.input == "single"
    assert len(pos.model.labels) == 12
    assert pos.derived.source_tasks == ["mail", "similarity"]
    source = read({"label_generator": "source", "source_tasks": ["similarity", "mail"]})
    assert source.model.kind == "classification"
    assert source.model.labels == ["similarity", "mail"]
    assert not source.training.auxiliary


def test_what_was_filled_in_may_be_read_again():
    entry = read({**POS, "max_rows": "20", "auxiliary": True})
    fields = {key: value for part in vars(entry).values() for key, value in vars(part).items()}
    assert read(fields) == entry
    assert entry.derived.max_rows == 20 and entry.training.auxiliary


def test_a_default_tasks_name_brings_no_data_along():
    entry = read_tasks({"sentiment": POS, "paraphrase": None})["sentiment"]
    assert entry.source.dataset is None and entry.derived.source_tasks == ["paraphrase"]


@pytest.mark.parametrize(
    "entry, message",
    [
        (
            {"label_generator": "part_of_spech"},
            "must be one of part_of_speech, source. Did you mean",
        ),
        (
            {**POS, "dataset": "mail"},
            "field 'dataset' = 'mail': has no effect with label_generator",
        ),
        ({**POS, "columns": {"text": "t"}}, "field 'columns' = {'text': 't'}: has no effect"),
        ({**POS, "train_split": "all"}, "field 'train_split' = 'all': has no effect"),
        ({**POS, "input": "pair"}, "field 'input' = 'pair': has no effect with label_generator"),
        ({**POS, "augmented_copies": 2}, "field 'augmented_copies' = 2: has no effect with"),
        ({**POS, "max_rows": 0}, "field 'max_rows' = 0: must be 1 or more"),
        (
            {**POS, "source_tasks": ["mial"]},
            "data of its own (mail, similarity). Did you mean 'mail'?",
        ),
        ({**POS, "source_tasks": ["made"]}, "'made' is not a task with data of its own"),
        ({**POS, "source_tasks": []}, "source_tasks: name at least one task, and each once"),
        (
            {**POS, "source_tasks": ["mail"] * 2},
            "source_tasks: name at least one task, and each once",
        ),
        ({**POS, "kind": "classification"}, "gives a token_classification; unset the field"),
        (
            {**POS, "labels": ["N", "V"]},
            "field 'labels': label_generator: part_of_speech gives NOUN",
        ),
        (
            {"label_generator": "source", "source_tasks": ["mail"]},
            "source needs the texts of two tasks",
        ),
        (
            {**OWN, "source_tasks": ["mail"]},
            "'source_tasks' = ['mail']: has no effect without label_generator",
        ),
        ({**OWN, "max_rows": 3}, "field 'max_rows' = 3: has no effect without label_generator"),
        ({**POS, "max_validation_rows": -1}, "field 'max_validation_rows' = -1: must be 1 or more"),
        ({**OWN, "auxiliary": "yes"}, "field 'auxiliary' = 'yes': must be true or false"),
    ],
)
def test_wrong_entries_are_refused(entry, message):
    with pytest.raises(InputError, match="task 'made': .*" + re.escape(message)):
        read(entry)


def test_without_a_task_with_data_there_is_nothing_to_read():
    with pytest.raises(InputError, match="source_tasks: name at least one task"):
        read_tasks({"a": POS, "b": POS})


def rows(*texts):
    return Dataset.from_dict({"text": list(texts), "label": [0] * len(texts)})


def test_a_split_is_made_of_the_named_tasks_and_no_others():
    made = DerivedLabels("source", ["b", "a"])
    splits = {"a": rows("one"), "b": rows("two", "three"), "c": rows("four")}
    found = made.split("made", "train", ["b", "a"], splits, 1).rows
    assert dict(zip(found["text"], found["label"], strict=True)) == {"two": 0, "three": 0, "one": 1}


def test_the_two_splits_have_limits_of_their_own():
    splits = {"a": rows("one", "two"), "b": rows("three", "four")}
    made = DerivedLabels("source", ["a", "b"], max_rows=3, max_validation_rows=2)
    train, validation = (
        made.split("made", part, ["a", "b"], splits, 1).rows for part in ("train", "validation")
    )
    assert (len(train), sorted(validation["label"])) == (3, [0, 1])


def test_a_split_that_comes_to_nothing_is_named():
    made = DerivedLabels("source", ["a", "b"])
    with pytest.raises(InputError, match="task 'made': no validation row results from 1 texts"):
        made.split("made", "validation", ["a", "b"], {"a": rows("one"), "b": rows("one")}, 1)


def test_help_has_every_field():
    fields = task_fields()
    assert {
        "auxiliary",
        "label_generator",
        "source_tasks",
        "max_rows",
        "max_validation_rows",
    } <= set(fields)
    assert all(way in fields["label_generator"] for way in LABEL_GENERATORS)
