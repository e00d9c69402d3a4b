"""A stub of the Hub for one dataset that receives commits, on a local port."""

import base64
import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class HubStub:
    """A dataset: its files, its visibility, and the requests that created it."""

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
        # Else each response waits 40 ms for the client to acknowledge its headers.
        disable_nagle_algorithm = True

        def do_POST(self) -> None:  # noqa: N802
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            hub.tokens.add(self.headers.get("Authorization"))
            address = f"http://{self.headers['Host']}"
            if self.headers.get("Authorization") is None:
                self.respond(401, {"error": "Invalid username or password."})
            elif self.path == "/api/repos/create":
                hub.created.append(json.loads(body))
                self.respond(200, {"url": f"{address}/datasets/me/feedback", "id": "me/feedback"})
            elif "/preupload/" in self.path:
                names = [file["path"] for file in json.loads(body)["files"]]
                modes = [{"path": n, "uploadMode": "regular", "shouldIgnore": False} for n in names]
                self.respond(200, {"files": modes})
            elif "/commit/" in self.path:
                hub.commit(body)
                oid = f"{len(hub.commits):040x}"
                url = f"{address}/datasets/me/feedback/commit/{oid}"
                self.respond(200, {"commitUrl": url, "commitOid": oid})
            else:
                self.respond(200, {})

        def do_GET(self) -> None:  # noqa: N802
            if "/auth-check" in self.path:
                has_token = self.headers.get("Authorization") is not None
                self.respond(200 if has_token else 401, {})
            elif self.path.startswith("/api/datasets/"):
                facts = {"id": "me/feedback", "private": hub.private, "sha": "0" * 40}
                self.respond(200, {**facts, "tags": [], "siblings": []})
            else:
                self.respond(404, {}, error="RepoNotFound")

        def do_HEAD(self) -> None:  # noqa: N802
            name = self.path.split("/resolve/main/")[-1]
            if name in hub.files:
                self.respond(200, {}, etag='"x"')
            else:
                self.respond(404, {}, error="EntryNotFound")

        def respond(self, status: int, content: Any, error: str = "", etag: str = "") -> None:
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
    """Yield the address of a server with the Hub's API."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
