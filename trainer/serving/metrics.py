"""The metrics of the server, in Prometheus' text format."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128)
_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)
_TOKENS = (8, 16, 32, 64, 128, 256, 512, 1024)


class Metrics:
    """The metrics of one server, in a registry of its own.

    Args:
        name: of the model.
        version: of the model.
        tasks: task -> the names of its labels, for the counts of answers.
    """

    def __init__(self, name: str, version: str, tasks: Mapping[str, Iterable[str]]):
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = self._make(
            Counter, "requests", "Answered requests.", ["endpoint", "status"]
        )
        self._request_seconds = self._make(
            Histogram, "request_seconds", "Seconds of requests.", ["endpoint"], _SECONDS
        )
        self._batch_rows = self._make(Histogram, "batch_rows", "Rows per batch.", [], _ROWS)
        self._batch_seconds = self._make(
            Histogram, "batch_seconds", "Seconds of batches in the model.", [], _SECONDS
        )
        self._queue_rows = self._make(Gauge, "queue_rows", "Rows that wait for the model.", [])
        self._answers = self._make(
            Counter, "answers", "Answers by label; empty for scores.", ["task", "label"]
        )
        self._confidence = self._make(
            Histogram, "confidence", "Probability of the answered label.", ["task"], _SHARES
        )
        self._tokens = self._make(Histogram, "tokens", "Tokens of an answered row.", [], _TOKENS)
        self._truncated = self._make(Counter, "truncated_rows", "Rows that were truncated.", [])
        self._model_errors = self._make(
            Counter, "model_errors", "Rows that the model failed at.", []
        )
        self._log_errors = self._make(
            Counter, "log_errors", "Answers that could not be logged.", []
        )
        info = self._make(Gauge, "model", "1, with the model.", ["name", "version"])
        info.labels(name, version).set(1)
        for task, labels in tasks.items():
            for label in labels:
                self._answers.labels(task, label)

    def _make(
        self, kind: Any, name: str, text: str, labels: list[str], buckets: Iterable[float] = ()
    ) -> Any:
        options = {"buckets": buckets} if buckets else {}
        return kind(f"hybrid_mtl_{name}", text, labels, registry=self._registry, **options)

    def watch_queue(self, length: Callable[[], int]) -> None:
        """Report a number of rows that wait, read with every scrape."""
        self._queue_rows.set_function(length)

    def count_request(self, endpoint: str, status: int, seconds: float) -> None:
        """Count a request and its seconds."""
        self._requests.labels(endpoint, str(status)).inc()
        self._request_seconds.labels(endpoint).observe(seconds)

    def count_batch(self, rows: int, seconds: float) -> None:
        """Count a batch of the model."""
        self._batch_rows.observe(rows)
        self._batch_seconds.observe(seconds)

    def count_row(self, tokens: int, truncated: bool) -> None:
        """Count an answered row."""
        self._tokens.observe(tokens)
        if truncated:
            self._truncated.inc()

    def count_answer(self, task: str, label: Any, confidence: float | None) -> None:
        """Count the answer of a task to a row.

        Args:
            task: the task.
            label: as in the log: a name, a list of names, or None.
            confidence: as in the log.
        """
        for name in label if isinstance(label, list) else [label or ""]:
            self._answers.labels(task, name).inc()
        if confidence is not None:
            self._confidence.labels(task).observe(confidence)

    def count_model_error(self) -> None:
        """Count a row that the model failed at."""
        self._model_errors.inc()

    def count_log_errors(self, answers: int) -> None:
        """Count answers that could not be logged."""
        self._log_errors.inc(answers)

    def text(self) -> bytes:
        """Return the text that Prometheus reads."""
        return generate_latest(self._registry)
