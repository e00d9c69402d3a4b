"""The steps of a prediction: tokenize an input, run its tasks, and convert the scores."""

from collections import Counter
from typing import Any

import torch
from torch import Tensor
from transformers import Pipeline
from transformers.utils import ModelOutput

from .inputs_hybrid_mtl import parse_input
from .standard_hybrid_mtl import (
    STANDARDS,
    TEXT,
    TOKENS,
    chosen_classes,
    first_task,
    ranked_classes,
    scores_of,
    standard_entities,
    word_entities,
)
from .texts_hybrid_mtl import max_positions


class PredictionSteps(Pipeline):
    """The methods of `HybridMTLPipeline` for one input or one batch."""

    @property
    def standard(self) -> str | None:
        """Return the standard that defines the outputs; None for those of this class."""
        return STANDARDS.get(self.task)

    def _limit(self, max_length: int | None) -> int:
        """Return the maximum number of tokens of an input."""
        limit = max_length or self.tokenizer.model_max_length
        return min(limit, max_positions(self.model) or limit)

    def _tasks_for(
        self, row: dict[str, str], task: str | None, index: int | None = None
    ) -> list[str]:
        """Return the tasks to predict for a row.

        Raises:
            ValueError: if the task does not support this input, or no task does.
        """
        kind = "pair" if "text_pair" in row else "single"
        tasks = self.model.config.tasks
        where = "" if index is None else f"input {index}: "
        if task is not None:
            if tasks[task]["input"] != kind:
                expected = '{"text": ..., "text_pair": ...}' if kind == "single" else "one text"
                note = "" if kind == "single" else " (a tuple of two is a pair, a list is not)"
                raise ValueError(f"{where}task '{task}' requires {expected}{note}")
            return [task]
        if self.standard:
            return [first_task(self.standard, self.model.heads, kind == "pair")]
        fitting = [name for name, entry in tasks.items() if entry["input"] == kind]
        if not fitting:
            raise ValueError(f"{where}this model has no task for {kind} input")
        return fitting

    def preprocess(self, inputs: Any, task: str | None = None, **options: Any) -> dict[str, Any]:
        row = parse_input(inputs)
        tasks = [self.model.config.task(name) for name in self._tasks_for(row, task)]
        features: dict[str, Any] = {}
        texts = (row["text"], row.get("text_pair"))
        if any(t.pair_encoding != "cross" for t in tasks):
            tags = any(t.reads_words for t in tasks)
            features.update(self._tokenize(texts[0], tags=tags, **options))
            if texts[1] is not None:
                features.update(self._tokenize(texts[1], prefix="pair_", **options))
        if any(t.pair_encoding == "cross" for t in tasks):
            features.update(self._tokenize(*texts, prefix="cross_", **options))
        return features

    def _tokenize(
        self,
        *texts: str | None,
        prefix: str = "",
        tags: bool = False,
        truncation: bool | str = True,
        max_length: int | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        options |= {"truncation": truncation, "max_length": self._limit(max_length)}
        encoded = self.tokenizer(
            *texts, return_tensors="pt", return_offsets_mapping=tags, **options
        )
        limit = max_positions(self.model)
        if limit is not None and encoded["input_ids"].shape[1] > limit:
            raise ValueError(
                f"an input has {encoded['input_ids'].shape[1]} tokens, more than the model's "
                f"maximum of {limit}: enable truncation"
            )
        features: dict[str, Any] = {prefix + name: value for name, value in encoded.items()}
        is_truncated = any(part.overflowing for part in encoded.encodings or [])
        features[f"{prefix}truncated"] = torch.tensor([is_truncated])
        if tags:
            features["words"] = [texts[0]]
            words = [-1 if word is None else word for word in encoded.word_ids(0)]
            features["word_ids"] = torch.tensor([words])
        return features

    def _forward(
        self,
        model_inputs: dict[str, Any],
        task: str | None = None,
        function_to_apply: Any = None,
        calibrated: bool = True,
    ) -> ModelOutput:
        texts: dict[str, Any] = {
            name: model_inputs.pop(name)
            for name in ("words", "offset_mapping", "word_ids")
            if name in model_inputs
        }
        sides = ("truncated", "pair_truncated", "cross_truncated")
        truncated = [model_inputs.pop(name) for name in sides if name in model_inputs]
        groups = _by_prefix(model_inputs)
        model = self.model
        kind = "pair" if groups["pair_"] or groups["cross_"] else "single"
        names = [task] if task else [n for n, e in model.config.tasks.items() if e["input"] == kind]
        vectors: dict[tuple[bool, str | None], Any] = {}
        outputs: dict[str, Any] = {}
        decisions: dict[str, Tensor] = {}
        for name in names:
            # Tasks without their own adapter share a pass.
            adapter = name if name in model.config.adapters else None
            encoder_pass = (model.config.task(name).pair_encoding == "cross", adapter)
            if encoder_pass not in vectors:
                vectors[encoder_pass] = self._encode(groups, *encoder_pass)
            logits = model.logits_of(name, *vectors[encoder_pass])
            head = model.heads[name] if calibrated else model.heads[name].uncalibrated()
            outputs[name] = scores_of(head, logits, function_to_apply)
            decisions |= _decisions(name, head, logits)
        # A first entry prevents ModelOutput from unpacking a single tensor; 1 if a task was given.
        result: dict[str, Any] = {
            "has_task": torch.full((len(next(iter(outputs.values()))),), int(task is not None)),
            "truncated": torch.stack(truncated).any(dim=0),
        }
        result.update({f"prediction_{name}": value for name, value in outputs.items()} | decisions)
        if texts:
            texts["token_ids"] = groups[""]["input_ids"]
        result.update(texts)
        return ModelOutput(result)

    def _encode(
        self, groups: dict[str, dict[str, Tensor]], cross: bool, task: str | None
    ) -> tuple[Tensor, Tensor | None, Tensor, Tensor | None]:
        """Return the heads' inputs: sentence vectors of each side, (B, S), and token vectors with
        their mask."""
        if groups["pair_"] and not cross:
            sides = _encoded(groups[""]), _encoded(groups["pair_"])
            return self.model.encode_pair(*sides, task)
        ids, mask, types = _encoded(groups["cross_" if cross else ""])
        u, hidden = self.model.encode_tokens(ids, mask, types, task)
        return u, None, hidden, mask

    def postprocess(
        self, model_outputs: ModelOutput, truncated: Counter[bool] | None = None, **options: Any
    ) -> Any:
        if truncated is not None:
            truncated[bool(model_outputs["truncated"][0])] += 1
        predictions = {}
        for key, values in model_outputs.items():
            if key.startswith("prediction_"):
                name = key.removeprefix("prediction_")
                predictions[name] = self._postprocess_task(name, values[0], model_outputs, options)
        if int(model_outputs["has_task"][0]):
            return next(iter(predictions.values()))
        return predictions

    def _postprocess_task(
        self, name: str, values: Tensor, outputs: ModelOutput, options: dict[str, Any]
    ) -> Any:
        task = self.model.config.task(name)
        if not task.has_labels:
            return {"score": values.item()}
        token_options = {
            n: options[n] for n in ("aggregation_strategy", "ignore_labels") if n in options
        }
        if not task.reads_words:
            class_options = {n: options[n] for n in options if n not in token_options}
            if f"chosen_{name}" in outputs and not class_options and not self.standard:
                return chosen_classes(values, outputs[f"chosen_{name}"][0], task.labels)
            as_list = self.standard == TEXT and "top_k" in options
            classes = ranked_classes(values, task.labels, as_list=as_list, **class_options)
            if f"review_{name}" in outputs and isinstance(classes, dict) and not self.standard:
                classes["needs_review"] = bool(outputs[f"review_{name}"][0])
            return classes
        spans, text = outputs["offset_mapping"][0].tolist(), outputs["words"][0]
        if self.standard == TOKENS or token_options:
            ids = outputs["token_ids"][0]
            return standard_entities(
                values, ids, spans, text, task.labels, self.tokenizer, **token_options
            )
        return word_entities(values, spans, outputs["word_ids"][0].tolist(), text, task.labels)


def _decisions(name: str, head: Any, logits: Tensor) -> dict[str, Tensor]:
    """Return the decisions of a head, which are by probability whatever function is applied."""
    if head.output_type == "labels":
        return {f"chosen_{name}": head.predict(head.postprocess(logits))}
    if head.task.min_score is not None:
        return {f"review_{name}": head.needs_review(head.postprocess(logits))}
    return {}


def _by_prefix(inputs: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Return the inputs of each encoder pass, without their prefixes."""
    groups: dict[str, dict[str, Tensor]] = {"": {}, "pair_": {}, "cross_": {}}
    for name, value in inputs.items():
        prefix = next((p for p in ("pair_", "cross_") if name.startswith(p)), "")
        groups[prefix][name.removeprefix(prefix)] = value
    return groups


def _encoded(encoded: dict[str, Tensor]) -> tuple[Tensor, Tensor | None, Tensor | None]:
    return encoded["input_ids"], encoded.get("attention_mask"), encoded.get("token_type_ids")
