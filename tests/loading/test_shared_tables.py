import pytest

from tests.toys import toy_tokenizer
from trainer import HybridMTLTrainingArguments
from trainer.config.tasks import read_tasks
from trainer.errors import InputError
from trainer.loading.datasets import prepare_data

ROWS = """text,topic,urgency,note
w1 w2,billing,3,x
w3,,1,
w4 w5,delivery,,
w6,-100,2,
w7,,,
w8,billing,5,
w9,delivery,4,
w10 w11,billing,nan,
"""
TASKS = {
    "topic": {
        "kind": "classification",
        "labels": ["billing", "delivery"],
        "columns": {"label": "topic"},
    },
    "urgency": {"kind": "regression", "score_range": [1, 5], "columns": {"label": "urgency"}},
}


# A third column of labels, in a form of its own.
TAGS = {
    "kind": "multi_label",
    "labels": ["x", "y"],
    "columns": {"label": "tags"},
    "label_separator": "|",
}


@pytest.fixture
def folder(tmp_path):
    for split in ("train", "validation"):
        (tmp_path / f"{split}.csv").write_text(ROWS.replace("nan", ""))
    return tmp_path


def prepared(folder, tasks=None, **fields):
    entries = {name: {**entry, "dataset": str(folder), **fields} for name, entry in TASKS.items()}
    for name, entry in (tasks or {}).items():
        entries[name] = {**entries.get(name, {}), **entry}
    args = HybridMTLTrainingArguments(output_dir=str(folder / "run"), use_cpu=True, seed=4)
    tokenizer = toy_tokenizer()
    tokenizer.model_max_length = 8
    return prepare_data(read_tasks(entries), None, tokenizer, args)


def test_a_table_is_shared_by_labels_of_other_forms_and_its_dialect_said_once(tmp_path, capsys):
    for split in ("train", "validation"):
        rows = "text;topic;tags\nw1 w2;billing;x|y\nw3;delivery;y\nw4;billing;x\n"
        (tmp_path / f"{split}.csv").write_text(rows)
    tasks = read_tasks(
        {
            name: {**entry, "dataset": str(tmp_path)}
            for name, entry in {"topic": TASKS["topic"], "tags": TAGS}.items()
        }
    )
    args = HybridMTLTrainingArguments(output_dir=str(tmp_path / "run"), use_cpu=True)
    tokenizer = toy_tokenizer()
    tokenizer.model_max_length = 8
    data = prepare_data(tasks, None, tokenizer, args)
    assert data.train["tags"] is data.train["topic"]
    assert data.train["tags"]["labels_tags"][:] == [[1, 1], [0, 1], [1, 0]]
    printed = capsys.readouterr().out
    assert printed.count("train.csv: read as cells between semicolons") == 1


def test_tasks_of_one_table_share_its_tokens_and_keep_their_own_labels(folder, capsys):
    data = prepared(folder)
    table = data.train["topic"]
    assert data.train["urgency"] is table
    # The row without any label is left out.
    assert table["labels_topic"][:] == [0, None, 1, None, 0, 1, 0]
    assert table["labels_urgency"][:] == [3, 1, None, 2, 5, 4, None]
    assert len(table["input_ids"][:]) == 7
    assert data.validation["topic"]["labels"][:] == [0, 1, 0, 1, 0]
    assert data.validation["urgency"]["labels"][:] == [3, 1, 2, 5, 4]
    printed = capsys.readouterr().out
    assert "train.csv: 5 of 8 rows have a label for task 'topic'\n" in printed
    assert "topic, urgency: share the 8 texts of one table\n" in printed
    assert "topic, urgency: 1 training rows without any label are left out\n" in printed


def test_a_task_of_a_table_may_weight_its_training_rows(folder):
    path = folder / "train.csv"
    lines = path.read_text().splitlines()
    weighted = [f"{line},{i or 'trust'}" for i, line in enumerate(lines)]
    path.write_text("\n".join(weighted) + "\n")
    columns = {"label": "urgency", "weight": "trust"}
    data = prepared(folder, {"urgency": {"columns": columns}})
    table = data.train["topic"]
    assert table["weights_urgency"][:] == [1, 2, None, 4, 6, 7, None]
    assert "weights_topic" not in table.column_names
    # The validation rows have no such column, and need none.
    assert "weights" not in data.validation["urgency"].column_names


def test_tasks_of_one_table_may_have_submissions_of_their_own(folder):
    data = prepared(folder, tasks={"topic": {"submission": {"label": "topic"}}})
    assert data.train["urgency"] is data.train["topic"]


def test_a_missing_label_of_a_table_of_one_task_is_a_bad_row(folder):
    with pytest.raises(InputError, match="train.csv, row 2: column 'topic'"):
        prepared(folder, {"urgency": {"columns": {"text": "note", "label": "urgency"}}})


def test_bad_labels_are_dropped_for_their_task_only(folder):
    path = folder / "train.csv"
    path.write_text(path.read_text().replace("w6,-100,2", "w6,postage,2"))
    with pytest.raises(InputError, match="row 4: column 'topic' has 'postage'"):
        prepared(folder)
    data = prepared(folder, bad_rows="drop")
    assert data.train["topic"]["labels_urgency"][:] == [3, 1, None, 2, 5, 4, None]
    assert data.dropped == {"topic": {"train: invalid label": 1}}
    assert [(row.task, row.row) for row in data.dropped_rows] == [("topic", 4)]


def test_rows_are_held_out_of_all_tasks_of_a_table_alike(folder):
    rows = [
        f"t{i} w{i % 40},{'billing' if i % 2 else 'delivery'},{i % 5 + 1},\n" for i in range(40)
    ]
    (folder / "train.csv").write_text("text,topic,urgency,note\n" + "".join(rows))
    data = prepared(folder, validation_split=0.25)
    held_out = data.validation["topic"]["input_ids"][:]
    assert len(held_out) == 10
    assert data.validation["urgency"]["input_ids"][:] == held_out
    assert len(data.train["topic"]) == 30 and data.train["urgency"] is data.train["topic"]


def test_a_task_with_augmentation_has_rows_of_its_own(folder):
    data = prepared(folder, {"topic": {"augmentation": [{"method": "swap", "share": 0.5}]}})
    assert data.train["urgency"] is not data.train["topic"]
    assert None not in data.train["topic"]["labels"][:]
    assert data.train["urgency"]["labels"][:] == [3, 1, 2, 5, 4]


def test_a_table_without_a_label_for_a_task_is_refused(folder):
    path = folder / "train.csv"
    path.write_text("text,topic,urgency,note\nw1,billing,,\nw2,delivery,,\n")
    with pytest.raises(InputError, match="train.csv: no row has a label for task 'urgency'"):
        prepared(folder)
