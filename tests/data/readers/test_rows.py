"""Locations of one file or many: their rows in order, and the right file in every message."""

import gzip
import re

import pytest
from datasets import Dataset, DatasetDict

from modeling_hybrid_mtl import TaskConfig
from trainer.data import TaskSource, check_split, load_split, read_rows
from trainer.data.readers import ReadOptions, read_split
from trainer.errors import InputError

MOOD = TaskConfig("classification", labels=["bad", "good"])


def refused(message):
    return pytest.raises(InputError, match=re.escape(message))


def shards(folder, count, suffix=".csv", name="part-{}"):
    for i in range(count):
        rows = Dataset.from_dict({"text": [f"t{i}", f"u{i}"], "label": ["0", "1"]})
        path = folder / (name.format(i) + suffix)
        rows.to_parquet(path) if suffix == ".parquet" else rows.to_csv(path)
    return folder


TEXTS = [f"{letter}{i}" for i in range(12) for letter in "tu"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_pattern_and_a_folder_are_read_in_natural_order(tmp_path, suffix):
    (tmp_path / "data").mkdir()
    folder = shards(tmp_path / "data", 12, suffix)
    (folder / "notes.md").write_text("not rows")
    for location in (f"{folder}/part-*{suffix}", str(folder), folder, f"{tmp_path}/**/*{suffix}"):
        assert read_rows(location)["text"][:] == TEXTS


def test_a_list_of_files_keeps_its_order(tmp_path):
    folder = shards(tmp_path, 3)
    files = [f"{folder}/part-2.csv", f"{folder}/part-[01].csv"]
    assert read_rows(files)["text"][:] == ["t2", "u2", "t0", "u0", "t1", "u1"]
    with refused("part-1.csv' is named twice"):
        read_rows([*files, folder / "part-1.csv"])
    with refused("a database stands alone"):
        read_rows([*files, "sqlite:///x.db?table=t"])


def test_relative_paths_and_the_home_folder(tmp_path, monkeypatch):
    shards(tmp_path, 1)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(read_rows("part-0.csv")) == len(read_rows("~/part-0.csv")) == 2


def test_a_message_counts_rows_in_their_own_file(tmp_path):
    shards(tmp_path, 3)
    (tmp_path / "part-1.csv").write_text("text,label\na,0\nb,1\nc,7\n")
    source = TaskSource(train_file=f"{tmp_path}/part-*.csv")
    raw = load_split("mood", source, "train", None)
    assert raw.location == f"{tmp_path}/part-0.csv and 2 more"
    with refused(f"{tmp_path}/part-1.csv, row 3: column 'label' has '7'"):
        check_split("mood", MOOD, source, raw)


def test_files_of_different_columns_are_refused_with_both_names(tmp_path):
    shards(tmp_path, 2)
    (tmp_path / "part-2.csv").write_text("text,mood\na,0\n")
    with refused(
        f"{tmp_path}/part-2.csv: its columns (text, mood) differ from those of "
        f"{tmp_path}/part-0.csv (text, label)"
    ):
        read_rows(f"{tmp_path}/*.csv")


def test_columns_of_another_order_or_type_are_joined_without_conversion(tmp_path):
    (tmp_path / "1.csv").write_text("text,label\na,0\n")
    (tmp_path / "2.jsonl").write_text('{"label": 1, "text": "b"}\n')
    (tmp_path / "3.jsonl").write_text('{"text": "c", "label": null}\n')
    found = read_rows(f"{tmp_path}/*")
    assert found["text"][:] == ["a", "b", "c"]
    assert found["label"][:] == ["0", 1, None]


@pytest.mark.parametrize("name", ["a.csv.gz", "a.CSV", "a.TSV.GZ", "a.jsonl.gz", "a.json.gz"])
def test_compressed_files_and_capital_suffixes_are_read(tmp_path, name):
    table = 'text,label\n"a, b",0\n'
    if "json" in name:
        table = '{"text": "a, b", "label": "0"}\n'
    elif "TSV" in name:
        table = "text\tlabel\na, b\t0\n"
    content = table.encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if "gz" in name.lower() else content)
    assert read_rows(tmp_path / name).to_dict() == {"text": ["a, b"], "label": ["0"]}


def test_a_truncated_archive_is_refused(tmp_path):
    for name in ("a.csv.gz", "a.jsonl.gz"):
        text = "text,label\n" + "a,0\n" * 9999 if "csv" in name else '{"text": "a"}\n' * 9999
        (tmp_path / name).write_bytes(gzip.compress(text.encode())[:-20])
        with refused(f"{tmp_path / name}: cannot be read as {name.split('.')[1]}: Compressed file"):
            read_rows(tmp_path / name)
    (tmp_path / "b.csv.gz").write_text("text,label\na,0\n")
    with refused("b.csv.gz: cannot be read as csv: Not a gzipped file"):
        read_rows(tmp_path / "b.csv.gz")
    (tmp_path / "c.parquet.gz").write_bytes(b"")
    with refused("parquet files are compressed already"):
        read_rows(tmp_path / "c.parquet.gz")


