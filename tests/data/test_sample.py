from collections import Counter

import pytest

from trainer.config.tasks import read_tasks
from trainer.data import check_split, load_split

TASKS = read_tasks(None)
# What SetFit/sst5 and nyu-mll/glue call their columns.
COLUMNS = {
    "sentiment": ["text", "label", "label_text"],
    "paraphrase": ["question1", "question2", "label", "idx"],
    "similarity": ["sentence1", "sentence2", "label", "idx"],
}


@pytest.fixture(params=sorted(TASKS))
def task(request):
    return request.param


def raw(task, split):
    return load_split(task, TASKS[task].source, split, "sample")


def texts(task, split):
    columns = {"sentiment": ["text"]}.get(task, COLUMNS[task][:2])
    return [raw(task, split).rows[column][:] for column in columns]


def test_there_are_enough_rows_with_the_hubs_columns(task):
    assert len(raw(task, "train").rows) >= 300
    assert len(raw(task, "validation").rows) >= 100
    for split in ("train", "validation"):
        assert raw(task, split).rows.column_names == COLUMNS[task]


def test_no_text_is_in_both_splits_nor_twice_in_one(task):
    train, validation = texts(task, "train"), texts(task, "validation")
    normal = [
        {text.strip().lower() for side in part for text in side} for part in (train, validation)
    ]
    assert not normal[0] & normal[1]
    for part in (train, validation):
        assert len(set(zip(*part, strict=True))) == len(part[0])


@pytest.mark.parametrize("split", ["train", "validation"])
def test_every_row_passes_the_default_tasks_checks(task, split):
    entry = TASKS[task]
    found = check_split(task, entry.model, entry.source, raw(task, split))
    assert found.dropped == {}
    assert len(found.rows) == len(raw(task, split).rows)
    labels = Counter(found.rows["label"])
    if entry.model.has_labels:
        wanted = set(range(len(entry.model.labels)))
        assert set(labels) == wanted
        assert min(labels.values()) >= len(found.rows) / len(wanted) / 2  # none is rare
    else:
        assert min(labels) < 1 and max(labels) > 4


def test_label_names_are_those_of_the_default_task():
    names = TASKS["sentiment"].model.labels
    for row in raw("sentiment", "train").rows:
        assert row["label_text"] == names[row["label"]]
