"""A look-alike of the Hub for tests: the routes that the real clients use, over HTTP.

It keeps everything in memory and can be told to fail: see `HubLookalike.fail`.
"""

import json
import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.hub.lookalike.routes import ROUTES, Answer, Request
from tests.hub.lookalike.store import Commit, HubError, Repo, User


@dataclass
class Fault:
    """A fault of the next matching requests."""

    method: str
    path: str
    times: int
    status: int | None
    drop: str | None


class HubLookalike:
    """A server in a thread; `with HubLookalike() as hub:` and `HF_ENDPOINT=hub.url`."""

    def __init__(self):
        self.users: dict[str, User] = {}
        self.repos: dict[tuple[str, str], Repo] = {}
        self.blobs: dict[str, bytes] = {}
        self.seen: list[str] = []
        self.faults: list[Fault] = []
        # Called with "METHOD path" before a request is carried out: a test can hold it up.
        self.before_answering: Callable[[str], Any] = lambda line: None
        self.lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.hub = self  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "HubLookalike":
        threading.Thread(target=self._server.serve_forever, args=(0.005,), daemon=True).start()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add_user(self, name: str, *orgs: str, role: str = "write") -> str:
        """Add a user and return the token."""
        token = f"hf_{name}{role}".ljust(37, "x")
        self.users[token] = User(name, orgs, role)
        return token

    def repo(self, name: str, kind: str = "models") -> Repo:
        return self.repos[kind, name]

    def files(self, name: str, revision: str = "main") -> dict[str, bytes]:
        """Return path -> content of a model repository's revision."""
        return {path: file.content for path, file in self.repo(name).at(revision).files.items()}

    def history(self, name: str, revision: str = "main") -> list[Commit]:
        """Return the commits of a model repository's revision, newest first."""
        return self.repo(name).history(revision)

    def fail(
        self,
        method: str,
        path: str,
        *,
        times: int = 1,
        status: int | None = None,
        drop: str | None = None,
    ) -> None:
        """Let the next requests fail.

        Args:
            method: of the requests.
            path: a regular expression that is found in their paths.
            times: how many of them fail.
            status: of the answer they get.
            drop: or where the connection ends: `before` the request is read, `half` of its body or
                of the answer, `after` it was carried out and without an answer.
        """
        self.faults.append(Fault(method, path, times, status, drop))

    def fault(self, method: str, path: str) -> Fault | None:
        """Return the fault of this request, if any, and decrement its count."""
        with self.lock:
            for fault in self.faults:
                if fault.times > 0 and fault.method == method and re.search(fault.path, path):
                    fault.times -= 1
                    return fault
        return None

    def count(self, method: str, path: str) -> int:
        """Return the number of requests whose path matches a regular expression."""
        seen = Counter(
            bool(re.match(method, line) and re.search(path, line.split(" ", 1)[1]))
            for line in self.seen
        )
        return seen[True]


class _Handler(BaseHTTPRequestHandler):
    # Else each response waits 40 ms for the client to acknowledge its headers.
    disable_nagle_algorithm = True
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        pass

    def _serve(self) -> None:
        hub: HubLookalike = self.server.hub  # type: ignore[attr-defined]
        split = urlsplit(self.path)
        path = unquote(split.path)
        hub.seen.append(f"{self.command} {path}")
        fault = hub.fault(self.command, path)
        if fault is not None and (fault.drop == "before" or self._drops_body(fault)):
            self.close_connection = True
            return
        body = self._body()
        hub.before_answering(f"{self.command} {path}")
        if fault is not None and fault.status is not None:
            self._send(Answer(fault.status, {"error": "told to fail"}))
            return
        try:
            answer = self._answer(hub, split.path, body, parse_qs(split.query))
        except HubError as error:
            headers = {"X-Error-Message": error.message}
            if error.code is not None:
                headers["X-Error-Code"] = error.code
            answer = Answer(error.status, {"error": error.message}, headers)
        if fault is not None and fault.drop == "after":
            self.close_connection = True
            return
        self._send(answer, half=fault is not None and fault.drop == "half")

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815

    def _answer(self, hub: HubLookalike, path: str, body: bytes, query: dict[str, Any]) -> Answer:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ") or None
        if token is not None and token not in hub.users:
            raise HubError(401, None, "Invalid credentials in Authorization header")
        user = None if token is None else hub.users[token]
        for method, pattern, function in ROUTES:
            found = re.fullmatch(pattern, path)
            if found and self.command in method.split("|"):
                parts = {name: unquote(part or "") for name, part in found.groupdict().items()}
                with hub.lock:
                    return function(Request(hub, user, parts, query, body, self.headers))
        raise HubError(404, None, f"the look-alike has no route {self.command} {path}")

    def _drops_body(self, fault: Fault) -> bool:
        """Return whether the connection is dropped after half of the request's body."""
        length = int(self.headers.get("Content-Length", 0))
        if fault.drop != "half" or not length:
            return False
        self.rfile.read(length // 2)
        return True

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _send(self, answer: Answer, half: bool = False) -> None:
        content = answer.content
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        self.send_response(answer.status)
        for name, value in (answer.headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: len(content) // 2] if half else content)
        if half:
            self.close_connection = True
