"""The options and the error handling of all events of the page."""

from collections.abc import Callable
from functools import wraps
from html import escape
from typing import Any

import gradio as gr

from .errors import UserError

# The model runs one event at a time.
MODEL: dict[str, Any] = {
    "concurrency_id": "model",
    "concurrency_limit": 1,
    "api_visibility": "private",
}
# No progress overlay on the changed components.
LIGHT: dict[str, Any] = {
    "concurrency_limit": 4,
    "api_visibility": "private",
    "show_progress": "hidden",
}


def show_errors(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function so that the page shows its `UserError`s; other errors show no details."""

    @wraps(function)
    def wrapped(*args: Any) -> Any:
        try:
            return function(*args)
        except UserError as error:
            # The page renders the message as HTML, and it may quote user input.
            raise gr.Error(escape(str(error)), print_exception=False) from error

    return wrapped
