"""The model card: facts collected during a run, rendered with a template into a README.

The Hub refuses a card whose metadata it cannot read, and a card is public. So every text that
reaches the page is escaped, whatever the template does, and local paths never leave this module.
"""

import html
import json
import math
import numbers
import os
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from huggingface_hub import EvalResult, ModelCardData
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

# How the Hub calls each kind of task. It has no word for regression on text.
HUB_TASKS = {
    "classification": "text-classification",
    "regression": "regression",
    "similarity": "sentence-similarity",
    "token_classification": "token-classification",
}
HUB_METRICS = {"pearson": "pearsonr", "spearman": "spearmanr"}
# The Hub's own rule for `dataset.type` in a model index, less names that start with a dot.
HUB_ID = re.compile(r"(?:\w[\w-]*/)?\w[\w.-]*", re.ASCII)
LOCAL_PATH = re.compile(
    r"""file://[^\s"'`|<>,;)]+                  # a URL of this machine
    |(?<![\w./<~)\]-])/(?!/)[^\s"'`|<>,;)]+     # /home/me, but not https:// or and/or
    |(?<!\w)~\w*/[^\s"'`|<>,;)]*                # ~/models
    |(?<!\w)[A-Za-z]:[\\/][^\s"'`|<>,;)]*       # C:\models
    |\\\\\w[^\s"'`|<>,;)]*                      # \\server\share""",
    re.VERBOSE,
)


@dataclass
class TaskFacts:
    """What the card says about one task.

    Raises:
        ValueError: a field has a value this card has no words for, or a metric is not a number.
    """

    name: str  # as passed to the pipeline
    kind: str  # classification, regression, similarity or token_classification
    input: str  # single (one text) or pair (two texts)
    pair_encoding: str | None = None  # for pairs: siamese or cross
    labels: list[str] | None = None
    score_range: list[float] | None = None  # lowest and highest score
    dataset: str | None = None  # Hub id, None for local files or a sample
    dataset_config: str | None = None
    dataset_description: str = "local files"  # shown when there is no Hub id
    rows: dict[str, int] = field(default_factory=dict)  # by split
    dropped: dict[str, int] = field(default_factory=dict)  # rows left out, by reason
    metrics: dict[str, float | None] = field(default_factory=dict)  # after training
    metrics_before: dict[str, float | None] | None = None  # before it, where that was measured
    hyperparameters: dict[str, Any] = field(default_factory=dict)  # of this task's head
    auxiliary: bool = False  # it only helped in training, and has no part in the overall score

    def __post_init__(self) -> None:
        choices = {
            "kind": tuple(HUB_TASKS),
            "input": ("single", "pair"),
            "pair_encoding": (None, "siamese", "cross") if self.input == "pair" else (None,),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f"task {self.name!r}: {name} is {getattr(self, name)!r}; use one of {allowed}"
                )
        for metrics in (self.metrics, self.metrics_before or {}):
            for metric, value in metrics.items():
                if not isinstance(value, numbers.Real | None):
                    raise ValueError(
                        f"task {self.name!r}: metric {metric!r} is a {type(value).__name__}; "
                        "pass a float, or None when it is not known"
                    )


@dataclass
class CardFacts:
    """Everything the card says about a model.

    Raises:
        ValueError: there is no task, a task's name occurs twice, or a figure's path is not
            relative to the card.
    """

    model_name: str  # the title; a full Hub id (user/name) also appears in the code examples
    tasks: list[TaskFacts]
    base_model: str | None = None  # Hub id, None when unknown or local
    base_model_description: str = "an encoder this card has no name for"  # shown without a Hub id
    license: str | None = None  # Hub licence id, None when unknown
    language: str | None = None  # ISO code of the training data's language, None when unknown
    overall: float | None = None
    overall_before: float | None = None
    shared_hyperparameters: dict[str, Any] = field(default_factory=dict)  # backbone, whole run
    run: dict[str, Any] = field(default_factory=dict)  # seed, steps, hardware, versions ...
    adapters: list[str] = field(default_factory=list)  # tasks with an adapter of their own
    figures: list[tuple[str, str]] = field(default_factory=list)  # caption, path from the card
    is_demonstration: bool = False  # trained on a sample, only to show how it is done
    helpers: list[TaskFacts] = field(default_factory=list)  # auxiliary tasks that it has no head of

    def __post_init__(self) -> None:
        names = [task.name for task in (*self.tasks, *self.helpers)]
        if not self.tasks:
            raise ValueError("a card needs at least one task; pass them as tasks=[TaskFacts(...)]")
        if len(set(names)) < len(names):
            raise ValueError(f"task names must differ, got {names}; rename one of them")
        for _, path in self.figures:
            if path.startswith(("/", "~")) or re.search(r"\\|:|(^|/)\.\.(/|$)", path):
                raise ValueError(
                    f"figure {path!r}: use a path relative to the card, such as 'figures/loss.png'"
                )


