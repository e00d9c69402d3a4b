"""The answers of the server's endpoints, without HTTP."""

import base64
import math
import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from modeling_hybrid_mtl import TaskConfig
from modeling_hybrid_mtl.texts_hybrid_mtl import text_error
from trainer.errors import did_you_mean
from trainer.prediction.answer_log import feedback_record
from trainer.saving.files import finite
from trainer.serving.batching import Batcher
from trainer.serving.errors import RequestError
from trainer.serving.model import ServedModel
from trainer.serving.options import ServingOptions
from trainer.serving.passes import Answer, Row
from trainer.serving.recorder import Recorder
from trainer.serving.schemas import (
    EmbedBody,
    FeedbackBody,
    OpenAIEmbeddingsBody,
    PredictBody,
    RerankBody,
)


class Service:
    """Answer parsed requests.

    Args:
        model: the model.
        batcher: of its passes.
        recorder: of the answers.
        options: of the server.
    """

    def __init__(
        self, model: ServedModel, batcher: Batcher, recorder: Recorder, options: ServingOptions
    ):
        self.model, self.batcher, self.recorder = model, batcher, recorder
        self._options = options

    async def predict(self, body: PredictBody) -> dict[str, Any]:
        """Return the predictions of texts and pairs, in their order."""
        several = isinstance(body.inputs, list)
        inputs = body.inputs if several else [body.inputs]
        self._check_count(inputs, "inputs")
        if body.task is not None:
            self.model.task(body.task)
        options = {"top_k": body.top_k} if "top_k" in body.model_fields_set else None
        rows = []
        for index, given in enumerate(inputs):
            place = f"inputs {index}" if several else "inputs"
            texts = self._parse_row(given, place)
            self.model.check_row(texts, body.task, f"{place}: ")
            rows.append(Row(texts, body.task, options))
        answers = await self.batcher.run(rows, self._options.timeout)
        ids = self.recorder.record(rows, answers)
        results = [
            {
                "id": answer_id,
                "prediction": finite(
                    answer.result if body.task is None else answer.result[body.task]
                ),
                "truncated": answer.truncated,
            }
            for answer_id, answer in zip(ids, answers, strict=True)
        ]
        return {"results": results, **self._signature()}

    async def embed(self, body: EmbedBody) -> dict[str, Any]:
        """Return the vectors of texts."""
        vectors, answers = await self._vectors(body.inputs, "inputs")
        if body.normalize:
            vectors = _unit(vectors)
        truncated = sum(answer.truncated for answer in answers)
        return {"embeddings": vectors.tolist(), "truncated": truncated, **self._signature()}

    async def openai_embeddings(self, body: OpenAIEmbeddingsBody) -> dict[str, Any]:
        """Return the vectors of texts, of length 1, as OpenAI's API does."""
        if body.model not in (None, self.model.name):
            raise RequestError(
                404,
                f"There is no model {body.model[:80]!r} here; the model is {self.model.name!r}.",
            )
        if body.dimensions not in (None, self.model.dimensions):
            raise RequestError(422, f"dimensions: must be {self.model.dimensions}, or left out.")
        vectors, answers = await self._vectors(body.input, "input")
        tokens = sum(answer.tokens for answer in answers)
        data = [
            {
                "object": "embedding",
                "index": index,
                "embedding": _encode(vector, body.encoding_format),
            }
            for index, vector in enumerate(_unit(vectors))
        ]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {"object": "list", "data": data, "model": self.model.name, "usage": usage}

    async def rerank(self, body: RerankBody) -> dict[str, Any]:
        """Return the scores of a text with others, the best first."""
        query = self._check_text(body.query, "query")
        texts = body.texts if isinstance(body.texts, list) else [body.texts]
        self._check_count(texts, "texts")
        texts = [self._check_text(text, f"texts {index}") for index, text in enumerate(texts)]
        name = self._rerank_task(body)
        if name is None:
            rows = [Row({"text": text}, embed=True) for text in (query, *texts)]
            answers = await self.batcher.run(rows, self._options.timeout)
            vectors = _unit(np.stack([answer.result for answer in answers]))
            scores = (vectors[1:] @ vectors[0]).tolist()
        else:
            options = None if body.label is None else {"return_all_scores": True}
            rows = [Row({"text": query, "text_pair": text}, name, options) for text in texts]
            answers = await self.batcher.run(rows, self._options.timeout)
            self.recorder.record(rows, answers)
            scores = [_score(answer.result[name], body.label) for answer in answers]
        order = sorted(range(len(scores)), key=lambda index: -scores[index])[: body.top_n]
        return {
            "results": [{"index": index, "score": finite(scores[index])} for index in order],
            "task": name,
            "truncated": sum(answer.truncated for answer in answers),
            **self._signature(),
        }

    def list_models(self) -> dict[str, Any]:
        """Return the one model, as OpenAI's API lists models."""
        model = {"id": self.model.name, "object": "model", "created": 0, "owned_by": "hybrid-mtl"}
        return {"object": "list", "data": [model]}

    def feedback(self, body: FeedbackBody) -> dict[str, Any]:
        """Log the right label of an earlier answer."""
        if self.recorder.log is None:
            raise RequestError(404, "This server has no log; start it with --log FILE.")
        label = _check_label(self.model.task(body.task), body.label)
        record = feedback_record(body.id, body.task, label, self.model.version)
        if not self.recorder.write([record]):
            raise RequestError(503, "The feedback could not be saved.", {"Retry-After": "10"})
        return {"id": body.id, "saved": True}

    def _signature(self) -> dict[str, str]:
        return {"model": self.model.name, "version": self.model.version}

    async def _vectors(self, given: Any, field: str) -> tuple[np.ndarray, list[Answer]]:
        texts = given if isinstance(given, list) else [given]
        self._check_count(texts, field)
        several = isinstance(given, list)
        rows = [
            Row({"text": self._check_text(t, f"{field} {i}" if several else field)}, embed=True)
            for i, t in enumerate(texts)
        ]
        answers = await self.batcher.run(rows, self._options.timeout)
        return np.stack([answer.result for answer in answers]), answers

    def _check_count(self, inputs: Sequence[Any], field: str) -> None:
        most = self._options.max_texts
        if not inputs:
            raise RequestError(422, f"{field}: must have at least one text.")
        if len(inputs) > most:
            raise RequestError(
                413, f"{field}: has {len(inputs):,} texts, more than {most}; send them in parts."
            )

    def _parse_row(self, given: Any, place: str) -> dict[str, str]:
        texts = {"text": given} if isinstance(given, str) else given
        if not isinstance(texts, dict) or not {"text"} <= set(texts) <= {"text", "text_pair"}:
            raise RequestError(
                422, f'{place}: must be a text, or {{"text": ..., "text_pair": ...}} for a pair.'
            )
        return {name: self._check_text(text, f"{place}: {name}") for name, text in texts.items()}

    def _check_text(self, text: Any, field: str) -> str:
        if (problem := text_error(text)) is not None:
            raise RequestError(422, f"{field} {problem}.")
        most = self._options.max_characters
        if len(text) > most:
            raise RequestError(
                413, f"{field} has {len(text):,} characters, more than {most:,}; shorten it."
            )
        return text

    def _rerank_task(self, body: RerankBody) -> str | None:
        """Return the task whose scores rank texts; None for the cosine of vectors."""
        if body.task is None:
            if body.label is not None:
                raise RequestError(422, "label: needs a task.")
            tasks = self.model.tasks.items()
            scored = [n for n, t in tasks if t.input == "pair" and t.output_type == "score"]
            return scored[0] if scored else None
        task = self.model.task(body.task, "pair")
        if task.has_labels != (body.label is not None):
            message = (
                "must name the class that is scored" if task.has_labels else "must be left out"
            )
            raise RequestError(422, f"label: {message} with the task '{body.task}'.")
        if body.label is not None:
            _check_name(body.label, task)
        return body.task


