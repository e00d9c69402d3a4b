import pytest

from tests.serving.test_app import message
from trainer.errors import InputError
from trainer.serving.options import ServingOptions

KEY = "0123456789abcdef"
BODY = {"inputs": "a film", "task": "mood"}


def test_a_key_is_required_everywhere_but_at_the_probes(open_client):
    with open_client(api_key=KEY) as client:
        for headers in ({}, {"Authorization": KEY}, {"Authorization": f"Bearer {KEY}x"}):
            refused = client.post("/predict", json=BODY, headers=headers)
            assert "Bearer KEY" in message(refused, 401)
            assert refused.headers["WWW-Authenticate"] == "Bearer"
        for path in ("/model", "/metrics", "/docs", "/openapi.json", "/x"):
            assert client.get(path).status_code == 401
        assert client.get("/health").status_code == client.get("/ready").status_code == 200
        lower = client.post("/predict", json=BODY, headers={"authorization": f"bearer  {KEY}"})
        assert lower.status_code == 200
        headers = {"Authorization": f"Bearer {KEY}"}
        assert client.post("/predict", json=BODY, headers=headers).status_code == 200
        odd = client.post("/predict", json=BODY, headers={"Authorization": b"Bearer \xff"})
        assert odd.status_code == 401


@pytest.mark.parametrize("key", ["short", "é" * 20, ""])
def test_a_weak_key_is_refused(key):
    with pytest.raises(InputError, match="16 or more ASCII characters"):
        ServingOptions(api_key=key)


@pytest.mark.parametrize(
    "content", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_bodies_that_a_page_of_another_site_could_send_are_refused(client, content):
    headers = {} if content is None else {"Content-Type": content}
    response = client.post("/predict", content=b'{"inputs": "a"}', headers=headers)
    assert "application/json" in message(response, 415)
    assert "access-control-allow-origin" not in response.headers


def test_no_other_site_is_allowed(client):
    asked = {"Origin": "https://example.com", "Access-Control-Request-Method": "POST"}
    response = client.options("/predict", headers=asked)
    assert response.status_code == 405
    assert not [name for name in response.headers if name.startswith("access-control")]


def test_compressed_bodies_are_refused(client):
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    response = client.post("/predict", content=b"x", headers=headers)
    assert "compressed" in message(response, 415)


def test_long_bodies_are_refused_also_without_a_length(open_client):
    with open_client(max_body=1000) as client:
        headers = {"Content-Type": "application/json"}
        for content in (b" " * 1001, iter([b" " * 600] * 9)):
            response = client.post("/predict", content=content, headers=headers)
            assert "longer than 1,000 bytes" in message(response, 413)
        wrong = {**headers, "Content-Length": "9" * 99}
        assert client.post("/predict", content=b"", headers=wrong).status_code == 413


def test_a_draining_server_is_alive_and_refuses(open_client):
    with open_client() as client:
        client.app.draining = True
        for response in (client.post("/predict", json=BODY), client.get("/ready")):
            assert "stopping" in message(response, 503)
            assert response.headers["Retry-After"] == "1"
            assert response.headers["Connection"] == "close"
        assert client.get("/health").status_code == 200
        assert client.app.active == 0


def test_a_failure_tells_callers_no_details(open_client, monkeypatch, capsys):
    with open_client() as client:
        service = client.app.app.state.service

        async def fail(*args):
            raise RuntimeError("a secret")

        monkeypatch.setattr(service.batcher, "run", fail)
        response = client.post("/predict", json=BODY)
        assert "secret" not in message(response, 500)
        assert "a secret" in capsys.readouterr().err
        assert client.get("/health").status_code == 200


@pytest.mark.parametrize(
    "options, expected",
    [
        ({"batch_size": 0}, "batch_size = 0: must be 1 or more"),
        ({"port": 99999}, "port = 99999"),
        ({"max_wait_ms": -1}, "max_wait_ms = -1"),
        ({"timeout": 0}, "timeout = 0"),
        ({"max_texts": 9, "max_queue": 8}, "max_texts = 9: must be at most max_queue"),
        ({"log_texts": True}, "log_texts: has no effect without --log"),
    ],
)
def test_wrong_options_are_refused(options, expected):
    with pytest.raises(InputError, match=expected):
        ServingOptions(**options)
