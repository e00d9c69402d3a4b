import json
import re
from dataclasses import replace

import pytest
from datasets import Dataset
from datasets.exceptions import DatasetGenerationError, DatasetNotFoundError

from trainer.config.tasks import DEFAULT_TASKS
from trainer.data import sources
from trainer.data.readers import read_rows
from trainer.data.sources import load_split
from trainer.data.task_source import TaskSource
from trainer.errors import InputError

ROWS = [{"text": "a, b", "label": 0}, {"text": 'she said "no"', "label": 1}]


def refused(message):
    return pytest.raises(InputError, match=re.escape(message))


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def write_rows(folder, name):
    folder.mkdir(parents=True, exist_ok=True)
    rows, path = Dataset.from_list(ROWS), folder / name
    if path.suffix == ".parquet":
        rows.to_parquet(path)
    elif path.suffix in (".jsonl", ".json"):
        write(path, "".join(json.dumps(row) + "\n" for row in ROWS))
    else:
        rows.to_csv(path, sep={".csv": ",", ".tsv": "\t"}[path.suffix])
    return path


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".json", ".parquet"])
def test_every_kind_of_file_gives_the_same_rows(tmp_path, suffix):
    rows = read_rows(write_rows(tmp_path, f"train{suffix}"))
    assert rows["text"][:] == ["a, b", 'she said "no"']
    assert [int(label) for label in rows["label"]] == [0, 1]


def test_cells_that_look_like_nothing_stay_words(tmp_path):
    words = ["NA", "null", "None", "nan", "N/A", "1.0", "true"]
    path = write(tmp_path / "a.csv", "text,label\n" + "".join(f"{word},{word}\n" for word in words))
    rows = read_rows(path)
    assert rows["text"][:] == rows["label"][:] == words


def test_a_file_that_changed_is_read_again(tmp_path):
    path = write(tmp_path / "a.csv", "text,label\na,0\n")
    assert len(read_rows(path)) == 1
    write(path, "text,label\na,0\nb,1\n")
    assert len(read_rows(path)) == 2


def test_marks_that_spreadsheets_and_pandas_leave_are_understood(tmp_path):
    rows = read_rows(write(tmp_path / "a.csv", "\ufefftext,label\r\na,0\r\n\r\nb,1\r\n"))
    assert rows.to_dict() == {"text": ["a", "b"], "label": ["0", "1"]}
    rows = read_rows(write(tmp_path / "b.csv", ",text,label,\n0,a,1,\n"))
    assert rows.select_columns(["text", "label"]).to_dict() == {"text": ["a"], "label": ["1"]}


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("a.csv", "", "the file is empty; it needs a header line and rows"),
        ("a.csv", "text,label\n", "the file has no rows"),
        ("a.jsonl", "", "the file has no rows"),
        ("a.csv", "text,text,label\na,b,0\n", "occurs twice in the header: text, text, label"),
        ("a.csv", b"text,label\ncaf\xe9,0\n", "cannot be read as csv: 'utf-8' codec can't decode"),
        ("a.tsv", b"text\tlabel\n" + b"a\t0\n" * 9999 + b"caf\xe9\t0\n", "cannot be read as tsv"),
        ("a.jsonl", b'{"text": "caf\xe9", "label": 0}\n', "cannot be read as jsonl: "),
        (
            "a.jsonl",
            '{"text": "a", "label": 0}\n{"text":\n',
            "line 2: cannot be read as json",
        ),
        ("a.parquet", "PAR1 and no more", "cannot be read as parquet: "),
        ("a.txt", "a", "expected one of .csv, .tsv, .jsonl"),
    ],
)
def test_a_damaged_file_is_refused_by_name(tmp_path, name, content, message):
    path = write(tmp_path / name, content)
    with refused(message) as caught:
        read_rows(path)
    assert str(path) in str(caught.value)


def test_a_table_of_no_rows_is_refused(tmp_path):
    Dataset.from_dict({"text": ["a"]}).select([]).to_parquet(tmp_path / "a.parquet")
    with refused("the file has no rows"):
        read_rows(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    "lines, line, cells",
    [
        ("a,0\nb,c,1\nd,0\n", 3, 3),
        # Readers that guess take the first cells for row names when all lines are longer.
        ("a,b,0\nc,d,1\n", 2, 3),
        ("a,0\nb\nc,1\n", 3, 1),
        ('"two\nlines",0\nb,c,1\n', 4, 3),
    ],
)
def test_a_line_with_more_or_fewer_cells_is_refused_with_its_number(tmp_path, lines, line, cells):
    path = write(tmp_path / "a.csv", "text,label\n" + lines)
    with refused(f"{path}, line {line}: {cells} cells under 2 column names (text, label)"):
        read_rows(path)


def test_a_missing_file_is_refused(tmp_path):
    with refused(f"there is no file '{tmp_path / 'a.csv'}'"):
        read_rows(tmp_path / "a.csv")


def test_dataset_may_be_a_folder(tmp_path):
    path = write_rows(tmp_path, "dev.jsonl")
    raw = load_split(
        "mood", TaskSource(dataset=str(tmp_path), validation_split="dev"), "validation", None
    )
    assert raw.location == str(path)
    assert raw.rows["label"][:] == [0, 1]


def test_data_dir_replaces_every_dataset(tmp_path):
    write_rows(tmp_path / "mood", "train.csv")
    write_rows(tmp_path / "feelings", "train.tsv")
    source = TaskSource(dataset="owner/name")
    assert load_split("mood", source, "train", str(tmp_path)).location.endswith("mood/train.csv")
    source = replace(source, folder="feelings")
    assert load_split("mood", source, "train", str(tmp_path)).location.endswith(
        "feelings/train.tsv"
    )


