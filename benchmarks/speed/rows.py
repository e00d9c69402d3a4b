"""The training rows of this project and the peers: drawn once, the same for all."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.speed.settings import Settings
from trainer.config.parser import parse
from trainer.loading.new_model import model_path
from trainer.loading.task_splits import load_splits

OPTIONS = ("--model_name_or_path", "minilm", "--report_to", "none", "--use_cpu", "true")


@dataclass
class Task:
    """A task's entry and some of its rows, each with `text`, perhaps `text_pair`, and `label`."""

    kind: str
    pair: bool
    labels: int | None
    range: list[float] | None
    rows: list[dict[str, Any]]


def project_settings(settings: Settings, *options: str) -> Any:
    """Return the settings of a run of this project with the benchmark's weights and data."""
    return parse([*OPTIONS, "--data_dir", settings.data_dir, *options])


def weights(settings: Settings) -> str:
    """Return the folder of the encoder's weights."""
    return model_path(project_settings(settings, "--output_dir", "unused").run)


def read_tasks(settings: Settings, split: str) -> dict[str, Task]:
    """Return all checked rows of a split, `train` or `validation`, by task."""
    run = project_settings(settings, "--output_dir", "unused")
    tasks, seed = {}, run.training.seed_of_data
    for name, entry in run.tasks.items():
        model = entry.model
        rows = load_splits(name, entry, [split], run.run.data_dir, seed)[split].rows.to_list()
        labels = len(model.labels) if model.labels else None
        tasks[name] = Task(model.kind, model.input == "pair", labels, model.score_range, rows)
    return tasks


def draw(tasks: dict[str, Task], count: int, seed: int) -> dict[str, Task]:
    """Return `count` rows of each task in random order, in several passes if it has fewer."""
    drawn = {}
    for index, (name, task) in enumerate(tasks.items()):
        random = np.random.default_rng([seed, index])
        size = len(task.rows)
        passes = [random.permutation(size) for _ in range(max(1, -(-count // size)))]
        order = np.concatenate(passes)[:count]
        drawn[name] = Task(**{**vars(task), "rows": [task.rows[i] for i in order]})
    return drawn


def as_json(tasks: dict[str, Task]) -> dict[str, Any]:
    return {name: vars(task) for name, task in tasks.items()}
