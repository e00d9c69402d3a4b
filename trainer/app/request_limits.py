"""What a request may hold."""

from typing import Any

from starlette.responses import PlainTextResponse

from .corpus import MAX_SIZE

# A file, or a form with a pasted corpus, with what JSON and multipart put around it.
MAX_BODY = 4 * MAX_SIZE


class BodySizeLimit:
    """Refuses requests that are longer than a page's own, or do not say how long they are.

    Args:
        app: what answers the others (ASGI).
        most: bytes of a body.
    """

    def __init__(self, app: Any, most: int):
        self.app = app
        self.most = most

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        answer = self.app
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD"):
            length = dict(scope["headers"]).get(b"content-length", b"")
            if not length.isdigit():
                answer = PlainTextResponse("The request does not say how long it is.", 411)
            elif int(length) > self.most:
                answer = PlainTextResponse(f"At most {self.most:,} bytes can be sent.", 413)
        await answer(scope, receive, send)
