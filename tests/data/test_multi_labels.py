"""Multi-label columns in every form, and what is refused."""

import json
import re

import pytest
from datasets import ClassLabel, Dataset, Features, List, Value

from modeling_hybrid_mtl import TaskConfig
from tests.toys import toy_tokenizer
from trainer.config.tasks import read_tasks
from trainer.data import Collator, tokenize
from trainer.data.columns import check_split
from trainer.data.readers import RawSplit
from trainer.data.row_checks import check_rows
from trainer.data.sources import load_split
from trainer.data.task_source import TaskSource
from trainer.data.token_checks import Limits
from trainer.errors import InputError

LABELS = ["plot", "cast", "music"]
TOPICS = TaskConfig.from_entry("topics", {"kind": "multi_label", "labels": LABELS})
EXPECTED = [[1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]


def check(labels, task=TOPICS, features=None, **source):
    columns = labels if isinstance(labels, dict) else {"label": labels}
    table = {"text": ["w1", "w2", "w3"][: len(next(iter(columns.values())))], **columns}
    raw = RawSplit(Dataset.from_dict(table, features=features), "FILE")
    return check_split("topics", task, TaskSource(**source), raw).rows["label"][:]


def refused(message):
    return pytest.raises(InputError, match=re.escape(message))


@pytest.mark.parametrize(
    ("labels", "source"),
    [
        ([["music", "plot"], [], ["cast"]], {}),
        ([[2, 0], [], [1]], {}),
        ([[1, 0, 1], [0, 0, 0], [0, 1, 0]], {}),
        ([[1.0, 0.0, 1.0], [0.0] * 3, [0.0, 1.0, 0.0]], {}),
        ([[True, False, True], [False] * 3, [False, True, False]], {}),
        (["plot|music", "[]", "cast"], {"label_separator": "|"}),
        (["plot, music", "[]", " cast "], {"label_separator": ","}),
        (['["plot", "music"]', "[]", "['cast']"], {}),
        (["[1, 0, 1]", "[0, 0, 0]", "[0, 1, 0]"], {}),
        ([["M", "P"], [], ["C"]], {"dataset_labels": ["P", "C", "M"]}),
        (
            {"p": ["1", "0", "0"], "c": [0, 0, 1], "m": [1.0, 0.0, 0.0]},
            {"columns": {"label": ["p", "c", "m"]}},
        ),
        (
            {"p": [True, False, False], "c": ["no", "No", "yes"], "m": [1, 0, 0]},
            {"columns": {"label": ["p", "c", "m"]}},
        ),
    ],
)
def test_every_form_becomes_multi_hot(labels, source):
    assert check(labels, **source) == EXPECTED


def test_a_datasets_own_names_are_read():
    names = ["music", "cast", "plot"]
    features = Features({"text": Value("string"), "label": List(ClassLabel(names=names))})
    assert check([[0, 2], [], [1]], features=features) == EXPECTED


def test_zeros_and_ones_of_two_classes_are_multi_hot_unless_other_rows_are_lists_of_indices():
    two = TaskConfig.from_entry("t", {"kind": "multi_label", "labels": ["a", "b"]})
    assert check([[0, 1], [0, 0]], two) == [[0.0, 1.0], [0.0, 0.0]]
    assert check([[0, 1], [0]], two) == [[1.0, 1.0], [1.0, 0.0]]


@pytest.mark.parametrize(
    ("labels", "source", "message"),
    [
        ([["plot"], ["acting"]], {}, "FILE, row 2: column 'label' has 'acting'; labels of this"),
        ([["plot"], None], {}, "FILE, row 2: column 'label' has None: expected a list of labels"),
        (["plot", ""], {}, "FILE, row 2: column 'label' has '': expected a list"),
        (["plot", "[plot"], {}, "FILE, row 2: column 'label' has '[plot': expected a list"),
        (["plot", "cast|plot"], {}, "row 2: .*set the field label_separator"),
        ([["plot", "plot"]], {}, "row 1: column 'label' has the label 'plot' twice"),
        ([[1, 0, 1], [1, 0]], {}, "row 2: column 'label' has 2 numbers, where other rows have"),
        ([[1, 0, 1], [1, 0, 2]], {}, "row 2: column 'label' has 2: must be 0 or 1"),
        ([[1, 0, 1], [1, 0, 0.5]], {}, "row 2: column 'label' has 0.5: must be 0 or 1"),
        (
            {"p": [1, 2], "c": [0, 0], "m": [0, 0]},
            {"columns": {"label": ["p", "c", "m"]}},
            "FILE, row 2: column 'p' has 2: must be 0 or 1",
        ),
        (
            {"p": [1, None], "c": [0, 0], "m": [0, 0]},
            {"columns": {"label": ["p", "c", "m"]}},
            "FILE, row 2: column 'p' has None: must be 0 or 1",
        ),
        (
            {"p": [1], "c": [0]},
            {"columns": {"label": ["p", "c", "x"]}},
            "FILE: there is no column 'x' (found: text, p, c)",
        ),
        (
            {"p": [1], "c": [0]},
            {"columns": {"label": ["p", "c"]}},
            "field 'columns': label = ['p', 'c']: must be a column of 0 and 1 for each",
        ),
    ],
)
def test_invalid_labels_are_refused_with_row_and_column(labels, source, message):
    pattern = message if ".*" in message else re.escape(message)
    with pytest.raises(InputError, match=pattern):
        check(labels, **source)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"label_separator": "|"}, "field 'label_separator' = '|'"),
        ({"columns": {"label": ["a", "b", "c"]}}, "field 'columns': label = ['a', 'b', 'c']"),
        ({"columns": {"text": ["a", "b"]}}, "field 'columns': text = ['a', 'b']: must be the name"),
    ],
)
def test_fields_of_multi_label_columns_are_refused_for_other_kinds(source, message):
    entry = {"kind": "classification", "labels": ["a", "b"], "dataset": "x/y", **source}
    with refused(f"task 'mood': {message}"):
        read_tasks({"mood": entry})


