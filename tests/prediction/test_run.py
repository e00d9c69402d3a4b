"""Predictions of files: the same bytes however often they were interrupted."""

import csv
import json

import pyarrow.parquet as pq
import pytest
from transformers.utils.logging import disable_progress_bar, enable_progress_bar

from tests.prediction.fake_pipeline import OpenFake, job
from trainer.data.readers import ReadOptions
from trainer.errors import InputError
from trainer.prediction.journal import Journal, open_journal
from trainer.prediction.run import predict_files
from trainer.prediction.sources import Inputs


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr("trainer.prediction.chunks.CHUNK", 8)


def predicted(source, output, **options):
    """Predict a file, and return the rows that are written."""
    predict_files(job(source, output, **options), OpenFake())
    if output.suffix == ".parquet":
        return pq.read_table(output).to_pylist()
    with output.open(encoding="utf-8", newline="") as file:
        if output.suffix == ".csv":
            return list(csv.DictReader(file))
        return [json.loads(line) for line in file]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_every_row_is_written_once_and_in_order(rows, tmp_path, suffix, capsys):
    found = predicted(rows, tmp_path / f"a.{suffix}")
    assert [row["id"] for row in found] == [str(i) for i in range(50)]
    assert list(found[0]) == ["id", "label", "index", "score"]
    alone = predicted(rows, tmp_path / f"alone.{suffix}", batch_size=1)
    assert alone == found
    assert "50 rows written to" in capsys.readouterr().out
    names = {path.name for path in tmp_path.iterdir() if path.name.startswith("a.")}
    assert names == {f"a.{suffix}", f"a.{suffix}.journal.jsonl"}


def test_a_bar_shows_the_rows_although_those_of_other_libraries_are_off(
    rows, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    disable_progress_bar()
    try:
        predict_files(job(rows, tmp_path / "a.csv", show_progress=True), OpenFake())
    finally:
        enable_progress_bar()
    assert "50/50" in capsys.readouterr().err


class Killed(BaseException):
    """Stands for a signal that cannot be caught."""


def kill_at(monkeypatch, place, call):
    """Raise `Killed` before a call of a function, counted from 1."""
    module, _, name = place.rpartition(".")
    owner = __import__(module, fromlist=[name])
    original, count = getattr(owner, name), 0

    def dying(*args, **kwargs):
        nonlocal count
        count += 1
        if count == call:
            raise Killed
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, dying)


@pytest.mark.parametrize("suffix, parts", [("csv", None), ("csv", 20), ("parquet", None)])
@pytest.mark.parametrize(
    "place, call",
    [
        ("trainer.prediction.chunk_writer.write_chunk", 1),
        ("trainer.prediction.chunk_writer.write_chunk", 4),
        ("trainer.prediction.run.join_chunks", 1),
    ],
)
def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(
    rows, tmp_path, monkeypatch, place, call, parts, suffix
):
    whole, broken = tmp_path / f"whole.{suffix}", tmp_path / f"broken.{suffix}"
    predict_files(job(rows, whole, rows_per_part=parts), OpenFake())
    with monkeypatch.context() as patched, pytest.raises(Killed):
        kill_at(patched, place, call)
        predict_files(job(rows, broken, rows_per_part=parts), OpenFake())
    assert not broken.exists()
    predict_files(job(rows, broken, rows_per_part=parts), OpenFake())
    assert contents(broken) == contents(whole)


def contents(output):
    files = sorted(output.iterdir()) if output.is_dir() else [output]
    return [path.read_bytes() for path in files]


@pytest.mark.parametrize("parts", [None, 20])
def test_a_run_killed_between_its_output_and_its_end_is_ended(rows, tmp_path, monkeypatch, parts):
    def die(journal, size):
        raise Killed

    output = tmp_path / "a.jsonl"
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(Journal, "finish", die)
        predict_files(job(rows, output, rows_per_part=parts), OpenFake())
    before = contents(output)
    predict_files(job(rows, output, rows_per_part=parts), OpenFake())
    assert contents(output) == before and not (tmp_path / "a.jsonl.chunks").exists()


