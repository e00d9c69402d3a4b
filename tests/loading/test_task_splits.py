import re

import pytest

from trainer.config.tasks import read_tasks
from trainer.errors import InputError
from trainer.loading.task_splits import Fold, load_splits

PARTS = ["train", "validation", "test"]


def entry_of(folder, **fields):
    entry = {"kind": "classification", "labels": ["a", "b"], "dataset": str(folder), **fields}
    return read_tasks({"mood": entry})["mood"]


def write(folder, split, rows, header="text,label"):
    lines = [header, *rows]
    (folder / f"{split}.csv").write_text("".join(f"{line}\n" for line in lines))


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, "train", [f"t{i},{'ab'[i % 2]}" for i in range(40)])
    write(tmp_path, "validation", ["v1,a", "v2,b"])
    return tmp_path


def load(folder, parts=PARTS, seed=3, fold=None, **fields):
    return load_splits("mood", entry_of(folder, **fields), parts, None, seed, fold)


def test_a_number_holds_rows_out_of_the_training_rows_and_says_so(folder, capsys):
    splits = load(folder, validation_split=0.25)
    train, validation = (splits[part].rows["text"][:] for part in ("train", "validation"))
    assert (len(train), len(validation)) == (30, 10)
    assert sorted(train + validation) == sorted(f"t{i}" for i in range(40))
    said = "train.csv: 10 of 40 rows held out for validation (validation_split: 0.25, data seed 3)"
    assert said in capsys.readouterr().out
    # Evaluation alone finds the same rows.
    again = load(folder, parts=["validation"], validation_split="0.25")
    assert again["validation"].rows["text"][:] == validation


def test_a_fold_replaces_the_validation_rows(folder):
    held_out = [load(folder, fold=Fold(k, 4))["validation"].rows["text"][:] for k in (1, 2, 3, 4)]
    assert sorted(sum(held_out, [])) == sorted(f"t{i}" for i in range(40))


def test_a_test_file_beside_the_others_is_used_if_it_has_labels(folder, capsys):
    assert "test" not in load(folder)
    write(folder, "test", ["x,a", "y,b", "z,a"])
    assert load(folder)["test"].rows["label"][:] == [0, 1, 0]
    write(folder, "test", ["x,-1", "y,-1"])
    assert "test" not in load(folder)
    write(folder, "test", ["x", "y"], header="text")
    assert "test" not in load(folder)
    said = (
        f"{folder}/test.csv: no row has a label for task 'mood'; its test rows are not measured\n"
    )
    assert capsys.readouterr().out.count(said) == 2


def test_test_pairs_that_need_no_labels_are_measured(tmp_path):
    for split in PARTS:
        write(tmp_path, split, ["a,b", "c,d"], header="text,text_pair")
    entry = {"kind": "ranking", "input": "pair", "dataset": str(tmp_path)}
    splits = load_splits("search", read_tasks({"search": entry})["search"], PARTS, None, 3)
    assert {part: split.rows["label"][:] for part, split in splits.items()} == {
        part: [1.0, 1.0] for part in PARTS
    }


def test_a_named_test_split_must_exist(folder):
    with pytest.raises(InputError, match=re.escape(f"{folder} holds no final file")):
        load(folder, test_split="final")
    write(folder, "final", ["x,a"])
    assert len(load(folder, test_split="final")["test"].rows) == 1


def test_a_wrong_label_of_the_test_split_is_refused_at_the_start(folder):
    write(folder, "test", ["x,a", "y,c"])
    with pytest.raises(InputError, match="test.csv, row 2: column 'label' has 'c'"):
        load(folder)


@pytest.mark.parametrize("share", [0, 1, 1.5, -0.1])
def test_a_share_outside_of_0_and_1_is_refused(folder, share):
    with pytest.raises(InputError, match="must be a split's name, or a number between 0 and 1"):
        entry_of(folder, validation_split=share)


def test_a_column_of_groups_needs_rows_to_divide(folder):
    with pytest.raises(InputError, match="split_by = 'label': has no effect without a number"):
        load(folder, split_by="label")