def render_card(facts: CardFacts) -> str:
    """Render the model card: YAML metadata, then Markdown."""
    facts = _public(facts)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # Applied to every {{ expression }}: the template cannot forget to escape one.
        finalize=lambda value: value if isinstance(value, Markup) else _markdown(value),
    )
    environment.filters["python"] = lambda value: Markup(json.dumps(value, ensure_ascii=False))
    environment.filters["url"] = lambda value: Markup(quote(value))
    environment.filters["metric"] = lambda value: None if value is None else f"{value:.4f}"
    body = environment.get_template("card_template.md.jinja").render(
        facts=facts,
        repo=facts.model_name if "/" in facts.model_name and _hub_id(facts.model_name) else None,
        has_before=facts.overall_before is not None or any(t.metrics_before for t in facts.tasks),
        groups={
            "shared": facts.shared_hyperparameters,
            **{f"{t.name} head": t.hyperparameters for t in (*facts.tasks, *facts.helpers)},
        },
        formula=_overall_formula([task for task in facts.tasks if not task.auxiliary]),
    )
    return f"---\n{_metadata(facts).to_yaml()}\n---\n\n{body}"


def write_card(facts: CardFacts, path: str | os.PathLike[str]) -> None:
    """Render the card and write it to `path`, whole or not at all."""
    _write(render_card(facts), Path(path))


def facts_to_json(facts: CardFacts, path: str | os.PathLike[str]) -> None:
    """Write the facts to `path`, without local paths, so that the card can be rendered again."""
    text = json.dumps(asdict(_public(facts)), indent=2, ensure_ascii=False)
    _write(text + "\n", Path(path))


def facts_from_json(path: str | os.PathLike[str]) -> CardFacts:
    """Read what `facts_to_json` wrote.

    Raises:
        ValueError: the file is not JSON, or a field is missing, unknown or wrong.
    """
    try:
        return _facts(json.loads(Path(path).read_text(encoding="utf-8")))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"{path} does not hold the facts of a model card ({error}); write it with facts_to_json"
        ) from error


def _facts(data: dict[str, Any]) -> CardFacts:
    tasks = [TaskFacts(**task) for task in data["tasks"]]
    helpers = [TaskFacts(**task) for task in data.get("helpers", [])]
    figures = [(caption, path) for caption, path in data.get("figures", [])]
    return CardFacts(**data | {"tasks": tasks, "helpers": helpers, "figures": figures})


def _public(facts: CardFacts) -> CardFacts:
    """Return a copy of plain values in which nothing points into the local file system."""
    data = _clean(asdict(facts))
    data["base_model"] = _hub_id(facts.base_model)
    all_tasks = (*facts.tasks, *facts.helpers)
    for clean, task in zip(data["tasks"] + data["helpers"], all_tasks, strict=True):
        clean["dataset"] = _hub_id(task.dataset)
        if clean["dataset"] is None:
            clean["dataset_config"] = None
        # A label such as "/person" is no path: what the model answers must stay as it is.
        clean["labels"] = task.labels
    return _facts(data)


def _clean(value: Any) -> Any:
    """Return `value` as JSON can hold it: texts of one line, no local paths, finite numbers."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, dict):
        return {_clean(str(key)): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value) if math.isfinite(value) else None
    return LOCAL_PATH.sub("(local path)", _one_line(value))


def _hub_id(name: str | None) -> str | None:
    return name if name is not None and HUB_ID.fullmatch(name) else None


def _markdown(value: Any) -> str:
    """Write one value on one line, with nothing in it that Markdown or HTML would act on."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = html.escape(_one_line(value), quote=False).replace("\\", "&#92;")
    # Underscores inside a word, as in learning_rate, are harmless and read better bare.
    return re.sub(r"[`*\[\]|~]|(?<![^\W_])_|_(?![^\W_])", r"\\\g<0>", text)


def _one_line(value: Any) -> str:
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", "", " ".join(str(value).split()))


def _overall_formula(tasks: list[TaskFacts]) -> str | None:
    """Spell the overall score out where every main metric is certain."""
    terms = {"classification": "accuracy({})", "similarity": "(1 + pearson({})) / 2"}
    if any(task.kind not in terms for task in tasks):
        return None
    total = " + ".join(terms[task.kind].format(task.name) for task in tasks)
    return f"({total}) / {len(tasks)}"


def _metadata(facts: CardFacts) -> ModelCardData:
    kinds = [task.kind for task in facts.tasks]
    trained = (*facts.tasks, *facts.helpers)
    datasets = list(dict.fromkeys(task.dataset for task in trained if task.dataset))
    results = _eval_results(facts)
    metrics = list(dict.fromkeys(r.metric_type for r in results if r.task_type != "multitask"))
    only_tokens = set(kinds) == {"token_classification"}
    fallback = HUB_TASKS["token_classification" if only_tokens else "similarity"]
    return ModelCardData(
        model_name=facts.model_name if results else None,
        base_model=facts.base_model,
        datasets=datasets or None,
        language=facts.language,
        library_name="transformers",
        license=facts.license,
        metrics=metrics or None,
        pipeline_tag=HUB_TASKS["classification"] if "classification" in kinds else fallback,
        tags=["hybrid-mtl", "multitask", *(HUB_TASKS[kind] for kind in kinds)],
        eval_results=results or None,
    )


def _eval_results(facts: CardFacts) -> list[EvalResult]:
    """Return one result per metric.

    huggingface_hub groups results by task type and dataset, so local datasets of different tasks
    get types of their own, and a metric's name says which task it belongs to.
    """
    results = [
        EvalResult(
            task_type=HUB_TASKS[task.kind],
            dataset_type=task.dataset or "local-" + re.sub(r"[^A-Za-z0-9]+", "-", task.name),
            dataset_name=task.dataset or task.dataset_description,
            dataset_config=task.dataset_config,
            metric_type=HUB_METRICS.get(metric, metric),
            metric_name=f"{task.name} {metric}",
            metric_value=value,
        )
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


def _write(text: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
