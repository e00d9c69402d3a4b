"""A run's settings: its arguments, its tasks and its phases."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modeling_hybrid_mtl import TaskConfig
from trainer.config.run_arguments import RunArguments
from trainer.config.tasks import TaskEntry
from trainer.config.training_arguments import HybridMTLTrainingArguments


@dataclass
class Phase:
    """A phase of training: its tasks, its objective and its arguments."""

    name: str
    tasks: list[str]
    objective: str
    training: HybridMTLTrainingArguments
    mask_share: float

    @property
    def folder(self) -> Path:
        """Return the folder of its checkpoints and of the model that it ends with."""
        return Path(self.training.output_dir)


@dataclass
class Settings:
    """All settings of a run.

    Attributes:
        run: the model, the data and the mode.
        training: the trainer's arguments, of all phases.
        tasks: each task's entry.
        resolved: every option as it stands, in the form of a configuration file.
        phases: in their order; none if the run trains at once.
    """

    run: RunArguments
    training: HybridMTLTrainingArguments
    tasks: dict[str, TaskEntry]
    resolved: dict[str, Any]
    phases: list[Phase] = field(default_factory=list)

    @property
    def task_configs(self) -> dict[str, TaskConfig]:
        """Return each task as the model's configuration has it."""
        return {name: entry.model for name, entry in self.tasks.items()}
