import json

from trainer.prediction.answer_log import AnswerLog
from trainer.serving.metrics import Metrics
from trainer.serving.passes import Answer, Row
from trainer.serving.recorder import Recorder

ROW = Row({"text": "a film"})
ANSWER = Answer(
    {}, {"mood": {"label": "good", "score": 0.5}, "stars": {"score": 3.0}}, 4, True, 0.0
)


def test_the_answers_of_a_row_share_an_id_and_rows_do_not(tmp_path):
    log = AnswerLog(tmp_path / "answers.jsonl", texts=True)
    metrics = Metrics("toy", "v", {"mood": ["good", "bad"], "stars": [""]})
    ids = Recorder(metrics, log, "v").record([ROW, ROW], [ANSWER, ANSWER])
    log.close()
    lines = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == [ids[0], ids[0], ids[1], ids[1]]
    assert ids[0] != ids[1]
    assert {line["text"] for line in lines} == {"a film"}
    assert all(line["truncated"] and line["version"] == "v" for line in lines)


def test_labels_without_answers_are_counted_as_0():
    metrics = Metrics("toy", "v", {"mood": ["good", "bad"], "stars": [""]})
    Recorder(metrics, None, "v").record([ROW], [ANSWER])
    text = metrics.text().decode()
    assert 'hybrid_mtl_answers_total{label="good",task="mood"} 1.0' in text
    assert 'hybrid_mtl_answers_total{label="bad",task="mood"} 0.0' in text
    assert "hybrid_mtl_truncated_rows_total 1.0" in text


def test_two_servers_in_a_process_count_apart():
    first, second = (Metrics(name, "v", {}) for name in ("one", "two"))
    first.count_model_error()
    assert b"hybrid_mtl_model_errors_total 1.0" in first.text()
    assert b"hybrid_mtl_model_errors_total 0.0" in second.text()
