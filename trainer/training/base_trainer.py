"""Common base of training and pretraining on top of `transformers.Trainer`."""

import time
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PrinterCallback, TrainerControl
from transformers.trainer_callback import ProgressCallback
from transformers.trainer_utils import rotate_checkpoints

from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.optimization import make_schedule
from trainer.saving.checkpoints import PREFIX, atomic_checkpoint
from trainer.saving.sessions import Session
from trainer.training.callbacks.progress import TaskProgress
from trainer.training.callbacks.session_recorder import SessionRecorder
from trainer.training.callbacks.stop_on_signal import EvaluationStoppedError
from trainer.training.hub_pushes import PushesInTraining


class BaseTrainer(PushesInTraining):
    """A `Trainer` with this project's schedules, atomic checkpoints and no pickles."""

    args: HybridMTLTrainingArguments
    control: TrainerControl
    optimizer: Any
    lr_scheduler: Any
    _staging_dir: str | None = None  # parent folder of a checkpoint while it is written

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.progress = TaskProgress()
        self._replace_progress()
        self.add_callback(SessionRecorder())

    def _replace_progress(self) -> None:
        """Replace transformers' own bar or printer, but none that a caller has added."""
        for callback in self.callback_handler.callbacks:
            if type(callback) in (ProgressCallback, PrinterCallback):
                self.remove_callback(callback)
                self.add_callback(self.progress)
                return

    @property
    def sessions(self) -> list[Session]:
        """Return the sessions of the training so far, including those before an interruption."""
        recorders = [c for c in self.callback_handler.callbacks if isinstance(c, SessionRecorder)]
        return recorders[0].sessions

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> Any:
        """Create the schedule of all parameter groups, shared and per task."""
        if self.lr_scheduler is None:
            optimizer = self.optimizer if optimizer is None else optimizer
            self.lr_scheduler = make_schedule(optimizer, self.args, num_training_steps)
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def _init_training_state(self, *args: Any) -> Any:
        training_state = super()._init_training_state(*args)
        # A checkpoint of an interrupted evaluation records that the evaluation is still due.
        saved_control: Any = self.state.stateful_callbacks.get("TrainerControl", {})
        resumed = self.state.global_step > 0
        self._evaluation_is_due = resumed and saved_control.get("args", {}).get("should_evaluate")
        return training_state

    def _maybe_log_save_evaluate(
        self, tr_loss: Any, grad_norm: Any, model: nn.Module, trial: Any, *rest: Any, **options: Any
    ) -> None:
        try:
            super()._maybe_log_save_evaluate(tr_loss, grad_norm, model, trial, *rest, **options)
        except EvaluationStoppedError:
            self._save_checkpoint(model, trial)
            self.control = self.callback_handler.on_save(self.args, self.state, self.control)
            raise

    def _evaluate_if_due(self, trial: Any, checkpoint: str | None = None) -> None:
        """Repeat the evaluation that an interruption aborted, and save a checkpoint."""
        if not self._evaluation_is_due:
            return
        self._evaluation_is_due = False
        if checkpoint is not None:
            self._load_rng_state(checkpoint)  # also for the new checkpoint
        self.control.should_evaluate = self.control.should_save = True
        self._maybe_log_save_evaluate(
            self._tr_loss, None, self.model, trial, self.state.epoch, None, time.time()
        )

    def _finalize_training(self, trial: Any, *args: Any) -> Any:
        self._evaluate_if_due(trial)
        return super()._finalize_training(trial, *args)

    def _run_epoch(self, **rest: Any) -> None:
        self._evaluate_if_due(rest["trial"], rest["resume_from_checkpoint"])
        if self.control.should_training_stop:
            return  # early stopping after the repeated evaluation
        # A run resumed from its last step would otherwise run one more.
        if self.state.global_step >= self.state.max_steps:
            self.control.should_training_stop = True
            return
        super()._run_epoch(**rest)

    def _get_output_dir(self, trial: Any) -> str:
        return self._staging_dir or super()._get_output_dir(trial)

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """Save a checkpoint in a temporary folder, and rename it when it is complete."""
        run_folder = Path(self._get_output_dir(trial))
        target = run_folder / f"{PREFIX}{self.state.global_step}"
        best = run_folder / f"{PREFIX}{self.state.best_global_step}"
        with atomic_checkpoint(target) as staging:
            self._staging_dir = str(staging.parent)
            try:
                super()._save_checkpoint(model, trial)
            finally:
                self._staging_dir = None
            # `Trainer` looks for the best checkpoint in the temporary folder.
            if best == target or best.is_dir():
                self.state.best_model_checkpoint = str(best)
            if self.args.should_save:
                self.state.save_to_json(str(staging / "trainer_state.json"))
        if self.args.should_save:
            rotate_checkpoints(
                output_dir=str(run_folder),
                save_total_limit=self.args.save_total_limit,
                best_model_checkpoint=self.state.best_model_checkpoint,
            )

    def _save(self, output_dir: str | None = None, state_dict: dict | None = None) -> None:
        super()._save(output_dir, state_dict)
        # A pickle, which is unsafe to share and not needed to resume.
        Path(output_dir or self.args.output_dir, "training_args.bin").unlink(missing_ok=True)
