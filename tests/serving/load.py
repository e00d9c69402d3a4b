"""A server process and HTTP clients of the standard library."""

import http.client
import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


@contextmanager
def server(folder: Path, *options: str):
    """Yield a process of scripts/serve.py and its port."""
    log = folder.parent / "server.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "scripts/serve.py", str(folder), "--port", "0", "--threads", "1"]
            + list(options),
            cwd=ROOT,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            assert process.stdout is not None
            found = re.search(r"http://127\.0\.0\.1:(\d+)", process.stdout.readline())
            assert found, log.read_text()
            yield process, int(found[1])
        finally:
            process.kill()
            process.wait()


class Client:
    """A client with one connection, which is opened again when it was closed."""

    def __init__(self, port: int):
        self._port = port
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def post(self, path: str, body, content: str = "application/json") -> tuple[int, dict]:
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            self._connection.request("POST", path, sent, {"Content-Type": content})
            response = self._connection.getresponse()
            return response.status, json.loads(response.read())
        except BaseException:
            self._connection.close()
            raise

    def get(self, path: str) -> tuple[int, str]:
        self._connection.request("GET", path)
        response = self._connection.getresponse()
        return response.status, response.read().decode()
