"""Checks of the fields of a task's configuration.

Each is called with the `TaskConfig`, and with `refuse`, which raises a `ValueError` for a field and
a reason.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, NoReturn, get_type_hints

from .registry_hybrid_mtl import HEADS, LOSSES, did_you_mean

PAIR_FEATURES = ("u", "v", "difference", "product")

Refuse = Callable[[str, str], NoReturn]


def check_outputs(task: Any, refuse: Refuse) -> None:
    """Check the labels or the range of scores, and fields of the kinds that have them."""
    if task.has_labels:
        names: Any = task.labels
        if (
            not isinstance(names, list)
            or len(names) < 2
            or not all(isinstance(n, str) for n in names)
        ):
            refuse("labels", "must be a list of at least two class names")
        if len(set(names)) != len(names):
            refuse("labels", "class names must be unique")
        if task.score_range is not None:
            refuse("score_range", f"a task of kind '{task.kind}' has labels, not a score range")
    else:
        if task.labels is not None:
            refuse("labels", f"a task of kind '{task.kind}' has a score_range, not labels")
        check_range(task, "score_range", refuse)
    for field_name in ("cosine_range", "thresholds", "label_smoothing"):
        if getattr(task, field_name) and field_name not in HEADS[task.kind].reads:
            kinds = [kind for kind, head in HEADS.items() if field_name in head.reads]
            refuse(field_name, f"only valid for tasks of kind {', '.join(map(repr, kinds))}")


def check_calibration(task: Any, refuse: Refuse) -> None:
    """Check the temperature and the lowest score without review."""
    if task.temperature is not None:
        if not task.has_labels:
            refuse("temperature", f"a task of kind '{task.kind}' has no probabilities")
        if not is_number(task.temperature) or not task.temperature > 0:
            refuse("temperature", "must be a positive number")
    if task.min_score is not None:
        if task.output_type != "class":
            refuse("min_score", "only valid for tasks that predict one class for each text")
        if not is_number(task.min_score) or not 0 < task.min_score <= 1:
            refuse("min_score", "must be a number above 0, at most 1")


def check_range(task: Any, field_name: str, refuse: Refuse) -> None:
    """Check that a field is two numbers in ascending order."""
    ends = getattr(task, field_name)
    if not isinstance(ends, (list, tuple)) or len(ends) != 2 or not all(map(is_number, ends)):
        refuse(field_name, "must be two numbers, [lowest, highest]")
    if not ends[0] < ends[1]:
        refuse(field_name, "the first number must be lower than the second")
    setattr(task, field_name, [float(end) for end in ends])


def check_layers(task: Any, refuse: Refuse) -> None:
    """Check the layers of the head and its inputs."""
    sizes = task.hidden_sizes
    if not isinstance(sizes, (list, tuple)) or not all(type(s) is int and s > 0 for s in sizes):
        refuse("hidden_sizes", "must be a list of positive integers, [] for a linear head")
    task.hidden_sizes = list(sizes)
    if not is_number(task.dropout) or not 0 <= task.dropout < 1:
        refuse("dropout", "must be in [0, 1)")
    if type(task.attention_heads) is not int or task.attention_heads < 1:
        refuse("attention_heads", "must be a positive integer")
    if task.attention_heads > 1 and task.pooling != "attention":
        refuse("attention_heads", "only valid with pooling 'attention'")
    if task.reads_words and task.pooling != "shared":
        refuse("pooling", f"a task of kind '{task.kind}' reads token vectors, which are not pooled")
    if task.reads_words and task.normalization == "batch":
        refuse("normalization", "statistics of tokens would include padding; use 'layer'")
    features = task.pair_features
    if not task.is_siamese or "pair_features" not in HEADS[task.kind].reads:
        if features is not None:
            others = [kind for kind, head in HEADS.items() if "pair_features" not in head.reads]
            refuse("pair_features", f"only valid for siamese tasks other than {', '.join(others)}")
    elif not isinstance(features, list) or not features or not set(features) <= set(PAIR_FEATURES):
        refuse("pair_features", f"must be a list of some of {', '.join(PAIR_FEATURES)}")
    elif len(set(features)) != len(features):
        refuse("pair_features", "must be unique")


def check_loss(task: Any, refuse: Refuse) -> None:
    """Check the loss and its fields."""
    losses = (*HEADS[task.kind].losses, *LOSSES.of_kind(task.kind))
    if task.loss not in losses:
        hint = did_you_mean(task.loss, losses)
        refuse("loss", f"must be one of {', '.join(losses)} for kind '{task.kind}'{hint}")
    if not is_number(task.label_smoothing) or not 0 <= task.label_smoothing < 1:
        refuse("label_smoothing", "must be in [0, 1)")
    gamma: Any = task.focal_gamma
    if task.loss != "focal" and gamma is not None:
        refuse("focal_gamma", "only valid with loss 'focal'")
    if task.loss == "focal" and (not is_number(gamma) or gamma < 0):
        refuse("focal_gamma", "must be a number, 0 or more")
    if task.loss == "focal" and task.label_smoothing:
        refuse("label_smoothing", "has no meaning with loss 'focal'; unset it")
    if not is_number(task.loss_weight) or not task.loss_weight > 0:
        refuse("loss_weight", "must be a positive number")


def check_head_options(task: Any, refuse: Refuse) -> None:
    """Check the options of a kind against its dataclass, and fill in their defaults."""
    options_class: Any = HEADS.entry(task.kind).options
    options: Any = task.head_options
    types = {} if options_class is None else get_type_hints(options_class)
    if not isinstance(options, dict):
        refuse("head_options", "must be a mapping of options")
    for name, value in options.items():
        if name not in types:
            hint = did_you_mean(name, types)
            valid = f"has {', '.join(types)}" if types else "has no options"
            refuse("head_options", f"unknown option '{name}': kind '{task.kind}' {valid}{hint}")
        expected = types[name]
        if expected is float and is_number(value):
            continue
        if expected in (bool, int, float, str) and type(value) is not expected:
            refuse("head_options", f"option '{name}' must be of type {expected.__name__}")
    if options_class is not None:
        try:
            task.head_options = dataclasses.asdict(options_class(**options))
        except (TypeError, ValueError) as error:
            refuse("head_options", str(error))


def is_number(value: Any) -> bool:
    """Return whether a value is a finite number, and not a bool."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
