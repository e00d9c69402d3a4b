"""Servers in processes of their own: load, signals and hostile connections."""

import http.client
import os
import random
import re
import signal
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

pytest.importorskip("fastapi", reason="the extra 'serve' is not installed")

from tests.export.toy_exports import toy_folder
from tests.modeling.toy_models import SINGLE, TASKS
from tests.serving.load import Client, server
from tests.serving.test_app import HOSTILE
from tests.serving.test_passes import PAIRS, TEXTS, close
from trainer.prediction.answer_log import parse_line

SECONDS = float(os.environ.get("HYBRID_MTL_LOAD_SECONDS", "30"))
CLIENTS = 8
GROWTH = 32 << 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served") / "model"
    toy_folder(folder)
    return folder


def good_requests(client):
    """Return requests with the answers of a single client."""
    rows = [{"inputs": text} for text in (*TEXTS, *PAIRS, TEXTS + PAIRS)]
    rows += [
        {"inputs": row, "task": name, "top_k": None}
        for name in TASKS
        for row in (TEXTS if name in SINGLE else PAIRS)
    ]
    found = [("/predict", body) for body in rows]
    found += [("/embed", {"inputs": text}) for text in TEXTS]
    found += [("/v1/embeddings", {"input": TEXTS})]
    found += [("/rerank", {"query": TEXTS[0], "texts": TEXTS})]
    return [(path, body, answered(client.post(path, body))) for path, body in found]


def answered(response):
    """Return an answer without the ids, which differ."""
    status, content = response
    assert status == 200, content
    for result in content.get("results", []):
        result.pop("id", None)
    return content


@pytest.mark.slow
def test_mixed_requests_get_right_answers_and_memory_stays(folder, tmp_path):
    log = tmp_path / "answers.jsonl"
    with server(folder, "--log", str(log), "--timeout", "60") as (process, port):
        good = good_requests(Client(port))

        def run(number: int, until: float) -> Counter:
            draw, client, counts = random.Random(number), Client(port), Counter()
            while time.monotonic() < until:
                if draw.random() < 0.3:
                    path = draw.choice(("/predict", "/embed", "/rerank", "/v1/embeddings"))
                    status, content = client.post(path, draw.choice(HOSTILE))
                    assert 400 <= status < 500 and content["error"]["code"] == status
                    counts["refused"] += 1
                else:
                    path, body, expected = draw.choice(good)
                    assert close(answered(client.post(path, body)), expected), body
                    counts["answered"] += 1
            return counts

        def phase(seconds: float, start: int) -> Counter:
            until = time.monotonic() + seconds
            with ThreadPoolExecutor(CLIENTS) as pool:
                return sum(pool.map(lambda n: run(start + n, until), range(CLIENTS)), Counter())

        memory = psutil.Process(process.pid).memory_info
        phase(SECONDS / 3, 0)
        before = memory().rss
        counts = phase(SECONDS, 100)
        growth = memory().rss - before
        print(f"{dict(counts)}, memory grew by {growth / 2**20:.1f} MiB")
        assert counts["answered"] > 100 and counts["refused"] > 50
        assert growth < GROWTH
        metrics = Client(port).get("/metrics")[1]
        assert not re.search(r'requests_total{[^}]*status="5', metrics)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    lines = [parse_line(line) for line in log.read_text().splitlines()]
    assert len(lines) > counts["answered"] / 2
    assert TEXTS[0] not in log.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_under_load_leaves_no_accepted_request_without_an_answer(folder, tmp_path, sent):
    """Requests sent before the signal are answered or refused; later ones may find no server."""
    log = tmp_path / "answers.jsonl"
    body = {"inputs": TEXTS * 40, "task": "tags"}
    with server(folder, "--log", str(log), "--batch_size", "4") as (process, port):
        expected = answered(Client(port).post("/predict", body))
        stopped = threading.Event()
        at: list[float] = []

        def run(number: int) -> Counter:
            client, counts = Client(port), Counter()
            while not stopped.is_set():
                start = time.monotonic()
                try:
                    status, content = client.post("/predict", body)
                except (OSError, http.client.HTTPException):
                    assert at and start >= at[0], "a request before the signal got no answer"
                    counts["no server"] += 1
                    break
                counts[status] += 1
                if status == 200:
                    assert close(answered((status, content)), expected)
                else:
                    assert status == 503 and "stopping" in content["error"]["message"]
            return counts

        with ThreadPoolExecutor(CLIENTS) as pool:
            futures = [pool.submit(run, number) for number in range(CLIENTS)]
            time.sleep(3)
            at.append(time.monotonic())
            process.send_signal(sent)
            assert process.wait(30) == 0
            stopped.set()
            counts = sum((future.result() for future in futures), Counter())
        print(dict(counts))
    assert counts[200] >= CLIENTS and counts[503] >= 1
    lines = [parse_line(line) for line in log.read_text().splitlines()]
    assert len(lines) == (counts[200] + 1) * len(body["inputs"])


@pytest.mark.slow
def test_hostile_connections_do_not_stop_the_server(folder):
    with server(folder, "--timeout", "2") as (process, port):

        def talk(sent: bytes) -> bytes:
            with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
                try:
                    connection.sendall(sent)
                    return connection.recv(1 << 16)
                except ConnectionError:  # refused before everything was sent
                    return b"HTTP/1.1 400 "

        head = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        floods = [b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 50_000, b"GET /" + b"a" * 200_000]
        floods += [b"\x16\x03\x01\x02\x00", b"\r\n" * 9, b"GET / HTTP/1.1\r\nA: \x00\r\n\r\n"]
        floods += [head + b"Content-Length: -5\r\n\r\n", head + b"Content-Length: 1e3\r\n\r\n"]
        floods += [head + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"]
        for sent in floods:
            found = re.match(rb"HTTP/1.1 4\d\d |$", talk(sent))
            assert found, sent[:60]
        # A body that never comes.
        assert b" 408 " in talk(head + b"Content-Length: 100\r\n\r\n{")
        assert Client(port).post("/predict", {"inputs": "a film"})[0] == 200
        assert process.poll() is None
