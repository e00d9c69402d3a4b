"""Folders with the splits of a task: shards, copies of Hub datasets."""

import re

import pytest
from datasets import Dataset

from trainer.data import TaskSource, load_split
from trainer.data.readers.folders import split_files
from trainer.errors import InputError


def refused(message):
    return pytest.raises(InputError, match=re.escape(message))


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")


def found(folder, *args):
    return [str(path.relative_to(folder)) for path in split_files(folder, *args)]


@pytest.mark.parametrize("place", ["", "data/"])
def test_shards_of_a_split_are_found_and_missing_ones_are_said(tmp_path, place):
    names = [f"{place}train-0000{i}-of-00003.parquet" for i in range(3)]
    touch(tmp_path, *names, f"{place}train.old.parquet", f"{place}test-00000-of-00001.parquet")
    assert found(tmp_path, "train") == names
    assert found(tmp_path, "test") == [f"{place}test-00000-of-00001.parquet"]
    (tmp_path / names[1]).unlink()
    with refused("shards of the split 'train' are not complete: expected 0 to 2 of 3"):
        found(tmp_path, "train")
    (tmp_path / names[2]).unlink()
    with refused("shards of the split 'train' are not complete: expected 0 to 2 of 3"):
        found(tmp_path, "train")
    touch(tmp_path, f"{place}train.csv")
    with refused("several files for the split 'train'"):
        found(tmp_path, "train")


def test_a_folder_called_by_the_split_or_the_configuration_is_looked_into(tmp_path):
    touch(tmp_path, "train/a-2.jsonl", "train/a-10.jsonl", "qqp/dev.csv.gz", "dev.csv")
    assert found(tmp_path, "train") == ["train/a-2.jsonl", "train/a-10.jsonl"]
    assert found(tmp_path, "dev", "qqp") == ["qqp/dev.csv.gz"]
    assert found(tmp_path, "dev", None) == ["dev.csv"]


CARD = """---
license: mit
configs:
- config_name: stsb
  data_files:
  - split: train
    path: stsb/learn-*.parquet
  - split: validation
    path: [stsb/check.parquet]
- config_name: other
  data_files: other/*.parquet
---
# GLUE
"""


def test_a_copy_of_a_hub_dataset_is_read_by_its_card(tmp_path):
    (tmp_path / "README.md").write_text(CARD)
    (tmp_path / "stsb").mkdir()
    for name in ("learn-0", "learn-1", "check"):
        Dataset.from_dict({"text": [name]}).to_parquet(tmp_path / "stsb" / f"{name}.parquet")
    source = TaskSource(dataset=str(tmp_path), dataset_config="stsb")
    assert load_split("near", source, "train", None).rows["text"][:] == ["learn-0", "learn-1"]
    assert load_split("near", source, "validation", None).rows["text"][:] == ["check"]
    assert load_split("near", TaskSource(dataset=str(tmp_path)), "train", None).rows.num_rows == 2
    with refused("task 'near': " + str(tmp_path) + " holds no test file"):
        load_split("near", source, "test", None)


@pytest.mark.parametrize(
    "card", ["no card", "---\n[1\n---\n", "---\nconfigs: 5\n---\n", "---\na\n---"]
)
def test_another_readme_is_ignored(tmp_path, card):
    (tmp_path / "README.md").write_text(card)
    touch(tmp_path, "train.csv")
    assert found(tmp_path, "train") == ["train.csv"]


@pytest.mark.parametrize("path", ["/etc/x.csv", "../x.csv", "a/../../x.csv"])
def test_a_card_names_no_file_outside_of_its_folder(tmp_path, path):
    files = f"[{{split: train, path: {path}}}]"
    (tmp_path / "README.md").write_text(f"---\nconfigs: [{{data_files: {files}}}]\n---\n")
    with refused(f"README.md: '{path}' is outside of the folder"):
        found(tmp_path, "train")
