"""Records of answers: the pipeline's predictions, and measures of the texts."""

import json

import pytest

from tests.audit.conftest import model_folder, pipe  # noqa: F401 (fixtures)
from trainer.errors import InputError
from trainer.prediction.answer_log import AnswerLog, parse_line
from trainer.prediction.answer_recorder import AnswerRecorder, default_output
from trainer.prediction.prediction_log import PredictionFile

TEXT, PAIR = "the film was zzz", {"text": "a dull film", "text_pair": "Anna is zzz"}


@pytest.fixture
def recorder(pipe):  # noqa: F811
    return AnswerRecorder(pipe.tokenizer, pipe.model.config, "v1")


@pytest.mark.parametrize("row", [{"text": TEXT}, PAIR])
def test_outputs_of_all_classes_become_the_default_output(pipe, row):  # noqa: F811
    expected, everything = pipe(row), pipe(row, top_k=None)
    for name, output in expected.items():
        assert default_output(pipe.model.config.task(name), everything[name]) == output


@pytest.mark.parametrize("row", [{"text": TEXT}, PAIR])
def test_every_task_has_a_line_that_the_reader_takes(pipe, recorder, row):  # noqa: F811
    predictions = pipe(row)
    records = recorder.record(row, predictions, with_texts=True, groups={"place": "a"})
    assert [record["task"] for record in records] == list(predictions)
    assert len({record["id"] for record in records}) == 1
    for record in records:
        parsed = parse_line(json.dumps(record))
        assert parsed["groups"] == {"place": "a"} and parsed["text"] == row["text"]
        output = predictions[record["task"]]
        if isinstance(output, dict) and "label" in output:
            assert record["label"] == output["label"]
            assert record["confidence"] == pytest.approx(output["score"], abs=1e-5)


def test_lengths_and_unknown_words_are_measured(pipe, recorder):  # noqa: F811
    limit = pipe.tokenizer.model_max_length
    (found,) = recorder.record({"text": TEXT}, {"mood": pipe(TEXT, task="mood")}, with_texts=False)
    assert "text" not in found and found["tokens"] == len(pipe.tokenizer(TEXT).input_ids)
    assert found["unknown"] == pytest.approx(0.25) and not found["truncated"]
    long = {"text": "film " * limit}
    (found,) = recorder.record(long, {"mood": {"label": "good", "score": 1.0}}, with_texts=False)
    assert found["tokens"] == limit and found["truncated"]
    (siamese,) = recorder.record(PAIR, {"same": pipe(PAIR, task="same")}, with_texts=False)
    both = [len(pipe.tokenizer(text).input_ids) for text in PAIR.values()]
    assert siamese["tokens"] == sum(both)


def test_a_page_s_predictions_and_corrections_share_an_id(pipe, tmp_path):  # noqa: F811
    arguments = (pipe.tokenizer, pipe.model.config, "v1")
    log = PredictionFile(tmp_path / "log", *arguments, with_texts=False)
    answer_id = log.add((TEXT,), pipe({"text": TEXT}, top_k=None))
    log.add_correction(answer_id, "mood", "good")
    lines = [parse_line(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert {line["id"] for line in lines} == {answer_id} and lines[-1]["event"] == "feedback"
    assert TEXT not in (tmp_path / "log").read_text()


def test_a_full_disk_loses_records_with_a_warning(pipe, tmp_path, monkeypatch, caplog):  # noqa: F811
    log = PredictionFile(
        tmp_path / "log", pipe.tokenizer, pipe.model.config, "v1", with_texts=False
    )

    def fail(self, records):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(AnswerLog, "write", fail)
    assert log.add((TEXT,), pipe({"text": TEXT}, top_k=None))
    assert log.lost > 0 and "No space left on device" in caplog.text


def test_a_log_that_cannot_be_opened_is_an_error(pipe, tmp_path):  # noqa: F811
    with pytest.raises(InputError, match="log: .* cannot be written"):
        PredictionFile(tmp_path, pipe.tokenizer, pipe.model.config, "v", with_texts=False)
