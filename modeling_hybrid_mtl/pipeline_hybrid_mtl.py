"""`pipeline("hybrid-mtl", ...)`: predictions for texts and pairs of texts, of one task or all."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sized
from itertools import islice
from typing import Any

from torch.utils.data import Dataset
from transformers.utils import logging

from .embedding_checks_hybrid_mtl import check_tokenizer
from .inputs_hybrid_mtl import is_pair, longest_text, parse_input, widget_pairs
from .modules_hybrid_mtl import attach_modules
from .prediction_steps_hybrid_mtl import PredictionSteps
from .standard_hybrid_mtl import (
    FORWARD_OPTIONS,
    SIMILARITY,
    TEXT,
    TOKENIZER_OPTIONS,
    check_options,
)
from .texts_hybrid_mtl import is_many, max_positions, to_python

logger = logging.get_logger(__name__)


class HybridMTLPipeline(PredictionSteps):
    """Predict one task, or every task that supports the input, in as few passes as possible.

    A text is a string or `{"text": ...}`; a pair is `{"text": ..., "text_pair": ...}` or a tuple of
    two strings. For a list of these, a column of a dataset or a table, an array or another tuple,
    the output is a list in the same order; for a generator or a torch `Dataset`, an iterator that
    processes one batch at a time.

    Args:
        task: the task to predict; if None, all single-text tasks for a text and all pair tasks for
            a pair, as `{task: prediction}`.
        top_k: for classification, 1 (the default) returns the best class as a dictionary, another
            number that many classes as a list, and `None` all of them. For multi-label tasks, the
            default is the classes whose probabilities reach their thresholds, which may be none.
        return_all_scores: return all classes, in the model's order.
        function_to_apply: converts the logits of classes to scores: `softmax` (the default, except
            for multi-label tasks), `sigmoid` (theirs) or `none`.
        calibrated: false to do without the tasks' temperatures, thresholds and `min_score`.
        aggregation_strategy, ignore_labels: for token classification, as in transformers.
        truncation, max_length, padding: passed to the tokenizer.
        batch_size: inputs per pass.

    Outputs: `{"label": str, "score": probability}` for classification, with `needs_review: bool` if
    the task has a `min_score`; a list of labels and scores for multi-label classification;
    `{"score": float}` in the task's range for regression and similarity; a list of `{"entity",
    "score", "word", "start", "end"}` for token classification, with one entry per word of the
    tokenizer.

    Under a standard name, such as `text-classification`, the outputs have the standard's format,
    for the given task or the first that supports the input.

    Inputs with more tokens than the tokenizer's `model_max_length` are truncated; a warning reports
    their number.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.tokenizer is None:
            self.tokenizer = self.model.open_tokenizer()
        # The base class does not change the mode.
        self.model.eval()
        cross = any(e["pair_encoding"] == "cross" for e in self.model.config.tasks.values())
        check_tokenizer(self.tokenizer, self.model.config.backbone_config, cross)

    def __getstate__(self) -> dict[str, Any]:
        # The fingerprint of a pipeline must not depend on the number of calls.
        return {**vars(self), "call_count": 0}

    def _sanitize_parameters(
        self, task: str | None = None, truncated: Counter[bool] | None = None, **options
    ):
        check_options(options, max_positions(self.model))
        tokenizer = {n: options.pop(n) for n in TOKENIZER_OPTIONS if n in options}
        forward = {n: options.pop(n) for n in FORWARD_OPTIONS if n in options}
        postprocess = options if truncated is None else {**options, "truncated": truncated}
        task_option = {} if task is None else {"task": task}
        return {**task_option, **tokenizer}, {**task_option, **forward}, postprocess

    def __call__(self, inputs: Any, *, task: str | None = None, **kwargs):
        """Predict one input or many; see the class."""
        if task is not None:
            self.model.config.task(task)
        inputs = to_python(inputs)
        several = is_many(inputs) and not is_pair(inputs)
        if isinstance(inputs, (Iterator, Dataset)) or (several and not isinstance(inputs, Sized)):
            return self._stream(inputs, task=task, **kwargs)
        if self.standard == SIMILARITY and isinstance(inputs, Mapping):
            inputs = widget_pairs(inputs)
            if isinstance(inputs, list):
                return [entry["score"] for entry in self(inputs, task=task, **kwargs)]
        truncated: Counter[bool] = Counter()  # per call: calls may run in several threads
        if several:
            predictions = self.predict_rows(
                list(inputs), 0, task=task, truncated=truncated, **kwargs
            )
        else:
            row = parse_input(inputs)
            task = self._tasks_for(row, task)[0] if self.standard else task
            self._tasks_for(row, task)
            predictions = super().__call__(row, task=task, truncated=truncated, **kwargs)
            if self.standard == TEXT and isinstance(inputs, str) and "top_k" not in kwargs:
                predictions = [predictions]  # as in transformers: a list for a text only
        self._warn_truncated(truncated, kwargs)
        return predictions

    def _warn_truncated(self, truncated: Counter[bool], options: Mapping[str, Any]) -> None:
        if truncated[True]:
            options = {**self._preprocess_params, **options}
            logger.warning(
                f"{truncated[True]} of {truncated.total()} inputs have more than "
                f"{self._limit(options.get('max_length'))} tokens and are truncated"
            )

    def _stream(self, inputs: Any, batch_size: int | None = None, **kwargs) -> Iterator[Any]:
        """Yield predictions in the order of the inputs, which are consumed a batch at a time."""
        by_index = not isinstance(inputs, Iterable)
        rows = map(inputs.__getitem__, range(len(inputs))) if by_index else iter(inputs)
        size = batch_size or self._batch_size or 1
        start = 0
        truncated: Counter[bool] = Counter()
        while batch := list(islice(rows, size)):
            yield from self.predict_rows(
                batch, start, batch_size=size, truncated=truncated, **kwargs
            )
            start += size
        self._warn_truncated(truncated, kwargs)

    def predict_rows(
        self, inputs: list[Any], start: int = 0, task: str | None = None, **kwargs
    ) -> list[Any]:
        """Predict a list, without a warning of truncated inputs.

        Args:
            inputs: texts and pairs.
            start: the index of the first of them, for messages.
            task: the task, as in `__call__`.
            **kwargs: call arguments, and `truncated`, a Counter that counts the inputs by whether
                they are truncated.
        """
        rows = [parse_input(row, index) for index, row in enumerate(inputs, start)]
        for index, row in enumerate(rows, start):
            self._tasks_for(row, task, index)
        # Batch rows of the same kind and similar length, for little padding.
        order = sorted(range(len(rows)), key=lambda i: (len(rows[i]), -longest_text(rows[i])))
        predictions: list[Any] = [None] * len(rows)
        for width in (1, 2):
            part = [i for i in order if len(rows[i]) == width]
            if part:
                inputs = [rows[i] for i in part]
                task_name = self._tasks_for(inputs[0], task)[0] if self.standard else task
                part_predictions = super().__call__(inputs, task=task_name, **kwargs)
                for i, prediction in zip(part, part_predictions, strict=True):
                    predictions[i] = prediction
        return predictions


attach_modules(__name__)
