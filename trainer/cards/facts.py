"""The facts of a model card as JSON-serializable data without local paths."""

import json
import math
import numbers
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from trainer.cards.audit_facts import AuditFacts
from trainer.saving.files import write_text

# The Hub's pattern for `dataset.type` in a model index, except names that start with a dot.
HUB_ID = re.compile(r"(?:\w[\w-]*/)?\w[\w.-]*", re.ASCII)
LOCAL_PATH = re.compile(
    r"""file://[^\s"'`|<>,;)]+                  # a URL of this machine
    |(?<![\w./<~)\]-])/(?!/)[^\s"'`|<>,;)]+     # /home/me, but not https:// or and/or
    |(?<!\w)~\w*/[^\s"'`|<>,;)]*                # ~/models
    |(?<!\w)[A-Za-z]:[\\/][^\s"'`|<>,;)]*       # C:\models
    |\\\\\w[^\s"'`|<>,;)]*                      # \\server\share""",
    re.VERBOSE,
)


def heads() -> Mapping[str, Any]:
    """Return the kinds of tasks; imported late, as they import torch."""
    from trainer.registry import HEADS

    return HEADS


@dataclass
class TaskFacts:
    """The facts of one task.

    Raises:
        ValueError: if a field has an invalid value, or a metric is not a number.
    """

    name: str  # as passed to the pipeline
    kind: str  # of `trainer.registry.HEADS`
    input: str  # single (one text) or pair (two texts)
    pair_encoding: str | None = None  # for pairs: siamese or cross
    labels: list[str] | None = None
    score_range: list[float] | None = None  # lowest and highest score
    dataset: str | None = None  # Hub id, or None
    from_files: bool = False  # local files of that dataset
    dataset_config: str | None = None
    dataset_split: str | None = None  # of a Hub dataset: the evaluated split
    dataset_revision: str | None = None  # of a Hub dataset, if specified
    dataset_license: str | None = None  # as stated by the user
    dataset_description: str = "local files"  # shown without a Hub id
    rows: dict[str, int] = field(default_factory=dict)  # by split
    dropped: dict[str, int] = field(default_factory=dict)  # omitted rows, by reason
    metrics: dict[str, float | None] = field(default_factory=dict)  # after training
    metrics_before: dict[str, float | None] | None = None  # before training, if measured
    intervals: dict[str, list[float]] | None = None  # metric -> ends of its 95% interval
    test_metrics: dict[str, float | None] = field(default_factory=dict)  # of the test split
    test_intervals: dict[str, list[float]] | None = None
    calibration: dict[str, Any] = field(default_factory=dict)  # of its probabilities
    test_calibration: dict[str, Any] = field(default_factory=dict)
    per_class: list[dict[str, Any]] = field(default_factory=list)  # scores, in order of labels
    examples: list[dict[str, Any]] = field(default_factory=list)  # rows with label and prediction
    split: str | None = None  # how validation rows were drawn from training rows, if they were
    overlaps: list[str] = field(default_factory=list)  # texts shared with the training rows
    hyperparameters: dict[str, Any] = field(default_factory=dict)  # of this task's head
    auxiliary: bool = False  # excluded from the overall score
    main_metric: str | None = None  # the part in the overall score; the first of the kind if None
    score_weight: float = 1.0  # in the overall score

    @property
    def output_type(self) -> str:
        """Return the form of its predictions: `class`, `labels`, `tags` or `score`."""
        return heads()[self.kind].output_type

    def __post_init__(self) -> None:
        choices = {
            "kind": tuple(heads()),
            "input": ("single", "pair"),
            "pair_encoding": (None, "siamese", "cross") if self.input == "pair" else (None,),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f"task {self.name!r}: {name} = {getattr(self, name)!r}: must be one of "
                    f"{allowed}"
                )
        for metrics in (self.metrics, self.metrics_before or {}, self.test_metrics):
            for metric, value in metrics.items():
                if not isinstance(value, numbers.Real | None):
                    raise ValueError(
                        f"task {self.name!r}: metric {metric!r} is a {type(value).__name__}; "
                        "expected a float, or None if unknown"
                    )


@dataclass
class PhaseFacts:
    """The facts of one phase of training."""

    name: str
    objective: str
    tasks: list[str]
    steps: int
    epochs: float
    seconds: float
    settings: dict[str, Any] = field(default_factory=dict)  # those that differ from the run's


@dataclass
class Architecture:
    """The model's parts and their sizes, in numbers of parameters."""

    encoder: str  # its type, such as bert
    layers: int | None  # None if the encoder's configuration lacks it
    hidden_size: int
    pooling: str
    encoder_parameters: int  # without adapters
    heads: dict[str, int]  # by task
    adapters: dict[str, int] = field(default_factory=dict)  # by task
    ranks: dict[str, int] = field(default_factory=dict)  # of the adapters
    figure: str | None = None  # path from the card
    shared_hidden_sizes: list[int] = field(default_factory=list)
    shared_parameters: int = 0  # of the shared layers

    @property
    def parameters(self) -> int:
        """Return the number of parameters of the model."""
        shared = self.encoder_parameters + self.shared_parameters
        return shared + sum(self.heads.values()) + sum(self.adapters.values())


