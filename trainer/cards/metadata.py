"""The metadata of a model card for the Hub."""

import re

from huggingface_hub import EvalResult, ModelCardData

from trainer.cards.examples import widgets
from trainer.cards.facts import CardFacts, TaskFacts, heads

HUB_METRICS = {"pearson": "pearsonr", "spearman": "spearmanr"}


def metadata(facts: CardFacts) -> ModelCardData:
    """Return the card's metadata, without unknown entries.

    Args:
        facts: facts returned by `trainer.cards.facts.public`.
    """
    kinds = [task.kind for task in facts.tasks]
    trained = (*facts.tasks, *facts.auxiliary_tasks)
    datasets = list(dict.fromkeys(task.dataset for task in trained if task.dataset))
    results = _eval_results(facts)
    metrics = list(dict.fromkeys(r.metric_type for r in results if r.task_type != "multitask"))
    standards = {heads()[kind].standard for kind in kinds}
    pipeline_tag = _pipeline_tag(standards)
    return ModelCardData(
        model_name=facts.model_name if results else None,
        base_model=facts.base_model,
        datasets=datasets or None,
        language=facts.language,
        library_name="transformers",
        license=facts.license,
        metrics=metrics or None,
        pipeline_tag=pipeline_tag,
        tags=["hybrid-mtl", "multitask", *(heads()[kind].hub_task for kind in kinds)],
        eval_results=results or None,
        widget=widgets(facts.tasks, pipeline_tag),
    )


def _pipeline_tag(standards: set[str]) -> str:
    """Return the pipeline for the Hub's page, preferably `text-classification`."""
    if "text-classification" in standards:
        return "text-classification"
    return standards.pop() if len(standards) == 1 else "sentence-similarity"


def _eval_results(facts: CardFacts) -> list[EvalResult]:
    """Return one result per metric.

    huggingface_hub groups results by task type and dataset, so local datasets of different tasks
    have different types, and a metric's name includes its task.
    """
    results = [
        _eval_result(task, metric, value)
        for task in facts.tasks
        for metric, value in task.metrics.items()
        if value is not None
    ]
    if facts.overall is not None:
        overall = EvalResult(
            task_type="multitask",
            dataset_type="all-tasks",
            dataset_name="all tasks of this model",
            metric_type="overall",
            metric_name="overall score",
            metric_value=facts.overall,
        )
        results.append(overall)
    return results


def _eval_result(task: TaskFacts, metric: str, value: float) -> EvalResult:
    return EvalResult(
        task_type=heads()[task.kind].hub_task,
        dataset_type=task.dataset or "local-" + re.sub(r"[^A-Za-z0-9]+", "-", task.name),
        dataset_name=_dataset_name(task),
        dataset_config=task.dataset_config,
        dataset_split=task.dataset_split,
        dataset_revision=task.dataset_revision,
        metric_type=HUB_METRICS.get(metric, metric),
        metric_name=f"{task.name} {metric}",
        metric_value=value,
    )


def _dataset_name(task: TaskFacts) -> str:
    if task.dataset is None:
        return task.dataset_description
    return f"{task.dataset}, from local files" if task.from_files else task.dataset