def test_several_columns_name_the_labels():
    entry = {"kind": "multi_label", "columns": {"label": ["toxic", "insult"]}, "dataset": "x/y"}
    assert read_tasks({"topics": entry})["topics"].model.labels == ["toxic", "insult"]
    renamed = read_tasks({"topics": {**entry, "labels": ["Toxic", "Insult"]}})["topics"]
    assert renamed.model.labels == ["Toxic", "Insult"]
    assert renamed.source.column_names == ["text", "text_pair", "toxic", "insult"]


def test_a_csv_file_and_a_jsonl_file_give_the_same_rows(tmp_path):
    text = "text;genres\nw1;plot|music\nw2;[]\nw3;cast\n"
    (tmp_path / "train.csv").write_text(text)
    (tmp_path / "validation.jsonl").write_text(
        "".join(
            json.dumps({"text": t, "genres": g}) + "\n"
            for t, g in [("w1", ["plot", "music"]), ("w2", []), ("w3", ["cast"])]
        )
    )
    options = {"dataset": str(tmp_path), "columns": {"label": "genres"}, "label_separator": "|"}
    for split in ("train", "validation"):
        source = TaskSource(**options)
        raw = load_split("topics", source, split, None)
        assert check_split("topics", TOPICS, source, raw).rows["label"][:] == EXPECTED


def test_a_batch_has_multi_hot_floats():
    rows = Dataset.from_dict({"text": ["w1 w2", "w2", "w3"], "label": EXPECTED})
    tokens = tokenize("topics", rows, TOPICS, toy_tokenizer(), 8)
    assert check_rows("train_dataset", "topics", tokens, TOPICS, Limits())
    labels = Collator({"topics": TOPICS}, 0).collate("topics", tokens[:])["labels"]
    assert labels.tolist() == EXPECTED
    assert labels.dtype.is_floating_point


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([[1, 0, 0], [1, 0]], "train_dataset, task 'topics', row 2: column 'labels' has [1, 0]"),
        ([[1, 0, 2], [1, 0, 0]], "row 1: column 'labels' has [1, 0, 2]; expected 0 or 1 for each"),
        ([1, 0], "task 'topics': column 'labels' must hold a list of numbers"),
    ],
)
def test_tokenized_rows_are_checked(labels, message):
    rows = Dataset.from_dict({"input_ids": [[2, 3]] * 2, "length": [2, 2], "labels": labels})
    with refused(message):
        check_rows("train_dataset", "topics", rows, TOPICS, Limits())


def test_lists_of_a_fixed_length_are_read():
    ids = List(Value("int64"))
    hot = List(Value("float32"), length=3)
    features = Features({"input_ids": ids, "length": Value("int64"), "labels": hot})
    table = {"input_ids": [[2, 3]] * 2, "length": [2, 2], "labels": [[1, 0, 1], [0, 0, 0]]}
    rows = Dataset.from_dict(table, features=features)
    assert check_rows("train_dataset", "topics", rows, TOPICS, Limits())
    with refused("row 1: column 'labels' has [1.0, 0.0, 1.0]; expected 0 or 1 for each of the 2"):
        two = TaskConfig.from_entry("t", {"kind": "multi_label", "labels": ["a", "b"]})
        check_rows("train_dataset", "topics", rows, two, Limits())


def test_rows_without_any_labels_are_unlabeled():
    features = Features(
        {
            "input_ids": List(Value("int64")),
            "length": Value("int64"),
            "labels": List(Value("int64")),
        }
    )
    table = {"input_ids": [[2, 3]], "length": [2], "labels": [None]}
    rows = Dataset.from_dict(table, features=features)
    assert not check_rows("test_dataset", "topics", rows, TOPICS, Limits())


def test_rows_without_labels_of_a_table_of_several_tasks_are_null():
    task = TaskConfig.from_entry("topics", {"kind": "multi_label", "labels": ["a", "b"]})
    for columns, rows in (
        ({"label": "label"}, {"label": ["a", "", "[]"]}),
        ({"label": ["a", "b"]}, {"a": ["1", "", "0"], "b": ["0", "", "0"]}),
    ):
        raw = RawSplit(Dataset.from_dict({"text": ["x", "y", "z"], **rows}), "t.csv")
        source = TaskSource(columns=columns)
        checked = check_split("topics", task, source, raw, partial=True)
        assert checked.rows["label"][:] == [[1, 0], None, [0, 0]]
        with pytest.raises(InputError, match="t.csv, row 2: column"):
            check_split("topics", task, source, raw)
        dropped = check_split("topics", task, TaskSource(columns=columns, bad_rows="drop"), raw)
        assert dropped.dropped == {"missing label": 1}
