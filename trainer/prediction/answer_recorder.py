"""Records of predicted texts for an answer log, without a pass of the model."""

from collections.abc import Mapping, Sequence
from typing import Any

from transformers import PreTrainedTokenizerBase

from modeling_hybrid_mtl import HybridMTLConfig, TaskConfig
from trainer.prediction.answer_log import answer_record, new_id, unknown_share


class AnswerRecorder:
    """Makes the records of answers.

    Args:
        tokenizer: the model's, with its `model_max_length`.
        config: the model's.
        version: of the model: a commit, or a fingerprint of its weights.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, config: HybridMTLConfig, version: str):
        self._tokenizer, self._version = tokenizer, version
        self._tasks = {name: config.task(name) for name in config.tasks}
        self._special = frozenset(tokenizer.all_special_ids)

    def record(
        self,
        row: Mapping[str, str],
        predictions: Mapping[str, Any],
        *,
        with_texts: bool,
        groups: Mapping[str, str] | None = None,
    ) -> list[dict[str, Any]]:
        """Return a record for each task, all with the same new id.

        Args:
            row: `text` and, for pairs, `text_pair`.
            predictions: task -> the pipeline's output, with its defaults.
            with_texts: whether the records have the texts.
            groups: column -> the row's value, for comparisons of groups.
        """
        answer_id, texts = new_id(), dict(row) if with_texts else None
        measured: dict[bool, dict[str, Any]] = {}
        records = []
        for name, prediction in predictions.items():
            is_siamese = self._tasks[name].is_siamese
            if is_siamese not in measured:
                measured[is_siamese] = self._measure(row, is_siamese)
            record = answer_record(
                *(answer_id, name, prediction),
                **measured[is_siamese],
                version=self._version,
                texts=texts,
            )
            records.append({**record, "groups": dict(groups)} if groups else record)
        return records

    def _measure(self, row: Mapping[str, str], is_siamese: bool) -> dict[str, Any]:
        """Return the length and the unknown tokens of a row; of two sequences, of both."""
        texts: Sequence[str] = list(row.values())
        sequences = [[text] for text in texts] if is_siamese else [texts]
        limit = self._tokenizer.model_max_length
        # `verbose` would warn of long texts.
        encoded = [self._tokenizer(*each, verbose=False).input_ids for each in sequences]
        ids = [each for part in encoded for each in part[:limit]]
        return {
            "tokens": len(ids),
            "truncated": any(len(each) > limit for each in encoded),
            "unknown": unknown_share(ids, self._tokenizer.unk_token_id, self._special),
        }


def default_output(task: TaskConfig, prediction: Any) -> Any:
    """Return the pipeline's default output of a task, from its output with all classes.

    Args:
        task: the task.
        prediction: the labels and scores of all classes, in any order; for scores and tags, the
            default output itself.
    """
    if task.output_type == "class":
        return max(prediction, key=lambda entry: entry["score"])
    if task.output_type != "labels":
        return prediction
    names = task.labels or []
    thresholds = dict(zip(names, task.thresholds or [0.5] * len(names), strict=True))
    return [entry for entry in prediction if entry["score"] >= thresholds[entry["label"]]]


def output_of_cells(task: TaskConfig, cells: Mapping[str, Any]) -> Any:
    """Return the pipeline's default output of a task, from the cells of a table of predictions.

    Args:
        task: the task.
        cells: `label` and `score` of the row, or `score` alone.
    """
    if task.output_type == "score":
        return {"score": cells["score"]}
    if task.output_type == "class":
        return {"label": cells["label"], "score": cells["score"]}
    pairs = zip(cells["label"], cells["score"], strict=True)
    # Words of a truncated text have no tag.
    return [{"label": label, "score": score} for label, score in pairs if label is not None]
