"""As much of the Hub's protocol as a dataset that gets commits needs, on a local port."""

import base64
import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class HubStub:
    """One dataset: its files, whether it is private, and what was said to make it."""

    def __init__(self, private: bool = True):
        self.private = private
        self.files: dict[str, bytes] = {}
        self.created: list[dict[str, Any]] = []
        self.commits: list[list[str]] = []
        self.tokens: set[str | None] = set()

    def commit(self, body: str) -> None:
        operations = [json.loads(line) for line in body.splitlines()]
        files = [o["value"] for o in operations if o["key"] == "file"]
        self.files.update({f["path"]: base64.b64decode(f["content"]) for f in files})
        self.commits.append([f["path"] for f in files])


def _handler(hub: HubStub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:  # noqa: N802
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            hub.tokens.add(self.headers.get("Authorization"))
            address = f"http://{self.headers['Host']}"
            if self.headers.get("Authorization") is None:
                self.say(401, {"error": "Invalid username or password."})
            elif self.path == "/api/repos/create":
                hub.created.append(json.loads(body))
                self.say(200, {"url": f"{address}/datasets/me/feedback", "id": "me/feedback"})
            elif "/preupload/" in self.path:
                names = [file["path"] for file in json.loads(body)["files"]]
                modes = [{"path": n, "uploadMode": "regular", "shouldIgnore": False} for n in names]
                self.say(200, {"files": modes})
            elif "/commit/" in self.path:
                hub.commit(body)
                oid = f"{len(hub.commits):040x}"
                url = f"{address}/datasets/me/feedback/commit/{oid}"
                self.say(200, {"commitUrl": url, "commitOid": oid})
            else:
                self.say(200, {})

        def do_GET(self) -> None:  # noqa: N802
            if "/auth-check" in self.path:
                known = self.headers.get("Authorization") is not None
                self.say(200 if known else 401, {})
            elif self.path.startswith("/api/datasets/"):
                facts = {"id": "me/feedback", "private": hub.private, "sha": "0" * 40}
                self.say(200, {**facts, "tags": [], "siblings": []})
            else:
                self.say(404, {}, error="RepoNotFound")

        def do_HEAD(self) -> None:  # noqa: N802
            name = self.path.split("/resolve/main/")[-1]
            if name in hub.files:
                self.say(200, {}, etag='"x"')
            else:
                self.say(404, {}, error="EntryNotFound")

        def say(self, status: int, content: Any, error: str = "", etag: str = "") -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("X-Repo-Commit", "0" * 40)
            if error:
                self.send_header("X-Error-Code", error)
            if etag:
                self.send_header("ETag", etag)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    return Handler


@contextmanager
def serve_hub(hub: HubStub):
    """The address of a server that answers as the Hub would."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
