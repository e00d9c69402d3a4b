"""What a label stands for, whatever type a file gives it."""

import json
import re
from decimal import Decimal

import numpy as np
import pytest
from datasets import ClassLabel, Dataset, Features, List, Sequence, Value, load_from_disk

from modeling_hybrid_mtl import TaskConfig
from trainer.config.tasks import read_tasks
from trainer.data import RawSplit, TaskSource, check_split, load_split
from trainer.data.readers import read_rows
from trainer.errors import InputError


def refused(message):
    return pytest.raises(InputError, match=re.escape(message))


def classes(*labels):
    return TaskConfig("classification", labels=list(labels))


def check(task, labels, features=None, **source):
    text = [["w"] * len(tags) for tags in labels] if "token" in task.kind else ["a"] * len(labels)
    rows = Dataset.from_dict({"text": text, "label": labels})
    if features is not None:
        rows = rows.cast_column("label", features)
    return check_rows(task, rows, **source)


def check_rows(task, rows, **source):
    found = check_split("mood", task, TaskSource(**source), RawSplit(rows, "FILE"))
    return found.rows["label"][:]


def test_truth_values_are_classes_by_name_in_files_of_every_kind(tmp_path):
    rows = Dataset.from_dict({"text": ["a", "b"], "label": [True, False]})
    rows.to_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_text('{"text": "a", "label": true}\n{"text": "b", "label": false}')
    (tmp_path / "a.csv").write_text("text,label\na,True\nb,FALSE\n")
    for kind in ("jsonl", "parquet", "csv"):
        rows = read_rows(tmp_path / f"a.{kind}")
        for names in ("true false", "True False", "TRUE FALSE", "yes no", "Yes No", "1 0"):
            yes, no = names.split()
            assert check_rows(classes(yes, no), rows) == [0, 1]
            assert check_rows(classes(no, yes), rows) == [1, 0]
            assert check_rows(classes("unknown", yes, no), rows) == [1, 2] or yes == "1"
    tags = TaskConfig("token_classification", labels=["true", "false"])
    assert check(tags, [[True, False], [False]]) == [[0, 1], [1]]


@pytest.mark.parametrize("value", [True, False, "true", "FALSE"])
def test_a_truth_value_is_no_index(value):
    rows = Dataset.from_dict({"text": ["a"], "label": [value]})
    with refused(f"FILE, row 1: column 'label' has {value!r}; labels of this task are 0 to 1, or"):
        check_rows(classes("bad", "good"), rows)


def test_words_for_truth_are_read_in_letters_of_any_size_and_other_names_are_not():
    assert check(classes("no", "yes"), ["YES", "No", "yes"]) == [1, 0, 1]
    with refused("FILE, row 1: column 'label' has 'yes'"):
        check(classes("true", "false"), ["yes"])
    with refused("FILE, row 1: column 'label' has 'Good'"):
        check(classes("bad", "good"), ["Good"])


@pytest.mark.parametrize("value", [0, 1, 1.0, "1", "0.0"])
def test_numbers_that_may_be_indices_or_truth_values_are_refused(value):
    assert check(classes("false", "true"), [value]) == [int(float(value))]
    for names in (("true", "false"), ("Yes", "No", "perhaps")):
        with refused(
            f"row 1: column 'label' has {value!r}; labels of this task are 0 to"
        ) as caught:
            check(classes(*names), [value])
        assert "with the field dataset_labels" in str(caught.value)
    assert check(classes("true", "false"), [value], dataset_labels=["0", "1"]) == [
        int(float(value))
    ]


@pytest.mark.parametrize("number", [12, 1_234_567, 2**53, 2**53 + 1, 0.1, 0.5, 2.5])
def test_names_that_are_numbers_are_found_exactly(number):
    task = classes("0", str(number), str(number + 2))
    values = [number, str(number), Decimal(str(number)), f"{number:.1f}", float(number)]
    for value in values if number != 2**53 + 1 else values[:3]:
        assert check(task, [value]) == [1]
    if isinstance(number, float):
        assert check(task, [number], Value("float32")) == [1]
    with refused("row 1: column 'label' has 1; labels of this task are '0', "):
        check(task, [1])


