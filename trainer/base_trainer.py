"""What training on tasks and pretraining have in common beyond `transformers.Trainer`."""

from pathlib import Path
from typing import Any

import torch
from transformers import Trainer, TrainerControl

from trainer.arguments import HybridMTLTrainingArguments
from trainer.optimization import make_schedule
from trainer.sessions import Session, SessionRecorder


class BaseTrainer(Trainer):
    """A `Trainer` with this project's schedules, without pickles, that ends where it should."""

    args: HybridMTLTrainingArguments
    control: TrainerControl
    optimizer: Any
    lr_scheduler: Any

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.add_callback(SessionRecorder())

    @property
    def sessions(self) -> list[Session]:
        """What training took so far, the sessions before an interruption included."""
        recorders = [c for c in self.callback_handler.callbacks if isinstance(c, SessionRecorder)]
        return recorders[0].sessions

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> Any:
        """The shared schedule and the tasks', over the groups of the optimizer."""
        if self.lr_scheduler is None:
            optimizer = self.optimizer if optimizer is None else optimizer
            self.lr_scheduler = make_schedule(optimizer, self.args, num_training_steps)
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def _run_epoch(self, **rest: Any) -> None:
        # A run resumed from its last step within an epoch would take one more.
        if self.state.global_step >= self.state.max_steps:
            self.control.should_training_stop = True
            return
        super()._run_epoch(**rest)

    def _save(self, output_dir: str | None = None, state_dict: dict | None = None) -> None:
        super()._save(output_dir, state_dict)
        # A pickle that resuming does not read, and that nobody should be handed.
        Path(output_dir or self.args.output_dir, "training_args.bin").unlink(missing_ok=True)
