"""Limits of HTTP requests."""

from typing import Any

from starlette.responses import PlainTextResponse

from .corpus import MAX_SIZE

# A file or a pasted corpus, with the overhead of JSON and multipart.
MAX_BODY = 4 * MAX_SIZE


class BodySizeLimit:
    """ASGI middleware that refuses request bodies that are too long or of unknown length.

    Args:
        app: the ASGI application.
        max_bytes: the maximum length of a body.
    """

    def __init__(self, app: Any, max_bytes: int):
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        response = self.app
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD"):
            length = dict(scope["headers"]).get(b"content-length", b"")
            if not length.isdigit():
                response = PlainTextResponse("The request has no Content-Length.", 411)
            elif int(length) > self.max_bytes:
                response = PlainTextResponse(
                    f"The maximum length is {self.max_bytes:,} bytes.", 413
                )
        await response(scope, receive, send)
