"""What the server keeps of its answers: the log, feedback and metrics."""

import json

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.serving.test_app import message, results
from tests.serving.test_passes import PAIRS, TEXTS
from trainer.prediction.answer_log import parse_line

ID = "0" * 32


def metrics_of(client):
    """Return the values of the metrics, by name and labels."""
    found = {}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            labels = ",".join(sample.labels.values())
            found[sample.name + (f"[{labels}]" if labels else "")] = sample.value
    return found


def test_answers_are_logged_without_texts(open_client, tmp_path):
    path = tmp_path / "answers.jsonl"
    with open_client(log=path) as client:
        (result,) = results(client, inputs=PAIRS[0], top_k=2)
        client.post("/rerank", json={"query": "secret", "texts": ["secret"], "task": "near"})
        client.post("/embed", json={"inputs": "secret"})
    lines = [parse_line(line) for line in path.read_text().splitlines()]
    of_first = {line["task"]: line for line in lines if line["id"] == result["id"]}
    assert set(of_first) == set(result["prediction"])
    best = result["prediction"]["same"][0]
    assert of_first["same"]["label"] == best["label"]
    assert of_first["same"]["confidence"] == pytest.approx(best["score"], abs=1e-5)
    assert of_first["near"]["version"] == "sha256:ab"
    assert len(lines) == len(of_first) + 1
    assert "secret" not in path.read_text() and TEXTS[0] not in path.read_text()


def test_texts_are_logged_when_asked_for(open_client, tmp_path):
    path = tmp_path / "answers.jsonl"
    with open_client(log=path, log_texts=True) as client:
        results(client, inputs=PAIRS[0], task="near")
    (line,) = path.read_text().splitlines()
    assert PAIRS[0].items() <= json.loads(line).items()


def test_feedback_is_logged_with_the_answers_id(open_client, tmp_path):
    path = tmp_path / "answers.jsonl"
    with open_client(log=path) as client:
        for task, label in (("mood", "good"), ("near", 4.5), ("topics", ["plot"])):
            response = client.post("/feedback", json={"id": ID, "task": task, "label": label})
            assert response.json() == {"id": ID, "saved": True}
        for task, label in (("mood", "goood"), ("near", 6), ("near", True), ("topics", "plot")):
            response = client.post("/feedback", json={"id": ID, "task": task, "label": label})
            assert message(response, 422).startswith("label: must be")
    lines = [parse_line(line) for line in path.read_text().splitlines()]
    assert [(line["event"], line["label"]) for line in lines] == [
        ("feedback", "good"),
        ("feedback", 4.5),
        ("feedback", ["plot"]),
    ]


def test_feedback_needs_a_log(client):
    response = client.post("/feedback", json={"id": ID, "task": "mood", "label": "good"})
    assert "start it with --log FILE" in message(response, 404)


def test_a_full_disk_costs_the_record_and_not_the_answer(open_client, tmp_path, capsys):
    with open_client(log=tmp_path / "answers.jsonl") as client:
        recorder = client.app.app.state.service.recorder

        def fail(records):
            raise OSError(28, "No space left on device")

        recorder.log.write = fail
        for _ in range(2):
            assert results(client, inputs="a film", task="mood")
        assert metrics_of(client)["hybrid_mtl_log_errors_total"] == 2
        body = {"id": ID, "task": "mood", "label": "good"}
        assert "could not be saved" in message(client.post("/feedback", json=body), 503)
    assert capsys.readouterr().err.count("No space left") == 1


def test_metrics_count_requests_rows_and_answers(client):
    (result,) = results(client, inputs=TEXTS[0], task="mood")
    results(client, inputs=["very " * 99] * 3, task="stars")
    client.post("/predict", json={})
    client.get("/nothing/here")
    found = metrics_of(client)
    assert found["hybrid_mtl_requests_total[/predict,200]"] == 2
    assert found["hybrid_mtl_requests_total[/predict,422]"] == 1
    assert found["hybrid_mtl_requests_total[other,404]"] == 1
    assert found[f"hybrid_mtl_answers_total[{result['prediction']['label']},mood]"] == 1
    assert found["hybrid_mtl_answers_total[,stars]"] == 3
    assert found["hybrid_mtl_truncated_rows_total"] == 3
    assert found["hybrid_mtl_batch_rows_sum"] == found["hybrid_mtl_tokens_count"] == 4
    assert found["hybrid_mtl_model[toy,sha256:ab]"] == 1
    assert found["hybrid_mtl_queue_rows"] == 0