def test_two_files_for_one_split_are_refused(tmp_path):
    write_rows(tmp_path, "train.csv")
    write_rows(tmp_path, "train.jsonl")
    with refused("several files for the split 'train' (train.csv, train.jsonl); keep one"):
        load_split("mood", TaskSource(dataset=str(tmp_path)), "train", None)


def test_a_split_without_a_file_is_refused_with_what_is_there(tmp_path):
    folder = tmp_path / "mood"
    write_rows(folder, "train.csv")
    with refused(f"task 'mood': {folder} holds no validation file") as caught:
        load_split("mood", TaskSource(dataset=str(folder)), "validation", None)
    assert str(caught.value).endswith("it holds train.csv")


def test_missing_folders_are_refused(tmp_path):
    (tmp_path / "data" / "other").mkdir(parents=True)
    with refused(f"data_dir: there is no folder '{tmp_path / 'no'}'"):
        load_split("mood", TaskSource(), "train", str(tmp_path / "no"))
    with refused("(folders there: other); set the right one with --tasks.mood.folder"):
        load_split("mood", TaskSource(), "train", str(tmp_path / "data"))
    for name in ("./no", str(tmp_path / "no"), "~/no/such/folder", "a/b/c"):
        with refused("task 'mood': dataset: there is no folder '"):
            load_split("mood", TaskSource(dataset=name), "train", None)
    for name in (str(write(tmp_path / "a.csv", "")), "sqlite:///a.db?table=t"):
        with refused(f"task 'mood': dataset = '{name}': expected a folder or a Hub dataset, got a"):
            load_split("mood", TaskSource(dataset=name), "train", None)
    with refused("task 'mood': give it a 'dataset'"):
        load_split("mood", TaskSource(), "train", None)


@pytest.mark.parametrize(
    "task, arguments",
    [
        ("sentiment", ("SetFit/sst5", None)),
        ("paraphrase", ("nyu-mll/glue", "qqp")),
        ("similarity", ("nyu-mll/glue", "stsb")),
    ],
)
def test_the_hub_is_asked_for_the_default_tasks_data(monkeypatch, task, arguments):
    asked = []

    def load(*given, **options):
        asked.append((given, options))
        return Dataset.from_list(ROWS)

    monkeypatch.setattr(sources, "load_dataset", load)
    known = ("dataset", "dataset_config")
    source = TaskSource(**{k: v for k, v in DEFAULT_TASKS[task].items() if k in known})
    raw = load_split(task, source, "validation", None)
    assert asked == [(arguments, {"revision": None, "split": "validation"})]
    assert raw.location == "/".join(filter(None, [*arguments, "validation"]))
    load_split(task, replace(source, dataset_revision="v2"), "train", None)
    assert asked[1][1] == {"revision": "v2", "split": "train"}


def generation_error():
    error = DatasetGenerationError("An error occurred")
    error.__cause__ = UnicodeDecodeError("utf-8", b"\xe9", 0, 1, "the reason")
    return error


@pytest.mark.parametrize(
    "error",
    [
        ConnectionError("the reason"),
        DatasetNotFoundError("the reason"),
        ValueError("Unknown split, the reason"),
        RuntimeError("Dataset scripts: the reason"),
        generation_error(),
        # What an HTTP client raises need not be an OSError.
        type("ConnectError", (Exception,), {})("the reason"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_unreachable_hub_is_reported_with_what_to_do_offline(monkeypatch, error):
    def load(*given, **options):
        raise error

    monkeypatch.setattr(sources, "load_dataset", load)
    source = TaskSource(dataset="SetFit/sst5", folder="sst5", validation_split="dev")
    with refused("task 'mood': cannot load 'SetFit/sst5/train' from the Hub: ") as caught:
        load_split("mood", source, "train", None)
    message = str(caught.value)
    assert "the reason" in message
    assert "put train.* and dev.* (csv, jsonl, parquet, ..., same columns) in DIR/sst5" in message
    assert "--data_dir DIR" in message and "--data_dir sample" in message


def test_an_empty_split_of_the_hub_is_refused(monkeypatch):
    monkeypatch.setattr(sources, "load_dataset", lambda *a, **k: Dataset.from_dict({"text": []}))
    with refused("task 'mood': the split 'a/b/train' has no rows"):
        load_split("mood", TaskSource(dataset="a/b"), "train", None)


def test_a_task_with_a_dataset_of_its_own_keeps_it_beside_a_data_dir(tmp_path):
    write_rows(tmp_path / "mine", "train.csv")
    write_rows(tmp_path / "all" / "sst5", "train.csv")
    own = TaskSource(dataset=str(tmp_path / "mine"))
    raw = load_split("topic", own, "train", str(tmp_path / "all"))
    assert raw.location == str(tmp_path / "mine" / "train.csv")
    sentiment = TaskSource(dataset="SetFit/sst5", folder="sst5")
    place = str(tmp_path / "all" / "sst5" / "train.csv")
    assert load_split("sentiment", sentiment, "train", str(tmp_path / "all")).location == place
    own.folder = "sst5"
    assert load_split("topic", own, "train", str(tmp_path / "all")).location == place


def test_a_default_dataset_is_not_mixed_with_a_data_dir(tmp_path):
    paraphrase = TaskSource(dataset="nyu-mll/glue", folder="qqp")
    with refused(f"task 'paraphrase': there is no folder '{tmp_path / 'qqp'}'"):
        load_split("paraphrase", paraphrase, "train", str(tmp_path), "nyu-mll/glue")


def test_files_are_no_other_dataset_than_the_one_that_is_loaded():
    source = TaskSource(dataset="me/this", data_name="me/that")
    with pytest.raises(InputError, match="data_name = 'me/that': the rows come from .* 'me/this'"):
        load_split("mood", source, "train", None)
