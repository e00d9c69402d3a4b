"""Rows without text: the run stops, they are left out, or they have no prediction."""

import json

import pytest

from tests.prediction.fake_pipeline import OpenFake, job
from tests.prediction.test_run import predicted, recording
from trainer.errors import InputError
from trainer.prediction.run import predict_files


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr("trainer.prediction.chunks.CHUNK", 8)


@pytest.fixture
def bad_rows(tmp_path):
    path = tmp_path / "bad.jsonl"
    texts = ["a film", None, "good", " ", 7, "dull", "", "very"]
    path.write_text("".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in enumerate(texts)))
    return path


def test_bad_rows_stop(bad_rows, tmp_path):
    message = "bad.jsonl, row 2: column 'text' must be a non-empty text, got None; leave such rows"
    with pytest.raises(InputError, match=message):
        predict_files(job(bad_rows, tmp_path / "a.csv"), OpenFake())
    assert [path.name for path in tmp_path.iterdir()] == ["bad.jsonl"]


def predicted_texts(folder, *texts):
    """The predictions of texts that are alone in their file."""
    path = folder / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return predicted(path, folder / "texts_predicted.jsonl", keep=())


def test_bad_rows_are_left_out_and_listed(bad_rows, tmp_path, capsys):
    found = predicted(bad_rows, tmp_path / "a.jsonl", on_error="skip")
    assert [row["id"] for row in found] == [0, 2, 5, 7]
    texts = predicted_texts(tmp_path, "a film", "good", "dull", "very")
    assert found == [{"id": i, **row} for i, row in zip((0, 2, 5, 7), texts, strict=True)]
    rejects = [json.loads(line) for line in (tmp_path / "a.jsonl.rejects.jsonl").open()]
    assert [reject["row"] for reject in rejects] == [2, 4, 5, 7]
    assert rejects[2] == {
        "file": str(bad_rows),
        "row": 5,
        "column": "text",
        "reason": "must be a non-empty text, got 7",
    }
    printed = capsys.readouterr().out
    assert "4 of 8 rows are left out: no text in column 'text'" in printed
    assert "these rows are listed in" in printed and "4 rows written" in printed


def test_bad_rows_are_kept_without_predictions(bad_rows, tmp_path, capsys):
    found = predicted(bad_rows, tmp_path / "a.jsonl", on_error="null")
    assert [row["id"] for row in found] == list(range(8))
    assert [row["label"] is None for row in found] == [row["reason"] is not None for row in found]
    assert found[1]["reason"] == "no text in column 'text'" and found[0]["reason"] is None
    assert "4 of 8 rows have no prediction" in capsys.readouterr().out


def test_a_run_that_stopped_goes_on_without_the_bad_rows(rows, tmp_path, monkeypatch):
    text = rows.read_text().replace("\n30,", "\n30,  #").splitlines()
    text[31] = "30,"
    rows.write_text("\n".join(text) + "\n")
    numbers = []
    with pytest.raises(InputError, match="row 31"):
        predict_files(job(rows, tmp_path / "a.csv"), OpenFake())
    monkeypatch.setattr("trainer.prediction.chunk_writer.ChunkWriter.write", recording(numbers))
    predict_files(job(rows, tmp_path / "a.csv", on_error="skip"), OpenFake())
    assert numbers == [3, 4, 5, 6]
    with pytest.raises(InputError, match="1 rows without text are left out already"):
        predict_files(job(rows, tmp_path / "a.csv"), OpenFake())