@dataclass
class ComputeFacts:
    """The hardware and the time of training."""

    hardware: list[str]
    seconds: float  # wall time of all sessions
    complete: bool  # False if an earlier session was not recorded
    resumed: int = 0  # number of resumptions


@dataclass
class CardFacts:
    """The facts on a model card.

    Raises:
        ValueError: there is no task, a task's name occurs twice, or a figure's path is not
            relative to the card.
    """

    model_name: str  # the title; a full Hub id (user/name) also appears in the code examples
    tasks: list[TaskFacts]
    base_model: str | None = None  # Hub id, None when unknown or local
    base_model_description: str = "an unnamed encoder"  # shown without a Hub id
    license: str | None = None  # Hub license id, None when unknown
    language: str | None = None  # ISO code of the training data's language, None when unknown
    overall: float | None = None
    overall_before: float | None = None
    overall_interval: list[float] | None = None  # the ends of its 95% interval
    test_overall: float | None = None
    test_overall_interval: list[float] | None = None
    shared_hyperparameters: dict[str, Any] = field(default_factory=dict)  # backbone, whole run
    run: dict[str, Any] = field(default_factory=dict)  # seed, steps, hardware, versions ...
    adapters: list[str] = field(default_factory=list)  # tasks with an adapter
    figures: list[tuple[str, str]] = field(default_factory=list)  # caption, path from the card
    is_demonstration: bool = False  # trained on a sample
    latency_ms: float | None = None  # median time of a call with one short input, for all tasks
    auxiliary_tasks: list[TaskFacts] = field(
        default_factory=list
    )  # tasks without a head in the model
    phases: list[PhaseFacts] = field(default_factory=list)
    architecture: Architecture | None = None
    compute: ComputeFacts | None = None
    chosen_on_evaluation_data: bool | None = None  # the checkpoint; None when unknown
    citations: list[str] = field(default_factory=list)  # keys of trainer.cards.citations
    audit: AuditFacts | None = None  # of hybrid-mtl audit

    def __post_init__(self) -> None:
        names = [task.name for task in (*self.tasks, *self.auxiliary_tasks)]
        if not self.tasks:
            raise ValueError("a card needs at least one task: tasks=[TaskFacts(...)]")
        if len(set(names)) < len(names):
            raise ValueError(f"task names must differ, got {names}; rename one of them")
        drawn = [self.architecture.figure] if self.architecture and self.architecture.figure else []
        for path in (*(path for _, path in self.figures), *drawn):
            if path.startswith(("/", "~")) or re.search(r"\\|:|(^|/)\.\.(/|$)", path):
                raise ValueError(
                    f"figure {path!r}: use a path relative to the card, such as 'figures/loss.png'"
                )


def facts_to_json(facts: CardFacts, path: str | os.PathLike[str]) -> None:
    """Write the facts as JSON, without local paths."""
    text = json.dumps(asdict(public(facts)), indent=2, ensure_ascii=False)
    write_text(Path(path), text + "\n")


def facts_from_json(path: str | os.PathLike[str]) -> CardFacts:
    """Read a file of `facts_to_json`.

    Raises:
        ValueError: if the file is not JSON, or a field is missing, unknown or invalid.
    """
    try:
        return _facts(json.loads(Path(path).read_text(encoding="utf-8")))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"{path} does not contain the facts of a model card ({error}); write it with "
            f"facts_to_json"
        ) from error


# Field -> its class.
_PARTS: tuple[tuple[str, Any], ...] = (
    ("architecture", Architecture),
    ("compute", ComputeFacts),
    ("audit", AuditFacts),
)


def _facts(data: dict[str, Any]) -> CardFacts:
    tasks = [TaskFacts(**task) for task in data["tasks"]]
    auxiliary_tasks = [TaskFacts(**task) for task in data.get("auxiliary_tasks", [])]
    figures = [(caption, path) for caption, path in data.get("figures", [])]
    parts: dict[str, Any] = {"phases": [PhaseFacts(**phase) for phase in data.get("phases", [])]}
    for name, kind in _PARTS:
        parts[name] = kind(**data[name]) if data.get(name) is not None else None
    return CardFacts(
        **data | parts | {"tasks": tasks, "auxiliary_tasks": auxiliary_tasks, "figures": figures}
    )


def public(facts: CardFacts) -> CardFacts:
    """Return a copy of plain values without local paths."""
    data = _clean(asdict(facts))
    data["base_model"] = hub_id(facts.base_model)
    all_tasks = (*facts.tasks, *facts.auxiliary_tasks)
    for clean, task in zip(data["tasks"] + data["auxiliary_tasks"], all_tasks, strict=True):
        clean["dataset"] = hub_id(task.dataset)
        if clean["dataset"] is None:
            clean |= dict.fromkeys(("dataset_config", "dataset_split", "dataset_revision"))
        # A label such as "/person" is not a path.
        clean["labels"] = task.labels
    return _facts(data)


def _clean(value: Any) -> Any:
    """Return a JSON-serializable copy: texts of one line, no local paths, finite numbers."""
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
    return LOCAL_PATH.sub("(local path)", one_line(value))


def hub_id(name: str | None) -> str | None:
    """Return the name if it is a valid name of a Hub repository, else None."""
    return name if name is not None and HUB_ID.fullmatch(name) else None


def one_line(value: Any) -> str:
    """Return a text without line breaks and control characters."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", "", " ".join(str(value).split()))
