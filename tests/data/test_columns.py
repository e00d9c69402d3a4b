import math
import re

import pytest
from datasets import Dataset

from modeling_hybrid_mtl import TaskConfig
from trainer.data.checked_split import DroppedRow
from trainer.data.columns import check_split
from trainer.data.readers import RawSplit
from trainer.data.task_source import TaskSource
from trainer.errors import InputError

CLASSES = TaskConfig.from_entry("mood", {"kind": "classification", "labels": ["bad", "ok", "good"]})
PAIRS = TaskConfig.from_entry(
    "same", {"kind": "classification", "input": "pair", "labels": ["different", "same"]}
)
SCORES = TaskConfig.from_entry("stars", {"kind": "regression", "score_range": [1, 5]})
NEAR = TaskConfig.from_entry("near", {"kind": "similarity", "input": "pair", "score_range": [0, 5]})
SEARCH = TaskConfig.from_entry("search", {"kind": "ranking", "input": "pair"})
TAGS = TaskConfig.from_entry("ner", {"kind": "token_classification", "labels": ["O", "PER"]})


def check(task, table, **source):
    raw = RawSplit(Dataset.from_dict(table), "FILE")
    return check_split("mood", task, TaskSource(**source), raw)


def refused(message):
    return pytest.raises(InputError, match=re.escape(message))


def test_columns_are_mapped_and_others_left_out():
    columns = {"q1": ["a"], "q2": ["b"], "gold": [1], "text": ["no"], "idx": [7]}
    found = check(PAIRS, columns, columns={"text": "q1", "text_pair": "q2", "label": "gold"})
    assert found.rows.to_dict() == {"text": ["a"], "text_pair": ["b"], "label": [1]}
    assert found.dropped == {}


def test_weights_are_read_if_their_column_is_named():
    table = {"text": ["a", "b"], "label": [1, 2], "w": ["0", 2.5]}
    table["w"] = [str(weight) for weight in table["w"]]
    found = check(CLASSES, table, columns={"weight": "w"})
    assert found.rows["weight"][:] == [0, 2.5]
    assert check(CLASSES, table).rows.column_names == ["text", "label"]
    with refused("FILE: there is no column 'v' (found: text, label, w)"):
        check(CLASSES, table, columns={"weight": "v"})


@pytest.mark.parametrize("weight", ["-1", "", "x", "nan"])
def test_a_wrong_weight_is_a_bad_row(weight):
    table = {"text": ["a", "b"], "label": [1, 2], "w": ["1", weight]}
    with refused(f"FILE, row 2: column 'w' is not a weight: '{weight}'"):
        check(CLASSES, table, columns={"weight": "w"})
    found = check(CLASSES, table, columns={"weight": "w"}, bad_rows="drop")
    assert found.rows["weight"][:] == [1] and found.dropped == {"invalid weight": 1}


def test_a_missing_column_is_refused_with_the_columns_found():
    with refused("FILE: there is no column 'text_pair' (found: text, label); map it with --tasks."):
        check(PAIRS, {"text": ["a"], "label": [1]})
    with refused("FILE: there is no column 'gold' (found: text, label)"):
        check(CLASSES, {"text": ["a"], "label": [1]}, columns={"label": "gold"})


def test_a_mapping_of_an_unknown_column_is_refused_with_the_nearest():
    with refused("columns: 'txt_pair' is not one of text, text_pair, label") as caught:
        check(PAIRS, {"text": ["a"]}, columns={"txt_pair": "b"})
    assert "Did you mean 'text_pair'?" in str(caught.value)
    with refused(
        "'text_pair' is not one of text, label, weight, the columns of a task with input 'single'"
    ):
        check(CLASSES, {"text": ["a"]}, columns={"text_pair": "b"})


@pytest.mark.parametrize(
    "values", [[0, 1, 2], ["0", "1", "2"], [0.0, 1.0, 2.0], ["bad", "ok", "good"], ["0", "ok", "2"]]
)
def test_class_labels_are_indices_or_names(values):
    found = check(CLASSES, {"text": ["a", "b", "c"], "label": values})
    assert found.rows["label"][:] == [0, 1, 2]
    assert found.rows.features["label"].dtype == "int64"


@pytest.mark.parametrize("values", [[1, 3], ["1", "3"], [1.0, 3.0], ["1", "3.0"]])
def test_names_that_are_numbers_are_names_in_files_of_every_kind(values):
    stars = TaskConfig("classification", labels=["1", "2", "3"])
    assert check(stars, {"text": ["a", "b"], "label": values}).rows["label"][:] == [0, 2]


