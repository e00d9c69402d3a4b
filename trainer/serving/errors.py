"""The exception for requests that cannot be answered, and its JSON."""

import json
from collections.abc import Mapping

# Status -> type, in the words of OpenAI's errors where they have one.
_TYPES = {
    401: "authentication_error",
    404: "not_found_error",
    405: "invalid_request_error",
    429: "overloaded_error",
    500: "server_error",
    503: "unavailable_error",
    504: "timeout_error",
}


class RequestError(Exception):
    """A request without an answer.

    Args:
        status: the HTTP status.
        message: one sentence that names the problem and the remedy.
        headers: of the response.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None):
        super().__init__(message)
        self.status, self.message, self.headers = status, message, dict(headers or {})


def error_body(status: int, message: str) -> bytes:
    """Return the JSON of an error, in the shape of OpenAI's errors."""
    error = {"message": message, "type": _TYPES.get(status, "invalid_request_error")}
    return json.dumps({"error": {**error, "code": status}}).encode()