def test_a_format_is_given_where_the_name_does_not_say_it(tmp_path):
    path = tmp_path / "ratings.txt"
    path.write_text("text\tlabel\na\t0\n")
    with refused("or give its format with the option 'format'"):
        read_rows(path)
    assert read_rows(path, ReadOptions(format="tsv")).to_dict() == {"text": ["a"], "label": ["0"]}
    (tmp_path / "train.txt").write_text("text\tlabel\na\t0\n")
    source = TaskSource(dataset=str(tmp_path), format="tsv")
    assert load_split("mood", source, "train", None).rows["text"][:] == ["a"]
    with refused("option 'format' = 'cvs': must be one of csv, tsv"):
        TaskSource(format="cvs")


def test_a_missing_file_is_refused_with_the_field_and_a_similar_name(tmp_path):
    shards(tmp_path, 1)
    for location, message in (
        (f"{tmp_path}/prat-0.csv", "there is no file"),
        ([], "the list of files is empty"),
        (f"{tmp_path}/*.tsv", "no file matches the pattern"),
    ):
        with refused("task 'mood': field 'train_file': " + message) as caught:
            load_split("mood", TaskSource(train_file=location), "train", None)
    with refused("Did you mean 'part-0.csv'?") as caught:
        read_rows(f"{tmp_path}/prat-0.csv")
    assert caught.value


def test_a_folder_of_several_formats_or_none_is_refused(tmp_path):
    with refused("holds no rows (.csv, .tsv"):
        read_rows(tmp_path)
    shards(tmp_path, 1), shards(tmp_path, 1, ".parquet")
    with refused("files of several formats (part-0.csv, part-0.parquet); choose with a pattern"):
        read_rows(tmp_path)


def test_files_take_the_place_of_the_default_dataset_for_every_split(tmp_path):
    shards(tmp_path, 3)
    source = TaskSource(
        dataset="SetFit/sst5",
        train_file=f"{tmp_path}/part-0.csv",
        test_file=[f"{tmp_path}/part-1.csv", f"{tmp_path}/part-2.csv"],
    )
    default = "SetFit/sst5"
    assert len(load_split("mood", source, "train", "elsewhere", default).rows) == 2
    assert len(load_split("mood", source, "test", None, default).rows) == 4
    with refused("field 'validation_file' is missing"):
        load_split("mood", source, "validation", None, default)
    with refused("dataset = 'SetFit/sst5': has no effect beside train_file"):
        load_split("mood", source, "train", None)


def test_relative_files_are_in_a_given_folder_of_data_and_else_in_the_current_one(
    tmp_path, monkeypatch
):
    (tmp_path / "data").mkdir()
    shards(tmp_path / "data", 2)
    files = ["part-0.csv", str(tmp_path / "data" / "part-1.csv")]
    source = TaskSource(train_file=files, validation_file="part-*.csv", test_file="part-0.csv")
    for part, count in (("train", 4), ("validation", 4), ("test", 2)):
        assert len(load_split("mood", source, part, str(tmp_path / "data")).rows) == count
    monkeypatch.chdir(tmp_path / "data")
    for data_dir in (None, "sample", "."):
        assert len(load_split("mood", source, "train", data_dir).rows) == 4
    with refused(f"field 'train_file': there is no file '{tmp_path}/part-0.csv'"):
        load_split("mood", source, "train", str(tmp_path))


def test_a_dataset_saved_to_disk_is_read(tmp_path):
    rows = Dataset.from_dict({"text": ["a", "b"], "label": [0, 1]})
    DatasetDict(train=rows, dev=rows.select([1])).save_to_disk(tmp_path / "both")
    rows.save_to_disk(tmp_path / "one")
    source = TaskSource(dataset=str(tmp_path / "both"), validation_split="dev")
    assert load_split("mood", source, "train", None).rows["text"][:] == ["a", "b"]
    assert load_split("mood", source, "validation", None).rows["text"][:] == ["b"]
    assert read_rows(tmp_path / "one")["label"][:] == [0, 1]
    with refused("holds the splits dev, train; name the folder of one of them"):
        read_rows(tmp_path / "both")
    (tmp_path / "one" / "data-00000-of-00001.arrow").write_bytes(b"ARROW")
    with refused(f"{tmp_path / 'one'}: cannot be read as a saved dataset"):
        read_rows(tmp_path / "one")


def test_equal_rows_have_equal_tokens_wherever_they_lie(tmp_path):
    """So a run resumes after its files were merged or moved into a database."""
    from tests.toys import toy_tokenizer
    from trainer.data import tokenize

    shards(tmp_path, 2)
    read_rows(f"{tmp_path}/part-*.csv").to_parquet(tmp_path / "all.parquet")
    keys = set()
    for location in (f"{tmp_path}/part-*.csv", tmp_path / "all.parquet"):
        raw = read_split(location)
        rows = check_split("mood", MOOD, TaskSource(), raw).rows
        keys.add(tokenize("mood", rows, MOOD, toy_tokenizer(), 8)._fingerprint)
    assert len(keys) == 1