def test_an_index_is_no_label_where_names_are_numbers():
    stars = TaskConfig("classification", labels=["1", "2", "3"])
    with refused("FILE, row 1: column 'label' has 0; labels of this task are '1', '2', '3'"):
        check(stars, {"text": ["a"], "label": [0]})


def test_truth_values_are_named_by_their_labels():
    task = TaskConfig("classification", labels=["True", "False"])
    found = check(task, {"text": ["a", "b"], "label": [True, False]})
    assert found.rows["label"][:] == [0, 1]


@pytest.mark.parametrize("value", [3, -1, 2.5, "abc", math.nan, math.inf, None, "", "-1", "nan"])
def test_a_bad_class_label_is_refused_with_row_and_value(value):
    good = {str: "1", float: 1.0}.get(type(value), 1)
    with refused("FILE, row 2: column 'gold' has ") as caught:
        check(CLASSES, {"text": ["a", "b"], "gold": [good, value]}, columns={"label": "gold"})
    message = str(caught.value)
    shown = float(value) if isinstance(value, float) else value
    assert f"has {shown!r}" in message
    assert "labels of this task are 0 to 2, or 'bad', 'ok', 'good'" in message
    assert ("-1 marks a split without labels" in message) == (value in (-1, "-1"))


@pytest.mark.parametrize("value", [0.9, 5.1, -1.0, math.nan, math.inf, None, "abc", "", "inf"])
@pytest.mark.parametrize("task", [SCORES, NEAR], ids=["regression", "similarity"])
def test_a_bad_score_is_refused_with_row_and_value(task, value):
    if task is NEAR and value == 0.9:
        value = -0.1
    good = "1" if isinstance(value, str) else 1.0
    columns = {"text": ["a", "b"], "label": [good, value]}
    if task.input == "pair":
        columns["text_pair"] = ["c", "d"]
    low = 1 if task is SCORES else 0
    with refused(f"FILE, row 2: column 'label' has {value!r}; scores of this task are ") as caught:
        check(task, columns)
    assert f"numbers from {low} to 5" in str(caught.value)


def test_scores_may_stand_at_the_ends_of_their_range():
    found = check(SCORES, {"text": ["a", "b", "c"], "label": ["1", "5.0", "2.25"]})
    assert found.rows["label"][:] == [1.0, 5.0, 2.25]
    assert found.rows.features["label"].dtype == "float32"


@pytest.mark.parametrize("value", ["", "  \n", None])
@pytest.mark.parametrize("column", ["text", "text_pair"])
def test_an_bad_rows_is_refused_with_row_and_column(column, value):
    columns = {"text": ["a", "b", "c"], "text_pair": ["d", "e", "f"], "label": [0, 1, 0]}
    columns[column] = [*columns[column][:2], value]
    with refused(f"FILE, row 3: column '{column}' is not text: {value!r}; fix the row, or set "):
        check(PAIRS, columns)


@pytest.mark.parametrize("value", [3, 2.5, math.nan])
def test_a_number_is_no_text(value):
    with refused(f"FILE, row 1: column 'text' is not text: {value!r}"):
        check(CLASSES, {"text": [value], "label": [0]})


def test_rows_without_text_are_dropped_and_counted_and_later_rows_keep_their_numbers():
    columns = {
        "text": ["a", "", "c", None, "e"],
        "text_pair": ["f", "g", " ", None, "j"],
        # The labels of dropped rows do not matter.
        "label": [0, 9, 9, None, 1],
    }
    found = check(PAIRS, columns, bad_rows="drop")
    assert found.rows.to_dict() == {"text": ["a", "e"], "text_pair": ["f", "j"], "label": [0, 1]}
    assert found.dropped == {"empty text": 3}
    assert [dropped.row for dropped in found.dropped_rows] == [2, 3, 4]