def test_finished_chunks_are_not_predicted_again(rows, tmp_path, monkeypatch, capsys):
    output = tmp_path / "a.csv"
    with monkeypatch.context() as patched, pytest.raises(Killed):
        kill_at(patched, "trainer.prediction.chunk_writer.write_chunk", 4)
        predict_files(job(rows, output), OpenFake())
    journal = tmp_path / "a.csv.journal.jsonl"
    journal.write_bytes(journal.read_bytes() + b'{"chunk": 3, "ro')  # cut off
    (tmp_path / "a.csv.chunks" / "chunk-00000001.csv").write_text("of another size")
    numbers = []
    write = "trainer.prediction.chunk_writer.ChunkWriter.write"
    monkeypatch.setattr(write, recording(numbers))
    predict_files(job(rows, output), OpenFake())
    assert numbers == [1, 3, 4, 5, 6]
    assert "16 rows are done already; going on" in capsys.readouterr().out
    predict_files(job(rows, output), OpenFake())
    assert numbers == [1, 3, 4, 5, 6] and "is complete already" in capsys.readouterr().out


def recording(numbers):
    from trainer.prediction.chunk_writer import ChunkWriter

    original = ChunkWriter.write

    def write(writer, chunk):
        numbers.append(chunk.number)
        return original(writer, chunk)

    return write


@pytest.mark.parametrize(
    "options, change",
    [
        ({"task": "near", "texts": {"text_pair": ("id",)}}, "tasks was ['mood'], and is now"),
        ({"batch_size": 5}, "batch_size was 32, and is now 5"),
        ({"probabilities": True}, "columns was"),
        ({"on_error": "null"}, "columns was"),
        ({"threads": 1}, "threads was None, and is now 1"),
    ],
)
def test_another_command_is_refused_until_it_overwrites(rows, tmp_path, options, change):
    output = tmp_path / "a.csv"
    predict_files(job(rows, output), OpenFake())
    before = output.read_bytes()
    with pytest.raises(InputError, match="begun by another command: ") as refused:
        predict_files(job(rows, output, **options), OpenFake())
    assert change in str(refused.value) and "--overwrite" in str(refused.value)
    assert output.read_bytes() == before
    predict_files(job(rows, output, overwrite=True, **options), OpenFake())
    predict_files(job(rows, output, **options), OpenFake())  # is that command now


def test_changed_rows_are_refused(rows, tmp_path):
    predict_files(job(rows, tmp_path / "a.csv"), OpenFake())
    rows.write_text("id,text\n1,a film\n")
    with pytest.raises(InputError, match="begun by another command: rows was"):
        predict_files(job(rows, tmp_path / "a.csv"), OpenFake())


def test_foreign_files_are_kept(rows, tmp_path):
    (tmp_path / "a.csv").write_text("mine")
    with pytest.raises(InputError, match="a.csv' exists already; .* with --overwrite"):
        predict_files(job(rows, tmp_path / "a.csv"), OpenFake())
    (tmp_path / "b.csv").mkdir()
    (tmp_path / "b.csv" / "mine.csv").write_text("mine")
    with pytest.raises(InputError, match="b.csv' is a folder, and not one of parts"):
        predict_files(job(rows, tmp_path / "b.csv", rows_per_part=9, overwrite=True), OpenFake())
    (tmp_path / "c.csv.journal.jsonl").write_text('{"mine": 1}\n')
    with pytest.raises(InputError, match="is not the journal of a prediction"):
        predict_files(job(rows, tmp_path / "c.csv"), OpenFake())
    assert (tmp_path / "a.csv").read_text() == "mine"


def test_two_processes_do_not_write_to_one_output(rows, tmp_path):
    busy = pytest.raises(InputError, match="another process is writing")
    with open_journal(tmp_path / "a.csv"), busy:
        predict_files(job(rows, tmp_path / "a.csv"), OpenFake())


