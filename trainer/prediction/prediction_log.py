"""The answer log of a page: one prediction at a time, and its corrections."""

import logging
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from modeling_hybrid_mtl import HybridMTLConfig
from trainer.prediction.answer_log import AnswerLog, feedback_record
from trainer.prediction.answer_recorder import AnswerRecorder, default_output

logger = logging.getLogger(__name__)


class PredictionFile:
    """A file that predictions and corrections are appended to.

    A full disk is no reason to answer nobody: records that cannot be written are lost with a
    warning.

    Args:
        path: the file.
        tokenizer: the model's.
        config: the model's.
        version: of the model.
        with_texts: whether the file has the texts.

    Attributes:
        path: the file.
        lost: the number of records that could not be written.

    Raises:
        InputError: if the file cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        tokenizer: PreTrainedTokenizerBase,
        config: HybridMTLConfig,
        version: str,
        *,
        with_texts: bool,
    ):
        self.path, self.lost = path, 0
        # Its truncation is part of the state of a tokenizer, which other threads change.
        self._recorder = AnswerRecorder(deepcopy(tokenizer), config, version)
        self._config, self._version = config, version
        self._log = AnswerLog(path, texts=with_texts)

    def add(self, texts: tuple[str, ...], predictions: Mapping[str, Any]) -> str:
        """Add the predictions of all classes of several tasks for a text or a pair.

        Returns:
            The id of the predictions, for corrections.
        """
        row = dict(zip(("text", "text_pair"), texts, strict=False))
        outputs = {
            name: default_output(self._config.task(name), each)
            for name, each in predictions.items()
        }
        records = self._recorder.record(row, outputs, with_texts=self._log.texts)
        self._write(records)
        return str(records[0]["id"])

    def add_correction(self, answer_id: str, task: str, label: Any) -> None:
        """Add the right label, labels or score of an earlier prediction."""
        self._write([feedback_record(answer_id, task, label, self._version)])

    def _write(self, records: list[dict[str, Any]]) -> None:
        try:
            self._log.write(records)
        except OSError as error:
            self.lost += len(records)
            logger.warning(
                f"log: '{self.path}' could not be written ({error.strerror}); "
                f"{self.lost} records are lost so far"
            )