def _score(prediction: Any, label: str | None) -> float:
    if label is None:
        return prediction["score"]
    return next(entry["score"] for entry in prediction if entry["label"] == label)


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors (N, H) scaled to length 1."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def _encode(vector: np.ndarray, encoding: str) -> str | list[float]:
    if encoding == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode()
    return vector.tolist()


def _check_label(task: TaskConfig, label: Any) -> Any:
    """Return a label of feedback, checked against its task."""
    if task.output_type == "class":
        return _check_name(label, task)
    if task.has_labels:
        if not isinstance(label, list) or len(label) > 10_000:
            raise RequestError(422, "label: must be a list of classes.")
        return [_check_name(name, task) for name in label]
    low, high = task.score_range or (-math.inf, math.inf)
    is_number = isinstance(label, numbers.Real) and not isinstance(label, bool)
    if not is_number or not low <= label <= high:
        raise RequestError(422, f"label: must be a number from {low:g} to {high:g}.")
    return label


def _check_name(label: Any, task: TaskConfig) -> str:
    names = list(task.labels or [])
    if not isinstance(label, str) or label not in names:
        hint = did_you_mean(label[:80], names) if isinstance(label, str) else ""
        raise RequestError(422, f"label: must be one of {', '.join(names[:20])}.{hint}")
    return label
