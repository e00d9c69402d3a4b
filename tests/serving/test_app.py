import base64
import re

import numpy as np
import pytest

from tests.modeling.toy_models import SINGLE, TASKS
from tests.serving.test_passes import PAIRS, TEXTS, close


def message(response, status):
    """Return the message of a refusal, which is one line of JSON."""
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert error["code"] == status and error["type"].endswith("_error")
    assert "\n" not in error["message"] and "Traceback" not in response.text
    return error["message"]


def results(client, **body):
    response = client.post("/predict", json=body)
    assert response.status_code == 200, response.text
    return response.json()["results"]


class TestPredict:
    def test_one_text_gets_every_task_of_one_text(self, client, served):
        (result,) = results(client, inputs=TEXTS[0])
        assert set(result["prediction"]) == set(SINGLE)
        assert close(result["prediction"], served.pipe(TEXTS[0]))
        assert result["truncated"] is False and re.fullmatch("[0-9a-f]{32}", result["id"])

    @pytest.mark.parametrize("name", TASKS)
    def test_a_list_gets_the_pipelines_predictions_in_order(self, client, served, name):
        inputs = TEXTS if name in SINGLE else PAIRS
        found = results(client, inputs=inputs, task=name)
        assert close([r["prediction"] for r in found], served.pipe(inputs, task=name))

    def test_texts_and_pairs_mix(self, client, served):
        found = results(client, inputs=[TEXTS[0], PAIRS[0], {"text": "a"}])
        assert close(found[1]["prediction"], served.pipe(PAIRS[0]))
        assert close(found[2]["prediction"], served.pipe("a"))

    def test_top_k_gives_so_many_classes_and_null_all(self, client):
        for top_k, count in ((1, None), (2, 2), (None, 3)):
            (result,) = results(client, inputs="a film", task="mood", top_k=top_k)
            found = result["prediction"]
            assert (None if isinstance(found, dict) else len(found)) == count

    def test_truncated_texts_are_reported(self, client):
        assert results(client, inputs="very " * 99, task="mood")[0]["truncated"] is True

    @pytest.mark.parametrize(
        "body, expected",
        [
            ({"inputs": "a", "task": "moood"}, "There is no task 'moood'.*Did you mean 'mood'"),
            ({"inputs": "a", "task": "near"}, "'near' requires {\"text\""),
            ({"inputs": ["a", PAIRS[0]], "task": "mood"}, "inputs 1: .* requires one text"),
            ({"inputs": "a", "tasks": "mood"}, "no field 'tasks': it must be one of inputs, task"),
            ({"task": "mood"}, "inputs: Field required"),
            ({"inputs": []}, "inputs: must have at least one text"),
            ({"inputs": ["a", " "]}, "inputs 1: text must be a non-empty text"),
            ({"inputs": 5}, "inputs: must be a text, or"),
            ({"inputs": [["a", "b"]]}, "inputs 0: must be a text, or"),
            ({"inputs": {"text": "a", "text_pair": None}}, "inputs: text_pair must be a non-empty"),
            ({"inputs": {"texts": "a"}}, "inputs: must be a text, or"),
            ({"inputs": "a", "top_k": 0}, "top_k: .*greater than or equal to 1"),
            ({"inputs": "a", "top_k": "2"}, "top_k: .*valid integer"),
            ({"inputs": "a", "task": 5}, "task: .*valid string"),
            ([], "The body: "),
        ],
    )
    def test_a_wrong_request_is_refused_in_one_sentence(self, client, body, expected):
        assert re.search(expected, message(client.post("/predict", json=body), 422))

    def test_too_many_or_too_long_texts_are_refused(self, open_client):
        with open_client(max_texts=2, max_characters=10) as client:
            many = client.post("/predict", json={"inputs": ["a"] * 3})
            assert "3 texts, more than 2" in message(many, 413)
            long = client.post("/predict", json={"inputs": "a" * 11})
            assert "11 characters, more than 10" in message(long, 413)


