"""Example rows of a model, with its predictions."""

from collections.abc import Mapping
from typing import Any

from datasets import Dataset

from modeling_hybrid_mtl import HybridMTLPipeline, TaskConfig
from trainer.data.soft_labels import is_soft

# The most characters of an example's text.
MAX_CHARACTERS = 120


def choose_rows(rows: Dataset, task: TaskConfig, count: int) -> list[dict[str, Any]]:
    """Return at most `count` labeled rows with short texts, from the lowest label to the highest.

    Args:
        rows: the columns `text`, `text_pair` (pairs) and `label` of checked rows.
        task: the task; its labels are returned by name.
        count: the number of rows.

    Returns:
        `text`, `text_pair` (pairs) and `label` of each.
    """
    sides = [name for name in ("text", "text_pair") if name in rows.column_names]
    texts = [[_text(cell) for cell in rows[name][:]] for name in sides]
    labels = rows["label"][:]
    short = [
        index
        for index, row in enumerate(zip(*texts, strict=True))
        if labels[index] is not None and all(len(text) <= MAX_CHARACTERS for text in row)
    ]
    if not task.reads_words:
        short.sort(key=lambda index: labels[index])
    step = max(len(short) - 1, 0) / max(count - 1, 1)
    chosen = dict.fromkeys(short[round(i * step)] for i in range(count if short else 0))
    return [
        {
            **{name: side[index] for name, side in zip(sides, texts, strict=True)},
            "label": _label(labels[index], task),
        }
        for index in chosen
    ]


def predict_examples(
    pipe: HybridMTLPipeline, examples: Mapping[str, list[dict[str, Any]]]
) -> dict[str, list[dict[str, Any]]]:
    """Return the examples of each task with their `prediction`, the pipeline's output."""
    predicted = {}
    for task, rows in examples.items():
        inputs = [{key: row[key] for key in row if key != "label"} for row in rows]
        outputs = pipe.predict_rows(inputs, task=task) if inputs else []
        predicted[task] = [
            {**row, "prediction": output} for row, output in zip(rows, outputs, strict=True)
        ]
    return predicted


def _text(cell: Any) -> str:
    return cell if isinstance(cell, str) else " ".join(cell)


def _label(value: Any, task: TaskConfig) -> Any:
    if task.output_type == "labels":
        return [name for name, flag in zip(task.labels or [], value, strict=True) if flag]
    if is_soft(value, task):
        value = max(range(len(value)), key=value.__getitem__)
    if isinstance(value, list):
        return [_label(part, task) for part in value]
    return (task.labels or [])[value] if task.has_labels else round(value, 4)
