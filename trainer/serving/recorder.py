"""The record of answers: metrics, and the log for monitoring."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from trainer.prediction.answer_log import AnswerLog, answer_record, new_id
from trainer.serving.metrics import Metrics
from trainer.serving.passes import Answer, Row


class Recorder:
    """Count answers, and log them if there is a log.

    Args:
        metrics: of the server.
        log: of answers; None for none.
        version: of the model.
    """

    def __init__(self, metrics: Metrics, log: AnswerLog | None, version: str):
        self.log = log
        self._metrics, self._version = metrics, version
        self._failed = False

    def record(self, rows: Sequence[Row], answers: Sequence[Answer]) -> list[str]:
        """Record the answers of a request; return an id for each row."""
        ids, records = [], []
        for row, answer in zip(rows, answers, strict=True):
            ids.append(new_id())
            self._metrics.count_row(answer.tokens, answer.truncated)
            for task, prediction in answer.defaults.items():
                read = answer.own.get(task) or {
                    "tokens": answer.tokens,
                    "truncated": answer.truncated,
                    "unknown": answer.unknown,
                }
                record = answer_record(
                    ids[-1],
                    task,
                    prediction,
                    **read,
                    version=self._version,
                    texts=row.texts if self.log is not None and self.log.texts else None,
                )
                self._metrics.count_answer(task, record["label"], record["confidence"])
                records.append(record)
        self.write(records)
        return ids

    def write(self, records: Sequence[Mapping[str, Any]]) -> bool:
        """Log records; return whether that succeeded, or there is no log.

        Failures are counted, and reported once: an answer is worth more than its record.
        """
        if self.log is None or not records:
            return True
        try:
            self.log.write(records)
        except OSError as error:
            self._metrics.count_log_errors(len(records))
            if not self._failed:
                print(f"hybrid-mtl serve: cannot write '{self.log.path}': {error}", file=sys.stderr)
            self._failed = True
            return False
        self._failed = False
        return True
