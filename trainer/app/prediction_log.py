"""The page's log of predictions, for monitoring; a Space has none."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol


class PredictionLog(Protocol):
    """A log of predictions and their corrections.

    Attributes:
        path: its file.
    """

    path: Path

    def add(self, texts: tuple[str, ...], predictions: Mapping[str, Any]) -> str:
        """Add the predictions of all tasks for a text or a pair; return their id."""

    def add_correction(self, answer_id: str, task: str, label: Any) -> None:
        """Add the right label of an earlier prediction."""
