import pytest
from datasets import Dataset, Value

from modeling_hybrid_mtl import TaskConfig
from trainer.data.partial_labels import label_column, labeled_rows, only_labeled

MOOD = TaskConfig("classification", labels=["bad", "good"])
TAGS = TaskConfig("token_classification", labels=["O", "N"])
HEAT = TaskConfig("regression", score_range=[-200.0, 200.0])


@pytest.mark.parametrize(
    ("task", "labels", "labeled"),
    [
        (MOOD, [0, None, -100, 1], [True, False, False, True]),
        (MOOD, [0, 1], [True, True]),
        (MOOD, [None, None], [False, False]),
        (TAGS, [[0, -100], None], [True, False]),
        (HEAT, [-100.0, float("nan"), None], [True, False, False]),
        (HEAT, [-100, 3], [True, True]),
    ],
)
def test_rows_with_a_label_are_found(task, labels, labeled):
    rows = Dataset.from_dict({"labels": labels})
    assert labeled_rows(rows, "x", task).tolist() == labeled
    kept = only_labeled(rows, "x", task)
    assert len(kept) == sum(labeled)
    assert (kept is rows) == all(labeled)


def test_a_task_of_a_shared_table_has_a_column_of_its_own():
    rows = Dataset.from_dict({"labels_a": [1, None], "labels": [None, 0]})
    assert label_column(rows.column_names, "a") == "labels_a"
    assert label_column(rows.column_names, "b") == "labels"
    assert label_column(["input_ids"], "b") is None
    assert labeled_rows(rows, "a", MOOD).tolist() == [True, False]
    assert labeled_rows(rows, "b", MOOD).tolist() == [False, True]
    none = rows.remove_columns(["labels", "labels_a"])
    assert not labeled_rows(none, "a", MOOD).any()


def test_the_order_of_selected_rows_is_theirs():
    rows = Dataset.from_dict({"labels": [None, 1, 0]}).cast_column("labels", Value("int32"))
    assert labeled_rows(rows.select([2, 0, 1]), "x", MOOD).tolist() == [True, False, True]
