"""The audit of a model: of each task, its subgroups, its terms and its behavior."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from modeling_hybrid_mtl import HybridMTLPipeline, TaskConfig
from trainer.audit.behavior import BehaviorResult, check_behavior
from trainer.audit.counterfactuals import BOTH, SINGLE, AxisResult, audit_terms, fill_templates
from trainer.audit.groups import make_groups
from trainer.audit.labeled_rows import (
    LabeledRows,
    check_column_names,
    check_rows,
    label_column,
    nothing_labeled,
    read_rows,
)
from trainer.audit.measures import Measure, class_measures, label_measures, score_measures
from trainer.audit.options import AuditOptions
from trainer.audit.outputs import Outputs, Predictions, Row
from trainer.audit.subgroups import Comparison, compare_groups, correct
from trainer.data.terms import Terms, read_terms
from trainer.errors import InputError, did_you_mean

_SEED = 20_140_504


@dataclass
class TaskAudit:
    """The results of a task.

    Attributes:
        name: the task's name.
        rows: the number of its labeled rows.
        left_out: the number of rows without a label for it.
        comparisons: of the groups.
        axes: the changes with each axis of terms.
        behavior: the checks.
    """

    name: str
    rows: int = 0
    left_out: int = 0
    comparisons: list[Comparison] = field(default_factory=list)
    axes: list[AxisResult] = field(default_factory=list)
    behavior: list[BehaviorResult] = field(default_factory=list)


@dataclass
class Audit:
    """The results of all tasks.

    Attributes:
        tasks: of each task.
        tests: the number of tested differences between groups.
        skipped: task -> the part that was not audited, with the reason.
    """

    tasks: list[TaskAudit] = field(default_factory=list)
    tests: int = 0
    skipped: dict[str, str] = field(default_factory=dict)


def audit(pipe: HybridMTLPipeline, options: AuditOptions) -> Audit:
    """Audit a model.

    Args:
        pipe: the model's pipeline.
        options: of the audit.

    Raises:
        InputError: naming the option, or the file and row that is wrong.
    """
    terms = read_terms(options.terms).select(list(options.axes) or None)
    found = Audit()
    tasks = _audited_tasks(pipe, options, found)
    labeled = _read_labeled(tasks, options, found)
    predictions = Predictions(pipe, options.batch_size)
    for name, task in tasks.items():
        rows = labeled.get(name)
        is_pair = task.input == "pair"
        result = TaskAudit(name, axes=audit_terms(name, predictions, terms, is_pair))
        if rows is not None:
            result.rows, result.left_out = len(rows.texts), rows.left_out
            outputs = predictions.predict(name, rows.texts)
            measures = _measures(task, outputs, rows.labels)
            groups = make_groups(rows.groups)
            result.comparisons = compare_groups(name, measures, groups, options.min_rows)
        texts, places = _behavior_rows(rows, terms, is_pair, options.behavior_rows)
        if texts:
            result.behavior = check_behavior(name, predictions, texts, places, terms)
        found.tasks.append(result)
    found.tests = correct([each for task in found.tasks for each in task.comparisons])
    return found


def _audited_tasks(
    pipe: HybridMTLPipeline, options: AuditOptions, found: Audit
) -> dict[str, TaskConfig]:
    """Return the chosen tasks, without those that predict tags, which are recorded as skipped."""
    config = pipe.model.config
    for name in options.tasks:
        if name not in config.tasks:
            raise InputError(
                f"tasks: no task '{name}' in this model ({', '.join(config.tasks)})."
                f"{did_you_mean(name, config.tasks)}"
            )
    tasks = {name: config.task(name) for name in options.tasks or config.tasks}
    for name, task in tasks.items():
        if task.reads_words:
            found.skipped[name] = "all: tags of words are not audited"
    audited = {name: task for name, task in tasks.items() if name not in found.skipped}
    if not audited:
        raise InputError("tasks: tags of words are not audited, and there is no other task")
    return audited


def _read_labeled(
    tasks: Mapping[str, TaskConfig], options: AuditOptions, found: Audit
) -> dict[str, LabeledRows]:
    """Return the labeled rows of each task that has some; record the others as skipped."""
    if not options.data:
        return {}
    check_column_names(options.columns, tasks)
    raw = read_rows(options.data, options.groups, options.columns)
    labeled = {}
    for name, task in tasks.items():
        label = label_column(name, task, raw, options.columns, len(tasks) == 1)
        if label is None:
            found.skipped[name] = "subgroups: the data have no texts or labels for it"
        elif task.label_type == "match":
            found.skipped[name] = "subgroups: labels of matches have no error rates"
        else:
            columns = {**options.columns, "label": label}
            labeled[name] = check_rows(name, task, raw, options.groups, columns, options.bad_rows)
    if not labeled:
        raise nothing_labeled(raw, tasks)
    return labeled


def _measures(task: TaskConfig, outputs: Outputs, labels: np.ndarray) -> list[Measure]:
    if outputs.decisions is None:
        low, high = task.score_range or (-1.0, 1.0)
        return score_measures(outputs.scores[:, 0] * (high - low) + low, labels.astype(float))
    if task.output_type == "class":
        return class_measures(outputs.decisions[:, 0], labels, outputs.names)
    return label_measures(outputs.decisions == 1, labels == 1, outputs.names)


def _behavior_rows(
    labeled: LabeledRows | None, terms: Terms, is_pair: bool, most: int
) -> tuple[list[Row], list[str]]:
    """Return texts and their places: of labeled rows, or else of templates."""
    texts: list[Row]
    if labeled is not None:
        texts, places = list(labeled.texts), labeled.places
    else:
        # The first term of each axis.
        filled = [each for each in fill_templates(terms, is_pair) if each.side in (SINGLE, BOTH)]
        texts = [each.rows[0] for each in filled]
        places = [" | ".join(row.values()) for row in texts]
    chosen = np.random.default_rng(_SEED).permutation(len(texts))[:most]
    return [texts[index] for index in sorted(chosen)], [places[index] for index in sorted(chosen)]