def test_no_number_is_an_index_where_a_class_is_named_by_one():
    task = classes("none", "1", "2")
    assert check(task, [1, 2]) == check(task, ["1.0", "2"]) == [1, 2]
    assert check(task, ["none"]) == [0]
    with refused("row 1: column 'label' has 0; labels of this task are 'none', '1', '2'"):
        check(task, [0])


@pytest.mark.parametrize("kind", ["numpy", "torch", "pandas", "arrow"])
def test_the_format_of_a_dataset_does_not_matter(kind):
    features = Features({"text": List(Value("string")), "label": List(Value("int8"))})
    rows = Dataset.from_dict({"text": [["a", "b"]], "label": [[1, 0]]}, features)
    tags = TaskConfig("token_classification", labels=["O", "N"])
    assert check_rows(tags, rows.with_format(kind)) == [[1, 0]]
    rows = Dataset.from_dict({"text": ["a", "b"], "label": np.array([True, False])})
    assert check_rows(classes("true", "false"), rows.with_format(kind)) == [0, 1]


@pytest.mark.parametrize("value", [True, False, "true", "1_0", [1.0]])
def test_what_is_no_number_is_no_score(value):
    with refused("FILE, row 1: column 'label' has"):
        check(TaskConfig("regression", score_range=[0, 10]), [value])


POSITIVE = ClassLabel(names=["pos", "neg"])


def test_a_datasets_own_names_say_what_an_index_means(tmp_path):
    assert check(classes("neg", "pos"), [0, 1, 0], POSITIVE) == [1, 0, 1]
    tags = TaskConfig("token_classification", labels=["neg", "pos"])
    for feature in (List(POSITIVE), Sequence(POSITIVE)):
        assert check(tags, [[0, 1], [1]], feature) == [[1, 0], [0]]
    rows = Dataset.from_dict({"text": ["a"], "label": [0]}).cast_column("label", POSITIVE)
    rows.to_parquet(tmp_path / "train.parquet")
    source = TaskSource(dataset=str(tmp_path))
    raw = load_split("mood", source, "train", None)
    assert check_split("mood", classes("neg", "pos"), source, raw).rows["label"][:] == [1]
    rows.save_to_disk(tmp_path / "disk")
    assert check_rows(classes("neg", "pos"), load_from_disk(tmp_path / "disk")) == [1]


def test_names_that_are_indices_or_numbers_or_truth_values():
    assert check(classes("bad", "good"), [1, 0], ClassLabel(num_classes=2)) == [1, 0]
    assert check(classes("1", "2", "3"), [0, 2], ClassLabel(names=["3", "2", "1"])) == [2, 0]
    assert check(classes("no", "yes"), [0, 1], ClassLabel(names=["True", "False"])) == [1, 0]


@pytest.mark.parametrize("kind", ["classification", "token_classification"])
def test_names_that_differ_are_refused_with_both_lists(kind):
    task = TaskConfig(kind, labels=["negative", "positive"])
    labels, feature = ([[0]], List(POSITIVE)) if "token" in kind else ([0], POSITIVE)
    with refused("row 1: column 'label' has 0, which is 'pos'; labels of this task are ") as caught:
        check(task, labels, feature)
    message = str(caught.value)
    assert "'negative', 'positive'; the dataset's own names are 'pos', 'neg'; name the" in message
    found = check(task, labels, feature, dataset_labels=["neg", "pos"])
    assert found == [[1]] if "token" in kind else [1]


def test_a_split_without_labels_is_refused_and_a_class_that_never_occurs_is_not():
    with refused("row 1: column 'label' has -1 (-1 marks a split without labels)"):
        check(classes("neg", "pos"), [-1], POSITIVE)
    assert check(classes("neg", "pos"), [1, 0], ClassLabel(names=["pos", "neg", "mixed"])) == [0, 1]


def test_a_score_is_what_an_index_is_called():
    stars = TaskConfig("regression", score_range=[1, 5])
    assert check(stars, [0, 2], ClassLabel(names=["1", "3.5", "5"])) == [1, 5]
    with refused("row 1: column 'label' has 2, which is '3 stars'; scores of this task are"):
        check(stars, [2], ClassLabel(names=["1 star", "2 stars", "3 stars"]))


