"""Records of predicted texts for an answer log, without a pass of the model."""

from collections.abc import Mapping, Sequence
from typing import Any

from transformers import PreTrainedTokenizerBase

from modeling_hybrid_mtl import HybridMTLConfig, TaskConfig
from trainer.prediction.answer_log import answer_record, new_id, unknown_share
from trainer.prediction.answers import create_answer


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
        self._answers = {name: create_answer(task, False) for name, task in self._tasks.items()}
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
            predictions: task -> the pipeline's output for all classes (`return_all_scores`, or
                `top_k=None`).
            with_texts: whether the records have the texts.
            groups: column -> the row's value, for comparisons of groups.
        """
        answer_id, texts = new_id(), dict(row) if with_texts else None
        measured: dict[bool, dict[str, Any]] = {}
        records = []
        for name, prediction in predictions.items():
            task = self._tasks[name]
            if task.is_siamese not in measured:
                measured[task.is_siamese] = self._measure(row, task)
            record = answer_record(
                answer_id,
                name,
                self._decided(name, prediction),
                **measured[task.is_siamese],
                version=self._version,
                texts=texts,
            )
            records.append({**record, "groups": dict(groups)} if groups else record)
        return records

    def _decided(self, name: str, prediction: Any) -> Any:
        """Return the predicted label, labels, tags or score, as the pipeline does by default."""
        if isinstance(prediction, list):
            # The probabilities of all classes, in the order of the model.
            order = {label: i for i, label in enumerate(self._tasks[name].labels or [])}
            if not self._tasks[name].reads_words:
                prediction = sorted(prediction, key=lambda entry: order[entry["label"]])
        cells = self._answers[name].cells(prediction, None)
        if "label" not in cells:
            return {"score": cells["score"]}
        if isinstance(cells["label"], list):
            pairs = zip(cells["label"], cells["score"], strict=True)
            return [{"label": label, "score": score} for label, score in pairs]
        return {"label": cells["label"], "score": cells["score"]}

    def _measure(self, row: Mapping[str, str], task: TaskConfig) -> dict[str, Any]:
        """Return the length and the unknown tokens of a row; of two sequences, of both."""
        texts: Sequence[str] = list(row.values())
        sequences = [[text] for text in texts] if task.is_siamese else [texts]
        limit = self._tokenizer.model_max_length
        # `verbose` would warn of long texts.
        encoded = [self._tokenizer(*each, verbose=False).input_ids for each in sequences]
        read = [ids[:limit] for ids in encoded]
        ids = [each for part in read for each in part]
        return {
            "tokens": len(ids),
            "truncated": any(len(each) > limit for each in encoded),
            "unknown": unknown_share(ids, self._tokenizer.unk_token_id, self._special),
        }
