"""Options and outputs of the standard pipelines of transformers."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from torch import Tensor
from transformers import TokenClassificationPipeline
from transformers.pipelines.token_classification import AggregationStrategy

from .texts_hybrid_mtl import is_positive_int

TEXT, TOKENS, SIMILARITY = "text-classification", "token-classification", "sentence-similarity"
# Name of a pipeline -> the standard that defines its outputs.
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
FORWARD_OPTIONS = ("function_to_apply", "calibrated")
OPTIONS = (*TOKENIZER_OPTIONS, *FORWARD_OPTIONS, *POSTPROCESS_OPTIONS)


def first_task(standard: str, heads: Mapping[str, Any], is_pair: bool) -> str:
    """Return the first task of a model for a standard pipeline and a text or pair.

    Tasks with this name on the Hub come first.

    Raises:
        ValueError: if there is none.
    """
    input_kind = "pair" if is_pair else "single"
    fitting = [
        name
        for name, head in heads.items()
        if head.standard == standard and head.task.input == input_kind
    ]
    if not fitting:
        raise ValueError(
            f"this model has no task for {input_kind} input in a '{standard}' pipeline"
        )
    return min(fitting, key=lambda name: heads[name].hub_task != standard)


def check_options(options: Mapping[str, Any], limit: int | None) -> None:
    """Check the options of a call.

    Args:
        options: name -> value.
        limit: the encoder's maximum number of tokens, if there is a limit.

    Raises:
        ValueError: naming the invalid option.
    """
    unknown = [name for name in options if name not in OPTIONS]
    if unknown:
        raise ValueError(
            f"unknown pipeline arguments: {', '.join(unknown)}; must be some of "
            f"{', '.join(OPTIONS)}"
        )

    def check(name: str, is_valid: bool, expected: str) -> None:
        if not is_valid:
            raise ValueError(f"{name} = {options[name]!r}: must be {expected}")

    def check_choice(name: str, choices: Sequence[str], *unlisted: str) -> None:
        if options.get(name) is not None:
            is_valid = _lower(options[name]) in (*choices, *unlisted)
            check(name, is_valid, f"one of {', '.join(choices)}")

    top_k, length = options.get("top_k"), options.get("max_length")
    if top_k is not None:
        check("top_k", is_positive_int(top_k), "a positive integer, or None for all classes")
    if length is not None:
        limit = limit or length
        is_valid = is_positive_int(length) and length <= limit
        check("max_length", is_valid, f"a number from 1 to {limit}")
    if "calibrated" in options:
        check("calibrated", isinstance(options["calibrated"], bool), "true or false")
    if "truncation" in options:
        choices = ", ".join(map(str, TRUNCATIONS))
        check("truncation", options["truncation"] in TRUNCATIONS, f"one of {choices}")
    check_choice("function_to_apply", FUNCTIONS, "default")
    check_choice("aggregation_strategy", [strategy.value for strategy in AggregationStrategy])


def _lower(value: Any) -> str:
    return str(getattr(value, "value", value)).lower()


def scores_of(head: Any, logits: Tensor, function: Any) -> Tensor:
    """Return the scores of a head; for classes, the function's values of the logits."""
    name = "default" if function is None else _lower(function)
    if name == "default" or not head.task.has_labels:
        return head.postprocess(logits)
    if name == "none":
        return logits.float()
    logits = head.scaled(logits)
    return logits.sigmoid() if name == "sigmoid" else logits.softmax(dim=-1)


def ranked_classes(
    scores: Tensor,
    labels: list[str],
    *,
    as_list: bool,
    top_k: int | None = 1,
    return_all_scores: bool = False,
) -> Any:
    """Return the classes of a text, best first; only the best one as a dictionary.

    Args:
        scores: one score per class, (C,).
        labels: the class names.
        as_list: return a list even for one class.
        top_k: the number of classes; None for all.
        return_all_scores: return all classes in the model's order.
    """
    classes = [
        {"label": label, "score": score}
        for label, score in zip(labels, scores.tolist(), strict=True)
    ]
    if return_all_scores:
        return classes
    classes = sorted(classes, key=lambda entry: -entry["score"])[:top_k]
    return classes if as_list or top_k != 1 else classes[0]


def chosen_classes(scores: Tensor, chosen: Tensor, labels: list[str]) -> list[dict[str, Any]]:
    """Return the predicted classes of a text, best first; maybe none.

    Args:
        scores: one score per class, (C,).
        chosen: 1 for the predicted classes, otherwise 0, (C,).
        labels: the class names.
    """
    is_chosen = dict(zip(labels, chosen.tolist(), strict=True))
    ranked = ranked_classes(scores, labels, as_list=True, top_k=None)
    return [entry for entry in ranked if is_chosen[entry["label"]]]


class _Grouping(TokenClassificationPipeline):
    """The grouping of transformers' token classification pipeline, without its model."""

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
    """Return the labeled tokens of a text, or their groups.

    Args:
        scores: class scores of the tokens, (L, C).
        token_ids: (L,).
        spans: start and end of each token in the text; equal for special tokens.
        text: the text.
        labels: the class names.
        tokenizer: the tokenizer.
        aggregation_strategy: as for transformers' pipeline; `none` if None.
        ignore_labels: classes to omit; `O` if None.
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
    """Return one entity per word, with the class of its first token, as in training."""
    scores, classes = values.max(dim=-1)
    entities: list[dict[str, Any]] = []
    last = None
    for (start, end), word, score, label in zip(
        spans, words, scores.tolist(), classes.tolist(), strict=True
    ):
        if start == end:  # special tokens and padding
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
