"""The options and answers of transformers' own pipelines, and what differs from them in ours."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from torch import Tensor
from transformers import TokenClassificationPipeline
from transformers.pipelines.token_classification import AggregationStrategy

from .texts_hybrid_mtl import is_count

TEXT, TOKENS, SIMILARITY = "text-classification", "token-classification", "sentence-similarity"
# The name that a pipeline was asked for under -> the standard whose answers it gives.
STANDARDS = {
    TEXT: TEXT,
    "sentiment-analysis": TEXT,
    TOKENS: TOKENS,
    "ner": TOKENS,
    SIMILARITY: SIMILARITY,
}
FUNCTIONS = ("softmax", "sigmoid", "none")
TRUNCATIONS = (True, False, "longest_first", "only_first", "only_second", "do_not_truncate")
TOKENIZER_OPTIONS = ("truncation", "max_length", "padding")
POSTPROCESS_OPTIONS = ("top_k", "return_all_scores", "aggregation_strategy", "ignore_labels")
OPTIONS = (*TOKENIZER_OPTIONS, "function_to_apply", *POSTPROCESS_OPTIONS)


def first_task(standard: str, heads: Mapping[str, Any], is_pair: bool) -> str:
    """The first of a model's tasks that answers a text, or a pair, in a standard form.

    Those that are what the standard is named after come before others.

    Raises:
        ValueError: if there is none.
    """
    wanted = "pair" if is_pair else "single"
    fitting = [
        name
        for name, head in heads.items()
        if head.standard == standard and head.task.input == wanted
    ]
    if not fitting:
        raise ValueError(
            f"this model has no task for {wanted} input that a '{standard}' pipeline asks"
        )
    return min(fitting, key=lambda name: heads[name].hub_task != standard)


def check_options(options: Mapping[str, Any], most: int | None) -> None:
    """Check the options of a call.

    Args:
        options: by name.
        most: tokens that the encoder can read of a text, if there is a limit.

    Raises:
        ValueError: naming the option that is wrong.
    """
    unknown = [name for name in options if name not in OPTIONS]
    if unknown:
        raise ValueError(
            f"unknown pipeline arguments: {', '.join(unknown)}; known: {', '.join(OPTIONS)}"
        )

    def check(name: str, right: bool, must: str) -> None:
        if not right:
            raise ValueError(f"{name} = {options[name]!r}: must be {must}")

    top_k, length = options.get("top_k"), options.get("max_length")
    if top_k is not None:
        check("top_k", is_count(top_k), "a positive number, or None for all classes")
    if length is not None:
        most = most or length
        check("max_length", is_count(length) and length <= most, f"a number from 1 to {most}")
    if "truncation" in options:
        choices = ", ".join(map(str, TRUNCATIONS))
        check("truncation", options["truncation"] in TRUNCATIONS, f"one of {choices}")
    if options.get("function_to_apply") is not None:
        function = _lower(options["function_to_apply"])
        check("function_to_apply", function in (*FUNCTIONS, "default"), ", ".join(FUNCTIONS))
    if options.get("aggregation_strategy") is not None:
        strategies = [strategy.value for strategy in AggregationStrategy]
        strategy = _lower(options["aggregation_strategy"])
        check("aggregation_strategy", strategy in strategies, f"one of {', '.join(strategies)}")


def _lower(value: Any) -> str:
    return str(getattr(value, "value", value)).lower()


def scores_of(head: Any, logits: Tensor, function: Any) -> Tensor:
    """A head's answers; with a function, classes get what it makes of their logits."""
    name = "default" if function is None else _lower(function)
    if name == "default" or not head.task.has_labels:
        return head.postprocess(logits)
    logits = logits.float()
    if name == "none":
        return logits
    return logits.sigmoid() if name == "sigmoid" else logits.softmax(dim=-1)


def ranked_classes(
    scores: Tensor,
    labels: list[str],
    *,
    as_list: bool,
    top_k: int | None = 1,
    return_all_scores: bool = False,
) -> Any:
    """The classes of a text, best first, or the best alone.

    Args:
        scores: one for each class, (C,).
        labels: the names of the classes.
        as_list: give a list even of one class.
        top_k: how many classes; None for all.
        return_all_scores: all classes, in the model's order.
    """
    found = [
        {"label": label, "score": score}
        for label, score in zip(labels, scores.tolist(), strict=True)
    ]
    if return_all_scores:
        return found
    found = sorted(found, key=lambda answer: -answer["score"])[:top_k]
    return found if as_list or top_k != 1 else found[0]


class _Grouping(TokenClassificationPipeline):
    """What transformers' own pipeline makes of the scores of tokens, without its model."""

    def __init__(self, tokenizer: Any, labels: list[str]):
        self.tokenizer = tokenizer
        config = SimpleNamespace(id2label=dict(enumerate(labels)))
        self.model: Any = SimpleNamespace(config=config)


def standard_entities(
    scores: Tensor,
    token_ids: Tensor,
    spans: list[list[int]],
    text: str,
    labels: list[str],
    tokenizer: Any,
    *,
    aggregation_strategy: Any = None,
    ignore_labels: list[str] | None = None,
) -> list[dict[str, Any]]:
    """The tagged tokens of a text, or the groups of them that are one entity.

    Args:
        scores: of each token's classes, (L, C).
        token_ids: (L,).
        spans: where each token begins and ends in the text; at once where it is no part of it.
        text: the text.
        labels: the names of the classes.
        tokenizer: the tokenizer.
        aggregation_strategy: how pieces become entities, as for transformers' pipeline; `none` when
            left out.
        ignore_labels: classes that are left out, `O` by default.
    """
    strategy = AggregationStrategy(_lower(aggregation_strategy or "none"))
    grouping = _Grouping(tokenizer, labels)
    special = [start == end for start, end in spans]
    pieces = grouping.gather_pre_entities(
        text, token_ids.numpy(), scores.numpy(), spans, special, strategy
    )
    ignored = ["O"] if ignore_labels is None else ignore_labels
    return [
        {**entity, "score": float(entity["score"])}
        for entity in grouping.aggregate(pieces, strategy)
        if entity.get("entity", entity.get("entity_group")) not in ignored
    ]


def word_entities(
    values: Tensor, spans: list[list[int]], words: list[int], text: str, labels: list[str]
) -> list[dict[str, Any]]:
    """One entity per word, with the class of its first piece, which is what training taught."""
    scores, classes = values.max(dim=-1)
    entities: list[dict[str, Any]] = []
    last = None
    for (start, end), word, score, label in zip(
        spans, words, scores.tolist(), classes.tolist(), strict=True
    ):
        if start == end:  # special tokens and padding stand for no part of the text
            continue
        if word == last and word >= 0:
            entities[-1].update(word=text[entities[-1]["start"] : end], end=end)
            continue
        last = word
        entities.append(
            {
                "entity": labels[label],
                "score": score,
                "word": text[start:end],
                "start": start,
                "end": end,
            }
        )
    return entities
