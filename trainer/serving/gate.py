"""The gate of the server: what every request passes before its endpoint."""

import asyncio
import hmac
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from trainer.serving.errors import RequestError, error_body
from trainer.serving.metrics import Metrics
from trainer.serving.options import ServingOptions

# Paths without a key: probes have none.
OPEN = ("/health", "/ready")
FAILURE = "The server failed; its log has the reason."


class Gate:
    """ASGI middleware that checks requests, counts them, and turns failures into JSON.

    Args:
        app: the ASGI application.
        options: of the server.
        metrics: its metrics.
        paths: the paths of its endpoints; requests of others are counted together.

    Attributes:
        active: the number of requests without a complete response.
        draining: refuse further requests with 503, except for /health.
    """

    def __init__(self, app: Any, options: ServingOptions, metrics: Metrics, paths: frozenset[str]):
        self.app, self._options, self._metrics, self._paths = app, options, metrics, paths
        self.active = 0
        self.draining = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        self.active += 1
        start, status = time.perf_counter(), 500

        async def sending(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if self.draining:
                    message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        try:
            await self._answer(scope, receive, sending)
        finally:
            self.active -= 1
            path = scope["path"] if scope["path"] in self._paths else "other"
            self._metrics.count_request(path, status, time.perf_counter() - start)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        started = False

        async def sending(message: Any) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            self._check(scope)
            body = await self._body(scope, receive) if scope["method"] == "POST" else b""
            await self.app(scope, _given(body, receive), sending)
        except RequestError as error:
            await _send_error(send, error)
        except Exception:
            traceback.print_exc(file=sys.stderr)
            if not started:
                await _send_error(send, RequestError(500, FAILURE))

    def _check(self, scope: Any) -> None:
        """Check the state of the server, the key, and the headers of a request.

        Raises:
            RequestError: if one does not allow it.
        """
        if self.draining and scope["path"] != "/health":
            raise RequestError(503, "The server is stopping.", {"Retry-After": "1"})
        headers = dict(scope["headers"])
        key = self._options.api_key
        if key is not None and scope["path"] not in OPEN:
            scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
            is_right = hmac.compare_digest(given.strip(), key.encode())
            if not (is_right and scheme.lower() == b"bearer"):
                raise RequestError(
                    401,
                    "The key is missing or wrong; send the header 'Authorization: Bearer KEY'.",
                    {"WWW-Authenticate": "Bearer"},
                )
        if scope["method"] != "POST":
            return
        # Pages of other sites can send forms and plain text without asking, but not JSON.
        content = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if content != b"application/json":
            raise RequestError(415, "The Content-Type must be application/json.")
        if b"content-encoding" in headers:
            raise RequestError(415, "The body must not be compressed.")
        length = headers.get(b"content-length", b"0")
        if len(length) > 15 or int(length) > self._options.max_body:
            raise self._too_long()

    async def _body(self, scope: Any, receive: Any) -> bytes:
        """Return the body of a request.

        Raises:
            RequestError: 413 if it is too long, 408 if it does not arrive in time.
        """
        parts: list[bytes] = []
        size, more = 0, True
        try:
            async with asyncio.timeout(self._options.timeout):
                while more:
                    message = await receive()
                    if message["type"] != "http.request":
                        raise RequestError(400, "The connection ended before the body.")
                    parts.append(message.get("body", b""))
                    size, more = size + len(parts[-1]), message.get("more_body", False)
                    if size > self._options.max_body:
                        raise self._too_long()
        except TimeoutError:
            seconds = f"{self._options.timeout:g}"
            raise RequestError(408, f"The body did not arrive in {seconds} seconds.") from None
        return b"".join(parts)

    def _too_long(self) -> RequestError:
        most = self._options.max_body
        return RequestError(413, f"The body is longer than {most:,} bytes; send fewer texts.")


def _given(body: bytes, receive: Callable[[], Any]) -> Callable[[], Any]:
    """Return a `receive` that gives a body that was read, then the rest."""
    given = False

    async def again() -> Any:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _send_error(send: Any, error: RequestError) -> None:
    body = error_body(error.status, error.message)
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    # The rest of a refused body is not read.
    if error.status in (408, 413, 415):
        headers["Connection"] = "close"
    pairs = [(k.lower().encode(), v.encode()) for k, v in (headers | error.headers).items()]
    await send({"type": "http.response.start", "status": error.status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