HOSTILE = [
    b"",
    b"{",
    b"null",
    b"NaN",
    b'{"inputs": NaN}',
    b'{"inputs": 1e999}',
    b'{"inputs": "\\ud83d"}',
    b'{"inputs": "\xff\xfe"}',
    b'{"inputs": "\xed\xa0\x80"}',
    b"[" * 100_000,
    b'{"inputs": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    b'{"inputs": {"a":' * 5_000,
    b'{"inputs": ' + b"9" * 100_000 + b"}",
    b'{"inputs": "a", "top_k": ' + b"9" * 5_000 + b"}",
    b'{"inputs": "a", "top_k": 1e300}',
    b'{"inputs": "a", "task": "' + b"x" * 100_000 + b'"}',
    b'{"inputs": "a", "' + b"y" * 100_000 + b'": 1}',
    b'{"inputs": "a", "task": "\\u0000\\u202e"}',
    b'{"inputs": [' + b'"",' * 200 + b'""]}',
]


@pytest.mark.parametrize("path", ["/predict", "/embed", "/rerank", "/v1/embeddings", "/feedback"])
@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_bodies_are_refused(client, path, body):
    response = client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert 400 <= response.status_code < 500
    assert len(message(response, response.status_code)) < 800


def test_odd_texts_are_answered(client):
    for text in ("\x00", "\u202e a", "👩‍👩‍👧 שלום", "a" * 20_000, "%00 ../../etc/passwd {{1}}"):
        (result,) = results(client, inputs=text, task="mood")
        assert result["prediction"]["label"] in TASKS["mood"]["labels"]


class TestVectors:
    def test_embed_returns_the_models_vectors(self, client, served):
        response = client.post("/embed", json={"inputs": TEXTS}).json()
        expected = np.stack([served.vector(text).numpy() for text in TEXTS])
        assert response["embeddings"] == pytest.approx(expected, abs=1e-5)
        one = client.post("/embed", json={"inputs": TEXTS[0], "normalize": True}).json()
        unit = expected[:1] / np.linalg.norm(expected[0])
        assert one["embeddings"] == pytest.approx(unit, abs=1e-5)
        long = client.post("/embed", json={"inputs": ["very " * 99, "a"]}).json()
        assert long["truncated"] == 1

    def test_openais_request_gets_openais_response(self, client, served):
        body = {"input": TEXTS[:2], "model": "toy", "user": "me"}
        found = client.post("/v1/embeddings", json=body).json()
        assert found["object"] == "list" and found["model"] == "toy"
        tokens = sum(len(served.pipe.tokenizer(text).input_ids) for text in TEXTS[:2])
        assert found["usage"] == {"prompt_tokens": tokens, "total_tokens": tokens}
        assert [entry["index"] for entry in found["data"]] == [0, 1]
        vector = np.array(found["data"][0]["embedding"])
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
        encoded = client.post("/v1/embeddings", json={**body, "encoding_format": "base64"}).json()
        text = encoded["data"][0]["embedding"]
        assert np.frombuffer(base64.b64decode(text), "<f4") == pytest.approx(vector, abs=1e-5)

    @pytest.mark.parametrize(
        "body, status, expected",
        [
            ({"input": "a", "model": "text-embedding-3-small"}, 404, "the model is 'toy'"),
            ({"input": "a", "dimensions": 5}, 422, "dimensions: must be 16"),
            ({"input": [1, 2]}, 422, "input 0 must be a non-empty text"),
            ({"input": "a", "encoding_format": "int8"}, 422, "encoding_format"),
            ({"input": ""}, 422, "input must be a non-empty text"),
        ],
    )
    def test_other_requests_are_refused(self, client, body, status, expected):
        assert expected in message(client.post("/v1/embeddings", json=body), status)


class TestRerank:
    def rank(self, client, **body):
        response = client.post("/rerank", json={"query": TEXTS[0], "texts": TEXTS, **body})
        assert response.status_code == 200, response.text
        return response.json()

    def expected(self, served, task, score):
        pairs = [{"text": TEXTS[0], "text_pair": text} for text in TEXTS]
        scores = [score(p) for p in served.pipe(pairs, task=task, return_all_scores=True)]
        order = sorted(range(len(scores)), key=lambda i: -scores[i])
        return [{"index": i, "score": pytest.approx(scores[i], abs=1e-5)} for i in order]

    def test_the_default_is_the_first_task_of_pairs_with_a_score(self, client, served):
        found = self.rank(client)
        assert found["task"] == "gap"
        assert found["results"] == self.expected(served, "gap", lambda p: p["score"])

    def test_a_task_can_be_chosen_and_of_its_classes_one(self, client, served):
        found = self.rank(client, task="same", label="yes")
        assert found["results"] == self.expected(served, "same", lambda p: p[1]["score"])
        assert (
            self.rank(client, task="near", top_n=1)["results"]
            == (self.expected(served, "near", lambda p: p["score"])[:1])
        )

    @pytest.mark.parametrize(
        "body, expected",
        [
            ({"task": "mood"}, "There is no task of pairs 'mood'"),
            ({"task": "same"}, "label: must name the class"),
            ({"task": "same", "label": "yess"}, "label: must be one of no, yes"),
            ({"task": "near", "label": "yes"}, "label: must be left out"),
            ({"label": "yes"}, "label: needs a task"),
            ({"texts": []}, "texts: must have at least one"),
            ({"query": ["a"]}, "query must be a non-empty text"),
        ],
    )
    def test_wrong_requests_are_refused(self, client, body, expected):
        response = client.post("/rerank", json={"query": "a", "texts": ["b"], **body})
        assert expected in message(response, 422)

    def test_a_model_without_such_a_task_ranks_by_cosine(self, open_client):
        from tests.modeling.toy_models import toy_model
        from tests.serving.conftest import toy_pipe
        from trainer.serving.model import ServedModel

        model = ServedModel(toy_pipe(toy_model(tasks={"mood": TASKS["mood"]})), "toy", "v")
        with open_client(model) as client:
            found = self.rank(client)
            best = found["results"][0]
            assert found["task"] is None
            assert best == {"index": 0, "score": pytest.approx(1, abs=1e-5)}
            pair = client.post("/predict", json={"inputs": PAIRS[0]})
            assert "inputs: This model has no task of pairs" in message(pair, 422)


def test_the_service_describes_itself_and_its_model(client):
    assert client.get("/health").json() == {"status": "alive"}
    assert client.get("/ready").json() == {"status": "ready", "active": 0}
    (listed,) = client.get("/v1/models").json()["data"]
    assert (listed["id"], listed["object"]) == ("toy", "model")
    model = client.get("/model").json()
    assert (model["name"], model["dimensions"], model["max_tokens"]) == ("toy", 16, 24)
    assert model["tasks"]["mood"]["labels"] == TASKS["mood"]["labels"]
    assert model["tasks"]["near"]["score_range"] == [0, 5]
    assert "there is no such endpoint" in message(client.get("/x"), 404).lower()
    response = client.post("/predict/", json={"inputs": "a"}, follow_redirects=False)
    assert "there is no such endpoint" in message(response, 404).lower()
    assert "does not have this method" in message(client.get("/predict"), 405)


def test_the_page_lists_all_endpoints_and_needs_no_other_site(client):
    page, schema = client.get("/docs").text, client.get("/openapi.json").json()
    assert set(schema["paths"]) >= {"/predict", "/v1/embeddings", "/ready", "/metrics"}
    for path in schema["paths"]:
        assert f" {path}</code>" in page
    assert "<script" not in page and "http" not in page.replace("http-equiv", "")
    body = schema["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"]["required"] == ["inputs"]