def test_parts_hold_the_rows_that_they_should(rows, tmp_path, capsys):
    predict_files(job(rows, tmp_path / "a.csv", rows_per_part=20), OpenFake())
    files = sorted((tmp_path / "a.csv").iterdir())
    assert [path.name for path in files] == [f"part-0000{i}.csv" for i in (1, 2, 3)]
    ids = [[row["id"] for row in csv.DictReader(path.open())] for path in files]
    assert [len(part) for part in ids] == [20, 20, 10]
    assert sum(ids, []) == [str(i) for i in range(50)]
    assert "50 rows in parts written" in capsys.readouterr().out


def test_rows_of_several_files_are_one_output(rows, tmp_path):
    other = tmp_path / "rows-2.jsonl"
    other.write_text('{"text": "a film", "id": 99}\n')
    both = Inputs((str(rows), str(other)))
    first = job(rows, tmp_path / "a.csv")
    predict_files(type(first)(**{**vars(first), "inputs": both}), OpenFake())
    ids = [row["id"] for row in csv.DictReader((tmp_path / "a.csv").open())]
    assert ids == [*map(str, range(50)), "99"]
    other.write_text('{"text": "a film"}\n')
    with pytest.raises(InputError, match="rows-2.jsonl: there is no column 'id', which .*rows.csv"):
        predict_files(
            type(first)(**{**vars(first), "inputs": both, "output": tmp_path / "b.csv"}), OpenFake()
        )


def test_a_column_of_two_types_needs_a_format_that_has_them(tmp_path):
    path = tmp_path / "rows.jsonl"
    ids = [*range(1024), "x"]  # a block of the reader, and one more row
    path.write_text("".join(json.dumps({"id": i, "text": "film"}) + "\n" for i in ids))
    with pytest.raises(InputError, match="column 'id' is string in some rows and int64 in the fir"):
        predicted(path, tmp_path / "a.parquet")
    assert [row["id"] for row in predicted(path, tmp_path / "a.jsonl")] == ids
    mixed = "".join(json.dumps({"id": i, "text": "film"}) + "\n" for i in (1, "x", [2]))
    path.write_text(mixed)
    assert [row["id"] for row in predicted(path, tmp_path / "b.jsonl")] == [1, "x", [2]]


def test_options_of_reading_apply(tmp_path):
    path = tmp_path / "rows.txt"
    path.write_bytes("id;body\n1;un film très bon\n".encode("latin-1"))
    read = ReadOptions(format="csv", separator=";", encoding="latin-1")
    first = job(path, tmp_path / "a.csv", texts={"text": ("body",)}, keep=("id", "body"))
    inputs = Inputs((str(path),), read, ("body",))
    predict_files(type(first)(**{**vars(first), "inputs": inputs}), OpenFake())
    (row,) = csv.DictReader((tmp_path / "a.csv").open(encoding="utf-8"))
    assert row["body"] == "un film très bon"


def test_an_output_that_this_command_did_not_write_is_kept(rows, tmp_path, monkeypatch, capsys):
    output = tmp_path / "a.csv"
    predict_files(job(rows, output), OpenFake())
    whole = output.read_bytes()
    output.write_text("mine")
    with pytest.raises(InputError, match="is not what this command wrote"):
        predict_files(job(rows, output), OpenFake())
    assert output.read_text() == "mine"
    predict_files(job(rows, output, overwrite=True), OpenFake())
    assert output.read_bytes() == whole
    broken = tmp_path / "b.csv"
    with monkeypatch.context() as patched, pytest.raises(Killed):
        kill_at(patched, "trainer.prediction.chunk_writer.write_chunk", 4)
        predict_files(job(rows, broken), OpenFake())
    broken.write_text("mine")
    with pytest.raises(InputError, match="is not what this command wrote"):
        predict_files(job(rows, broken), OpenFake())
    assert broken.read_text() == "mine"