def test_the_datas_own_names_stand_beside_the_tasks():
    source = {"dataset_labels": ["n", "p"]}
    values = ["p", "n", "positive", 1, "0"]
    assert check(classes("negative", "positive"), values[:3], **source) == [1, 0, 1]
    assert check(classes("negative", "positive"), values[3:4], **source) == [1]
    assert check(classes("a", "b"), ["a", "b"], dataset_labels=["b", "a"]) == [1, 0]
    with refused("dataset_labels are 'n', 'p'"):
        check(classes("negative", "positive"), ["x"], **source)


@pytest.mark.parametrize("names", [["a"], ["a", "b", "c"], ["a", "a"]])
def test_the_datas_own_names_are_one_for_each_label(names):
    with refused("field 'dataset_labels': 'a'"):
        check(classes("negative", "positive"), ["a"], dataset_labels=names)
    entry = {"kind": "classification", "labels": ["x", "y"], "dataset_labels": names}
    with refused("task 'mood': field 'dataset_labels': 'a'"):
        read_tasks({"mood": {**entry, "dataset": "a/b"}})


def test_quoras_own_names_are_known_and_gone_with_its_labels():
    quora = ClassLabel(names=["not_duplicate", "duplicate"])
    entry = read_tasks({"paraphrase": None})["paraphrase"]
    rows = Dataset.from_dict({"question1": ["a"], "question2": ["b"], "label": [1]})
    raw = RawSplit(rows.cast_column("label", quora), "FILE")
    assert check_split("paraphrase", entry.model, entry.source, raw).rows["label"][:] == [1]
    for change in ({"labels": ["a", "b", "c"]}, {"dataset": "x"}, {"kind": "similarity"}):
        if "kind" in change:
            change |= {"labels": None, "score_range": [0, 1]}
        assert read_tasks({"paraphrase": change})["paraphrase"].source.dataset_labels is None


def test_decimal_commas_of_scores_are_recognized_and_said(capsys):
    stars = TaskConfig("regression", score_range=[0, 5])
    assert check(stars, ["3,5", "0", "4"]) == [3.5, 0, 4]
    said = capsys.readouterr().out
    assert "FILE: column 'label' is read with decimal commas; if that is wrong, set" in said
    assert check(stars, ["3.5", "0"]) == [3.5, 0] and check(stars, [3.5, 1.0]) == [3.5, 1]
    assert not capsys.readouterr().out
    with refused("has '4,5'; scores of this task are numbers from 0 to 5; if ',' is the decimal"):
        check(stars, ["3.5", "4,5"])
    with refused("has 'none'; scores"):  # and not '3,5'
        check(stars, ["3,5", "none"])


def test_decimal_commas_are_read_when_they_are_named():
    stars = TaskConfig("regression", score_range=[0, 5])
    assert check(stars, ["3,5", "0,0", "4"], decimal=",") == [3.5, 0, 4]
    with refused("has '0,0'; scores of this task are numbers from 0 to 5; if ',' is the decimal"):
        check(stars, ["0,0"], decimal=".")
    with refused("has '1.5'; scores of this task are numbers from 0 to 5; if '.' is the decimal"):
        check(stars, ["1.5"], decimal=",")
    assert check(classes("1.5", "2"), ["2,0", "1,5"], decimal=",") == [1, 0]
    assert check(stars, [3.5], decimal=",") == [3.5]


