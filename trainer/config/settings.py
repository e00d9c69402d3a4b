"""What a run was told: its arguments, its tasks and its phases."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modeling_hybrid_mtl import TaskConfig
from trainer.config.run_arguments import RunArguments
from trainer.config.tasks import TaskEntry
from trainer.config.training_arguments import HybridMTLTrainingArguments


@dataclass
class Phase:
    """One stretch of training: which tasks, towards what, and with which arguments."""

    name: str
    tasks: list[str]
    objective: str
    training: HybridMTLTrainingArguments
    mask_share: float

    @property
    def folder(self) -> Path:
        """Where its checkpoints and the model at its end are."""
        return Path(self.training.output_dir)


@dataclass
class Settings:
    """All that a run was told: its arguments, its tasks and its phases, if it has any."""

    run: RunArguments
    training: HybridMTLTrainingArguments
    tasks: dict[str, TaskEntry]
    resolved: dict[str, Any]
    phases: list[Phase] = field(default_factory=list)

    @property
    def task_configs(self) -> list[TaskConfig]:
        """What the model is to know of each task."""
        return [entry.model for entry in self.tasks.values()]

    @property
    def data_seed(self) -> int:
        """The seed of all that is drawn for the data: `data_seed`, or `seed`."""
        return self.training.seed_of_data
