"""`pipeline("hybrid-mtl", ...)`: answers for texts and pairs of texts, one task or all of them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sized
from itertools import islice
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset
from transformers import Pipeline
from transformers.utils import ModelOutput, logging

from .fit_hybrid_mtl import check_fit
from .inputs_hybrid_mtl import compared, is_pair, length_of, read_row
from .modules_hybrid_mtl import attach_modules
from .standard_hybrid_mtl import (
    SIMILARITY,
    STANDARDS,
    TEXT,
    TOKENIZER_OPTIONS,
    TOKENS,
    check_options,
    first_task,
    ranked_classes,
    scores_of,
    standard_entities,
    word_entities,
)
from .texts_hybrid_mtl import is_many, most_positions, plain

logger = logging.get_logger(__name__)


class HybridMTLPipeline(Pipeline):
    """Answer one task, or every task the input fits, from as few passes of the backbone as can be.

    A text is a string or `{"text": ...}`; a pair is `{"text": ..., "text_pair": ...}` or a tuple of
    two strings. A list of these, a column of a dataset or a table, an array or another tuple gives
    a list in the same order; a generator or a torch `Dataset` gives an iterator that reads one
    batch at a time.

    Call arguments:
        task: the task to answer; left out, every single-text task answers a text and every pair
            task answers a pair, as `{task: answer}`.
        top_k: for classification, 1 (the default) gives the best class as a dictionary; another
            number that many classes as a list; `None` all of them.
        return_all_scores: all classes, in the model's order.
        function_to_apply: what makes scores of the logits of classes: `softmax` (the default),
            `sigmoid` or `none`.
        aggregation_strategy, ignore_labels: of token classification, as for transformers' own.
        truncation, max_length, padding: for the tokenizer.
        batch_size: inputs per pass, as for every pipeline.

    Answers: `{"label": str, "score": probability}` for classification, `{"score": float}` in the
    task's range for regression and similarity, a list of `{"entity", "score", "word", "start",
    "end"}` for token classification, one for each word as the tokenizer divides the text.

    Asked for under a standard name, such as `text-classification`, the pipeline gives that name's
    standard answer, of the task named or else of the first that fits.

    Of an input with more tokens than the tokenizer's `model_max_length` the beginning is read; how
    many inputs of a call were so long is logged as a warning.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.tokenizer is None:
            self.tokenizer = self.model.open_tokenizer()
        # The base class leaves a model in training mode as it finds it.
        self.model.eval()
        cross = any(e["pair_encoding"] == "cross" for e in self.model.config.tasks.values())
        check_fit(self.tokenizer, self.model.config.backbone_config, cross)

    def __getstate__(self) -> dict[str, Any]:
        # A pipeline's pickle, and so its fingerprint, is the same however often it was called.
        return {**vars(self), "call_count": 0}

    @property
    def standard(self) -> str | None:
        """The standard whose answers are given; None for those of this class."""
        return STANDARDS.get(self.task)

    def _sanitize_parameters(
        self, task: str | None = None, cut: Counter[bool] | None = None, **options
    ):
        check_options(options, most_positions(self.model))
        for_tokenizer = {n: options.pop(n) for n in TOKENIZER_OPTIONS if n in options}
        forward = {n: options.pop(n) for n in ("function_to_apply",) if n in options}
        counted = {} if cut is None else {"cut": cut}
        asked = {} if task is None else {"task": task}
        return {**asked, **for_tokenizer}, {**asked, **forward}, {**options, **counted}

    def __call__(self, inputs: Any, *, task: str | None = None, **kwargs):
        """Answer one input, or many of them; see the class."""
        if task is not None:
            self.model.config.task(task)
        inputs = plain(inputs)
        several = is_many(inputs) and not is_pair(inputs)
        if isinstance(inputs, (Iterator, Dataset)) or (several and not isinstance(inputs, Sized)):
            return self._stream(inputs, task=task, **kwargs)
        if self.standard == SIMILARITY and isinstance(inputs, Mapping):
            inputs = compared(inputs)
            if isinstance(inputs, list):
                return [answer["score"] for answer in self(inputs, task=task, **kwargs)]
        cut: Counter[bool] = Counter()  # of this call, others may run in other threads
        if several:
            answers = self._answers(list(inputs), 0, task=task, cut=cut, **kwargs)
        else:
            row = read_row(inputs)
            task = self._tasks_for(row, task)[0] if self.standard else task
            self._tasks_for(row, task)
            answers = super().__call__(row, task=task, cut=cut, **kwargs)
            if self.standard == TEXT and isinstance(inputs, str) and "top_k" not in kwargs:
                answers = [answers]  # as transformers' own, for a text but not for a pair
        self._tell(cut, kwargs)
        return answers

    def _tell(self, cut: Counter[bool], options: Mapping[str, Any]) -> None:
        if cut[True]:
            options = {**self._preprocess_params, **options}
            logger.warning(
                f"{cut[True]} of {cut.total()} inputs have more than "
                f"{self._limit(options.get('max_length'))} tokens; what is beyond these is not read"
            )

    def _limit(self, max_length: int | None) -> int:
        """How many tokens are read of an input."""
        longest = max_length or self.tokenizer.model_max_length
        return min(longest, most_positions(self.model) or longest)

    def _stream(self, inputs: Any, batch_size: int | None = None, **kwargs) -> Iterator[Any]:
        """Answers in the order of the inputs, read a batch at a time."""
        by_index = not isinstance(inputs, Iterable)
        rows = map(inputs.__getitem__, range(len(inputs))) if by_index else iter(inputs)
        size = batch_size or self._batch_size or 1
        start = 0
        cut: Counter[bool] = Counter()
        while batch := list(islice(rows, size)):
            yield from self._answers(batch, start, batch_size=size, cut=cut, **kwargs)
            start += size
        self._tell(cut, kwargs)

    def _answers(self, inputs: list[Any], start: int, task: str | None, **kwargs) -> list[Any]:
        """Answers to a list whose first input is the caller's input number `start`."""
        rows = [read_row(row, index) for index, row in enumerate(inputs, start)]
        for index, row in enumerate(rows, start):
            self._tasks_for(row, task, index)
        # Rows of like length and like kind share a batch, so that little of it is padding.
        order = sorted(range(len(rows)), key=lambda i: (len(rows[i]), -length_of(rows[i])))
        answers: list[Any] = [None] * len(rows)
        for width in (1, 2):
            part = [i for i in order if len(rows[i]) == width]
            if part:
                inputs = [rows[i] for i in part]
                asked = self._tasks_for(inputs[0], task)[0] if self.standard else task
                found = super().__call__(inputs, task=asked, **kwargs)
                for i, answer in zip(part, found, strict=True):
                    answers[i] = answer
        return answers

    def _tasks_for(
        self, row: dict[str, str], task: str | None, index: int | None = None
    ) -> list[str]:
        """The tasks that answer this row.

        Raises:
            ValueError: if the task does not take this input, or no task does.
        """
        kind = "pair" if "text_pair" in row else "single"
        tasks = self.model.config.tasks
        where = "" if index is None else f"input {index}: "
        if task is not None:
            if tasks[task]["input"] != kind:
                wanted = '{"text": ..., "text_pair": ...}' if kind == "single" else "one text"
                note = "" if kind == "single" else " (a tuple of two is a pair, a list is not)"
                raise ValueError(f"{where}task '{task}' takes {wanted}{note}")
            return [task]
        if self.standard:
            return [first_task(self.standard, self.model.heads, kind == "pair")]
        fitting = [name for name, entry in tasks.items() if entry["input"] == kind]
        if not fitting:
            raise ValueError(f"{where}this model has no task for {kind} input")
        return fitting

    def preprocess(self, inputs: Any, task: str | None = None, **options: Any) -> dict[str, Any]:
        row = read_row(inputs)
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
        most = most_positions(self.model)
        if most is not None and encoded["input_ids"].shape[1] > most:
            raise ValueError(
                f"an input has {encoded['input_ids'].shape[1]} tokens, and this model reads {most} "
                f"at most: leave truncation on"
            )
        features: dict[str, Any] = {prefix + name: value for name, value in encoded.items()}
        long = any(part.overflowing for part in encoded.encodings or [])
        features[f"{prefix}cut"] = torch.tensor([long])
        if tags:
            features["words"] = [texts[0]]
            words = [-1 if word is None else word for word in encoded.word_ids(0)]
            features["word_ids"] = torch.tensor([words])
        return features

    def _forward(
        self, model_inputs: dict[str, Any], task: str | None = None, function_to_apply: Any = None
    ) -> ModelOutput:
        texts: dict[str, Any] = {
            name: model_inputs.pop(name)
            for name in ("words", "offset_mapping", "word_ids")
            if name in model_inputs
        }
        sides = ("cut", "pair_cut", "cross_cut")
        cut = [model_inputs.pop(name) for name in sides if name in model_inputs]
        groups: dict[str, dict[str, Tensor]] = {"": {}, "pair_": {}, "cross_": {}}
        for name, value in model_inputs.items():
            prefix = next((p for p in ("pair_", "cross_") if name.startswith(p)), "")
            groups[prefix][name.removeprefix(prefix)] = value
        model = self.model
        kind = "pair" if groups["pair_"] or groups["cross_"] else "single"
        names = [task] if task else [n for n, e in model.config.tasks.items() if e["input"] == kind]
        vectors: dict[tuple[bool, str | None], Any] = {}
        outputs: dict[str, Any] = {}
        for name in names:
            # Tasks without an adapter of their own share a pass.
            reader = name if name in model.config.adapters else None
            kind_of_pass = (model.config.task(name).pair_encoding == "cross", reader)
            if kind_of_pass not in vectors:
                vectors[kind_of_pass] = self._encode(groups, *kind_of_pass)
            logits = model.logits_of(name, *vectors[kind_of_pass])
            outputs[name] = scores_of(model.heads[name], logits, function_to_apply)
        # A leading entry keeps ModelOutput from unpacking a lone tensor; it also says who asked.
        result: dict[str, Any] = {
            "asked": torch.full((len(next(iter(outputs.values()))),), int(task is not None))
        }
        result["cut"] = torch.stack(cut).any(dim=0)
        result.update({f"answer_{name}": value for name, value in outputs.items()})
        if texts:
            texts["token_ids"] = groups[""]["input_ids"]
        result.update(texts)
        return ModelOutput(result)

    def _encode(
        self, groups: dict[str, dict[str, Tensor]], cross: bool, task: str | None
    ) -> tuple[Tensor, Tensor | None, Tensor]:
        """What the heads read: sentence vectors of each side, (B, H), and token vectors."""
        if groups["pair_"] and not cross:
            sides = _triple(groups[""]), _triple(groups["pair_"])
            return self.model.encode_pair(*sides, task)
        u, hidden = self.model.encode_tokens(*_triple(groups["cross_" if cross else ""]), task)
        return u, None, hidden

    def postprocess(
        self, model_outputs: ModelOutput, cut: Counter[bool] | None = None, **options: Any
    ) -> Any:
        if cut is not None:
            cut[bool(model_outputs["cut"][0])] += 1
        answers = {}
        for key, values in model_outputs.items():
            if key.startswith("answer_"):
                name = key.removeprefix("answer_")
                answers[name] = self._answer(name, values[0], model_outputs, options)
        if int(model_outputs["asked"][0]):
            return next(iter(answers.values()))
        return answers

    def _answer(
        self, name: str, values: Tensor, outputs: ModelOutput, options: dict[str, Any]
    ) -> Any:
        task = self.model.config.task(name)
        if not task.has_labels:
            return {"score": values.item()}
        of_tags = {n: options[n] for n in ("aggregation_strategy", "ignore_labels") if n in options}
        if not task.reads_words:
            as_list = self.standard == TEXT and "top_k" in options
            of_classes = {name: value for name, value in options.items() if name not in of_tags}
            return ranked_classes(values, task.labels, as_list=as_list, **of_classes)
        spans, text = outputs["offset_mapping"][0].tolist(), outputs["words"][0]
        if self.standard == TOKENS or of_tags:
            ids = outputs["token_ids"][0]
            return standard_entities(
                values, ids, spans, text, task.labels, self.tokenizer, **of_tags
            )
        return word_entities(values, spans, outputs["word_ids"][0].tolist(), text, task.labels)


def _triple(encoded: dict[str, Tensor]) -> tuple[Tensor, Tensor | None, Tensor | None]:
    return encoded["input_ids"], encoded.get("attention_mask"), encoded.get("token_type_ids")


attach_modules(__name__)