def test_the_row_that_is_no_text_is_named_among_quoted_numbers(tmp_path):
    rows = [{"text": text, "label": 0} for text in ("1", "2020-01-01", 3)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with refused("FILE, row 3: column 'text' is not text: 3"):
        check_rows(classes("x"), read_rows(tmp_path / "a.jsonl"))


def test_decimals_of_databases_are_numbers_each_by_itself():
    labels = [Decimal(0), Decimal(1), Decimal(2), Decimal(1)]
    assert check(classes("a", "b", "c"), labels) == [0, 1, 2, 1]
    for wrong, row in (([Decimal(0), Decimal(7)], 2), ([Decimal(0), Decimal("0.5")], 2)):
        with refused(f"FILE, row {row}: column 'label' has"):
            check(classes("a", "b"), wrong)


def test_a_name_that_is_a_number_is_no_index_of_other_labels():
    names = ClassLabel(names=["1", "2", "3"])
    with refused(
        "FILE, row 1: column 'label' has 0, which is '1'; labels of this task are"
    ) as caught:
        check(classes("a", "b", "c", "d"), [0, 1], names)
    assert "the dataset's own names are '1', '2', '3'" in str(caught.value)


def test_no_label_of_a_dataset_is_no_class_of_that_name():
    names = ClassLabel(names=["-1", "0", "1"])
    assert check(classes("-1", "0", "1"), [0, 1, 2], names) == [0, 1, 2]
    with refused("FILE, row 2: column 'label' has -1 (-1 marks a split without labels)"):
        check(classes("-1", "0", "1"), [0, -1], names)


STARS = ["1 star", "2 stars", "3 stars", "4 stars", "5 stars"]


@pytest.mark.parametrize(
    ("names", "value", "index", "inside"),
    [
        (STARS, 1, "2 stars", "1 star"),
        (STARS, "4", "5 stars", "4 stars"),
        (STARS, 5.0, "none", "5 stars"),
        (STARS, 0, "1 star", "none"),
        (["label_1", "label_2"], 1, "label_2", "label_1"),
        (["two (2)", "one (1)"], 1, "one (1)", "one (1)"),
        (["-1 bad", "0 neutral", "1 good"], 0, "-1 bad", "0 neutral"),
        (["level 2", "level 1", "level 0"], 2, "level 0", "level 2"),
        (["0.5 of it", "1 whole"], 1, "1 whole", "1 whole"),
    ],
)
def test_a_number_that_is_in_a_name_and_the_index_of_another_is_refused(
    names, value, index, inside
):
    plain = [str(i) for i in range(len(names))]
    if index == inside:
        assert check(classes(*names), [value]) == [names.index(index)]
    else:
        with refused(f"row 1: column 'label' has {value!r}; labels of this task are") as caught:
            check(classes(*names), [value])
        message = str(caught.value).replace("'", "")
        assert f"as an index it is {index}, and as the number in a labels name {inside}" in message
        assert f"with the field dataset_labels, {', '.join(plain)} for indices or " in message
    if index != "none":
        assert check(classes(*names), [value], dataset_labels=plain) == [names.index(index)]
    assert check(classes(*names), names) == list(range(len(names)))


def test_numbers_in_names_are_no_matter_where_they_mislead_nobody():
    for names in (
        ["class 0", "class 1", "class 2"],
        ["grade 10", "grade 11", "grade 12"],
        ["1-2 stars", "3-4 stars", "5 stars"],
        ["covid-19", "flu", "none"],
        ["same 1", "same 1 again", "other 1"],
    ):
        assert check(classes(*names), [0, 1, 2]) == [0, 1, 2]
    assert check(classes(*STARS), [1, 4], ClassLabel(num_classes=5)) == [1, 4]
    assert check(classes(*STARS), [1, 5], dataset_labels=list("12345")) == [0, 4]
    assert check(classes("bad", "good"), ["1 star"], dataset_labels=STARS[:2]) == [0]
    with refused("'1 star', '2 stars', '3 stars'; the dataset's own names are 'x', 'y'"):
        check(classes(*STARS[:3]), [1], ClassLabel(names=["x", "y"]))
    with refused("as an index it is 'good', and as the number in a label's name 'bad'"):
        check(classes("bad", "good"), [1], dataset_labels=STARS[:2])


@pytest.mark.parametrize(
    ("true", "false"),
    [
        ("on", "off"),
        ("Y", "N"),
        ("t", "f"),
        ("correct", "incorrect"),
        ("Correct", "wrong"),
        ("right", "WRONG"),
        ("valid", "invalid"),
    ],
)
def test_other_words_for_truth_are_no_indices_of_their_opposite(true, false):
    assert check(classes(false, true), [0, 1]) == [0, 1]
    for value in (0, "1", 1.0):
        with refused(f"row 1: column 'label' has {value!r}; labels of this task") as caught:
            check(classes(true, false), [value])
        assert "with the field dataset_labels" in str(caught.value)
    assert check(classes(true, false), [0, 1], dataset_labels=["1", "0"]) == [1, 0]
    assert check(classes(true, "left"), [0, 1]) == check(classes("left", false), [0, 1]) == [0, 1]
