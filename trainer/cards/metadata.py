"""The metadata of a model card for the Hub."""

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
    measured = (m for task in facts.tasks for m, v in task.metrics.items() if v is not None)
    metrics = list(dict.fromkeys(HUB_METRICS.get(metric, metric) for metric in measured))
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
    """Return one result per metric of the tasks whose dataset is one of the Hub.

    Others, and the overall score, have no dataset that a leaderboard could look up. huggingface_hub
    groups results by task type and dataset, so a metric's name includes its task.
    """
    return [
        _eval_result(task, metric, value)
        for task in facts.tasks
        for metric, value in task.metrics.items()
        if value is not None and task.dataset is not None
    ]


def _eval_result(task: TaskFacts, metric: str, value: float) -> EvalResult:
    return EvalResult(
        task_type=heads()[task.kind].hub_task,
        dataset_type=task.dataset or "",
        dataset_name=f"{task.dataset}, from local files" if task.from_files else task.dataset or "",
        dataset_config=task.dataset_config,
        dataset_split=task.dataset_split,
        dataset_revision=task.dataset_revision,
        metric_type=HUB_METRICS.get(metric, metric),
        metric_name=f"{task.name} {metric}",
        metric_value=value,
    )
