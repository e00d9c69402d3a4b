"""The application on Ray Serve: the answers of the server, from two replicas."""

import http.client
import json
import socket
from importlib.util import find_spec
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.export.toy_exports import toy_folder
from tests.serving.test_passes import PAIRS, TEXTS, close
from trainer.errors import InputError
from trainer.prediction.answer_log import parse_line
from trainer.ray_cluster import import_ray
from trainer.serving.model import open_served
from trainer.serving.options import ServingOptions
from trainer.serving.ray_app import RayArguments, build, own_log

KEY = "0123456789abcdef"


def test_arguments_are_those_of_the_script():
    given = RayArguments(model="runs/demo", max_wait_ms="5", log="answers.jsonl")
    assert (given.threads, given.max_wait_ms, given.log) == (1, 5.0, Path("answers.jsonl"))
    for wrong in ({"modl": "a"}, {"host": "0.0.0.0"}, {"api_key": KEY}, {"num_replicas": 0}):
        with pytest.raises(ValidationError, match=next(iter(wrong))):
            RayArguments(model="runs/demo", **wrong)


def test_a_replica_has_a_log_of_its_own():
    options = ServingOptions(log=Path("logs/answers.jsonl"))
    assert own_log(options, "ab12").log == Path("logs/answers-ab12.jsonl")
    assert own_log(ServingOptions(), "ab12").log is None


@pytest.fixture
def ray_serve():
    """Ray Serve at a free port."""
    needed = "needs pip install '.[ray-serve]'"
    if find_spec("ray") is None:
        pytest.skip(needed)
    ray = import_ray("this test")
    serve = pytest.importorskip("ray.serve", reason=needed, exc_type=ImportError)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    yield serve, port
    serve.shutdown()
    ray.shutdown()


def ask(port, path, body=None, key=KEY):
    """Return the status and the JSON or text of an answer, by a new connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": "application/json"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    method = "GET" if body is None else "POST"
    sent = body if body is None or isinstance(body, bytes) else json.dumps(body)
    connection.request(method, path, sent, headers)
    response = connection.getresponse()
    content = response.read().decode()
    connection.close()
    is_json = response.headers["Content-Type"].startswith("application/json")
    return response.status, json.loads(content) if is_json else content


@pytest.mark.slow
def test_two_replicas_answer_as_one_server(ray_serve, tmp_path, open_client):
    serve, port = ray_serve
    folder = tmp_path / "model"
    toy_folder(folder)
    (tmp_path / "key").write_text(KEY)
    options = {"max_texts": 40, "max_body": 100_000}
    arguments = RayArguments(
        model=str(folder),
        num_replicas=2,
        log=str(tmp_path / "answers.jsonl"),
        api_key_file=str(tmp_path / "key"),
        **options,
    )
    serve.run(build(arguments))
    with pytest.raises(InputError, match="api_key_file: cannot read"):
        build(arguments.model_copy(update={"api_key_file": tmp_path / "none"}))

    assert ask(port, "/health", key=None) == (200, {"status": "alive"})
    assert ask(port, "/ready", key=None)[0] == 200
    assert ask(port, "/predict", {"inputs": "a film"}, key=None)[0] == 401
    requests = [("/predict", {"inputs": row}) for row in (*TEXTS, *PAIRS, TEXTS + PAIRS)]
    requests += [("/embed", {"inputs": TEXTS}), ("/v1/embeddings", {"input": TEXTS})]
    requests += [("/rerank", {"query": TEXTS[0], "texts": TEXTS})]
    requests += [("/predict", {"inputs": "a", "task": "none"}), ("/nothing", {}), ("/embed", [])]
    requests += [("/embed", {"inputs": ["a"] * 41}), ("/embed", b"[" * 200_000), ("/embed", b"{")]
    plain = tmp_path / "plain.jsonl"
    with open_client(open_served(str(folder), threads=1), log=plain, **options) as client:
        for path, body in requests * 2:
            sent = {"content": body} if isinstance(body, bytes) else {"json": body}
            headers = {"Content-Type": "application/json"}
            expected = client.post(path, headers=headers, **sent)
            status, answer = ask(port, path, body)
            assert status == expected.status_code, (path, body, answer)
            assert close(without_ids(answer), without_ids(expected.json())), (path, body)
        assert ask(port, "/model")[1] == client.get("/model").json()
        assert "hybrid_mtl_requests_total" in ask(port, "/metrics")[1]
    serve.delete("default")
    logs = list(tmp_path.glob("answers-*.jsonl"))
    assert len(logs) == 2 and all(log.stat().st_size for log in logs)
    lines = [parse_line(line) for log in logs for line in log.read_text().splitlines()]
    assert len(lines) == len(plain.read_text().splitlines())


def without_ids(answer):
    for result in answer.get("results", []):
        result.pop("id", None)
    return answer
