"""Several processes: the same bytes, also when processes die."""

import csv

import pytest

from tests.prediction.fake_pipeline import FakePipeline, OpenFake, job
from trainer.errors import InputError
from trainer.prediction.fingerprint import model_fingerprint
from trainer.prediction.run import predict_files

pytestmark = pytest.mark.slow  # each process imports torch


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.csv"
    words = ["a", "good", "film", "was", "very", "dull", "in", "paris"]
    lines = [f"{i},{' '.join(words[: 1 + i * 5 % 8])}" for i in range(50)]
    path.write_text("\n".join(["id,text", *lines]) + "\n")
    return path


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr("trainer.prediction.chunks.CHUNK", 8)


def test_two_processes_write_what_one_does_though_one_dies(rows, tmp_path):
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    predict_files(job(rows, one), OpenFake())
    noted = tmp_path / "died"
    totals = predict_files(job(rows, two, workers=2), OpenFake(dies_once=noted))
    assert two.read_bytes() == one.read_bytes() and noted.exists()
    assert totals.rows == 50 == len(list(csv.DictReader(two.open())))


def test_a_process_that_always_dies_is_one_error_and_the_rest_is_kept(rows, tmp_path):
    with pytest.raises(InputError, match=r"3 processes have died \(signal 9\) at .*rows.csv, row"):
        predict_files(job(rows, tmp_path / "a.csv", workers=2), OpenFake(dies_always=True))
    assert not (tmp_path / "a.csv").exists()


def test_an_error_in_a_process_is_that_of_the_run(rows, tmp_path):
    with pytest.raises(InputError, match="the model is broken"):
        predict_files(job(rows, tmp_path / "a.csv", workers=2), OpenFake(fails=True))


def test_the_fingerprint_follows_the_model():
    first, second = FakePipeline(), FakePipeline()
    assert model_fingerprint(first) == model_fingerprint(second)
    second.model.fingerprint = "other"
    assert model_fingerprint(first) != model_fingerprint(second)
