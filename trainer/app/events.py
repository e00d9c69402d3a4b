"""What all events of the page share: their place in the queue, and how they fail."""

from collections.abc import Callable
from functools import wraps
from html import escape
from typing import Any

import gradio as gr

from .errors import UserError

# The model answers one caller at a time, whichever button was pressed.
MODEL: dict[str, Any] = {
    "concurrency_id": "model",
    "concurrency_limit": 1,
    "api_visibility": "private",
}
# Nothing is laid over what an event changes, not even when it fails.
LIGHT: dict[str, Any] = {
    "concurrency_limit": 4,
    "api_visibility": "private",
    "show_progress": "hidden",
}


def show_errors(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with its `UserError` shown on the page; other errors show no more than that."""

    @wraps(function)
    def wrapped(*args: Any) -> Any:
        try:
            return function(*args)
        except UserError as error:
            # The page takes the message for HTML, and it may quote what somebody wrote.
            raise gr.Error(escape(str(error)), print_exception=False) from error

    return wrapped