def test_bad_rows_are_dropped_and_listed_with_their_reasons():
    columns = {
        "text": ["a", "b", "c", "", "e", "f"],
        "label": ["1", "", "great", "0", "7", "bad"],
    }
    found = check(CLASSES, columns, bad_rows="drop")
    assert found.rows.to_dict() == {"text": ["a", "f"], "label": [1, 0]}
    assert found.dropped == {"missing label": 1, "invalid label": 2, "empty text": 1}
    assert found.dropped_rows[0] == DroppedRow("mood", "FILE", 2, "missing label")
    scores = {"text": ["a", "b", "c", "d"], "label": ["3", "9", "much", None]}
    found = check(SCORES, scores, bad_rows="drop")
    assert found.dropped == {"score out of range": 1, "invalid score": 1, "missing label": 1}
    tags = {"text": [["a"], ["b", "c"], ["d"]], "label": [["O"], ["O"], ["LOC"]]}
    found = check(TAGS, tags, bad_rows="drop")
    assert found.dropped == {"number of tags": 1, "invalid label": 1}


def test_a_column_of_groups_is_read_for_the_rows_that_are_kept():
    columns = {"text": ["a", "", "c"], "label": [0, 1, 2], "author": ["ann", "bob", "cem"]}
    found = check(CLASSES, columns, bad_rows="drop", split_by="author")
    assert found.groups == ["ann", "cem"]
    with refused("FILE: there is no column 'writer' (found: text, label, author)"):
        check(CLASSES, columns, split_by="writer")


def test_a_split_of_which_nothing_is_left_is_refused():
    with refused(
        "FILE: no row is left for task 'mood' after dropping {'empty text': 2}; the first of them: "
        "FILE, row 1: column 'text' is not text: ''"
    ):
        check(CLASSES, {"text": ["", " "], "label": [0, 1]}, bad_rows="drop")


def test_tags_are_names_or_indices_one_for_each_word():
    found = check(TAGS, {"text": [["Ann", "ran"], ["so"]], "label": [["PER", "O"], ["O"]]})
    assert found.rows.to_dict() == {"text": [["Ann", "ran"], ["so"]], "label": [[1, 0], [0]]}
    found = check(TAGS, {"text": [["Ann", "ran"]], "label": [[1, 0]]})
    assert found.rows["label"][:] == [[1, 0]]


@pytest.mark.parametrize(
    "text, tags, message",
    [
        (["a", "b"], ["O"], "FILE, row 2: 2 words but 1 tags"),
        (["a"], ["LOC"], "FILE, row 2: column 'label' has 'LOC'; labels of this task are 0 to 1"),
        (["a"], None, "FILE, row 2: column 'label' must be a list of tags, got None"),
        ([], [], "FILE, row 2: column 'text' is not a list of words: []"),
        (["a", None], ["O", "O"], "FILE, row 2: column 'text' is not a list of words: ['a', None]"),
        (["a", " "], ["O", "O"], "FILE, row 2: column 'text' is not a list of words: ['a', ' ']"),
    ],
)
def test_a_bad_row_of_tags_is_refused(text, tags, message):
    with refused(message):
        check(TAGS, {"text": [["so"], text], "label": [["O"], tags]})


def test_text_of_one_string_is_no_list_of_words():
    message = "column 'text' is not a list of words: 'Ann ran'; lists need jsonl or parquet"
    with refused(f"FILE, row 1: {message}"):
        check(TAGS, {"text": ["Ann ran"], "label": [["PER", "O"]]})


def test_pairs_without_a_column_of_labels_match():
    found = check(SEARCH, {"text": ["a", "b"], "text_pair": ["c", "d"]})
    assert found.rows["label"][:] == [1.0, 1.0]
    with refused("FILE: there is no column 'gold'"):
        check(SEARCH, {"text": ["a"], "text_pair": ["c"]}, columns={"label": "gold"})


@pytest.mark.parametrize(
    "values", [[1, 0], ["1", "0"], [1.0, 0.0], [True, False], ["true", "false"]]
)
def test_pairs_match_or_not(values):
    found = check(SEARCH, {"text": ["a", "b"], "text_pair": ["c", "d"], "label": values})
    assert found.rows["label"][:] == [1.0, 0.0]


@pytest.mark.parametrize("value", [2, -1, 0.5, "yes and no"])
def test_a_label_of_pairs_other_than_0_and_1_is_a_bad_row(value):
    table = {"text": ["a", "b"], "text_pair": ["c", "d"], "label": ["1", str(value)]}
    with refused("labels of this task are '0', '1'"):
        check(SEARCH, table)
    found = check(SEARCH, table, bad_rows="drop")
    assert (len(found.rows), found.dropped) == (1, {"invalid label": 1})


def test_a_split_without_a_match_is_refused():
    with refused("FILE: no row of task 'mood' has the label 1, of a match"):
        check(SEARCH, {"text": ["a"], "text_pair": ["c"], "label": [0]})
