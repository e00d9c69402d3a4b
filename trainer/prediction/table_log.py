"""The answer log of predicted tables."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modeling_hybrid_mtl import HybridMTLPipeline
from trainer.prediction.answer_log import AnswerLog
from trainer.prediction.answer_recorder import AnswerRecorder, output_of_cells


class TableLog:
    """Logs the predictions of rows, without their texts.

    Args:
        path: the file, which is appended to.
        pipe: the model's pipeline.
        version: of the model; None for that of its repository.
        prefixes: task -> the beginning of the names of its columns.
        groups: columns of the input whose values are logged.

    Raises:
        InputError: if the file cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        pipe: HybridMTLPipeline,
        version: str | None,
        prefixes: Mapping[str, str],
        groups: Sequence[str],
    ):
        config = pipe.model.config
        version = version or getattr(config, "_commit_hash", None) or "unknown"
        self._recorder = AnswerRecorder(pipe.tokenizer, config, version)
        self._tasks = {name: config.task(name) for name in prefixes}
        self._prefixes, self.groups = prefixes, groups
        self._log = AnswerLog(path)

    def write(
        self,
        rows: Sequence[Mapping[str, Any]],
        cells: Sequence[Mapping[str, Any]],
        groups: Sequence[Mapping[str, str]],
    ) -> None:
        """Append the answers to rows at once.

        Args:
            rows: `text` and, for pairs, `text_pair` -> a text, or a list of words.
            cells: the predictions of each row.
            groups: column -> value of each row.

        Raises:
            OSError: if they cannot be written.
        """
        records = []
        for row, predicted, group in zip(rows, cells, groups, strict=True):
            texts = {
                side: text if isinstance(text, str) else " ".join(text)
                for side, text in row.items()
            }
            outputs = {
                name: output_of_cells(self._tasks[name], _own_cells(predicted, prefix))
                for name, prefix in self._prefixes.items()
            }
            records += self._recorder.record(texts, outputs, with_texts=False, groups=group)
        self._log.write(records)


def _own_cells(cells: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name: cells[prefix + name] for name in ("label", "score") if prefix + name in cells}
