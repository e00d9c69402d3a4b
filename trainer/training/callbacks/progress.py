"""The progress of training for a person: named bars in a terminal, lines elsewhere, tables."""

import sys
import time
from collections.abc import Mapping
from typing import Any

from tqdm import tqdm
from transformers import TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ProgressCallback

from trainer.console import Cell, show, show_table
from trainer.evaluation.overall import ScorePart
from trainer.evaluation.score_changes import ScoreChange, score_changes

# With these values of `log_level`, only warnings and errors are shown.
QUIET = ("error", "critical")
# Without a terminal, a line at most every so many seconds.
SECONDS_BETWEEN_LINES = 10
_BAR = "{desc} {percentage:3.0f}%|{bar:10}| {n_fmt}/{total_fmt} · {remaining} left"


def is_quiet(args: TrainingArguments) -> bool:
    """Return whether only warnings and errors are shown."""
    return args.log_level in QUIET


class TaskProgress(ProgressCallback):
    """Shows the course of training in the first process.

    In a terminal a bar has the latest mean loss of each task; elsewhere, and with `disable_tqdm`, a
    line has it now and then. A table follows each evaluation. Nothing is shown with a quiet
    `log_level`. Losses are those that the trainer logs: the steps between are not slowed down.

    Attributes:
        name: of what is trained, on the bar.
        parts: task -> its part in the overall score; empty without tasks.
        cycles: cycles per epoch; None without tasks.
        scheduled: steps of the schedule per epoch.
        accumulated: steps of the schedule per optimizer step; the last of an epoch may have fewer.
    """

    def __init__(self) -> None:
        super().__init__()
        self.training_bar: tqdm | None = None
        self.prediction_bar: tqdm | None = None
        self.name = "training"
        self.parts: Mapping[str, ScorePart] = {}
        self.cycles: int | None = None
        self.scheduled = 1
        self.accumulated = 1
        self.losses: dict[str, str] = {}
        self._begin = self._last_line = 0.0
        self._first_step = 0

    def cycles_after(self, steps: int) -> int:
        """Return the number of cycles that are complete after a number of optimizer steps."""
        epochs, rest = divmod(steps, -(-self.scheduled // self.accumulated))
        cycles = self.cycles or 0
        return epochs * cycles + rest * self.accumulated * cycles // self.scheduled

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: Any = None,
        **kwargs: Any,
    ) -> None:
        """Show the length of training and the parameters, and start the bar."""
        self.losses = {}
        self._begin = self._last_line = time.monotonic()
        self._first_step = state.global_step
        if not _shows(args, state):
            return
        show(self._opening(args, state, model), style="bold")
        if state.global_step:
            show(f"resumed after step {state.global_step:,} of {state.max_steps:,}")
        if _has_bars(args):
            self.training_bar = tqdm(
                total=state.max_steps,
                initial=state.global_step,
                desc=self.name,
                bar_format=f"{_BAR}{{postfix}}",
                dynamic_ncols=True,
            )

    def _opening(self, args: TrainingArguments, state: TrainerState, model: Any) -> str:
        all_parameters = list(model.parameters())
        count = sum(p.numel() for p in all_parameters)
        trained = sum(p.numel() for p in all_parameters if p.requires_grad)
        cycles = self.cycles_after(state.max_steps)
        steps = f"{state.max_steps:,} steps" + (
            f" ({cycles:,} cycles)" if self.cycles and cycles != state.max_steps else ""
        )
        kept = f"all {count:,}" if trained == count else f"{trained:,} of {count:,}"
        return f"{self.name}: {steps}, {kept} parameters, written to {args.output_dir}"

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Move the bar."""
        if self.training_bar is not None:
            self.training_bar.update(state.global_step - self.training_bar.n)

    def on_prediction_step(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        eval_dataloader: Any = None,
        **kwargs: Any,
    ) -> None:
        """Move the bar of the evaluation, which disappears at its end."""
        if not (_shows(args, state) and _has_bars(args) and hasattr(eval_dataloader, "__len__")):
            return
        if self.prediction_bar is None:
            self.prediction_bar = tqdm(
                total=len(eval_dataloader),
                desc="evaluating",
                bar_format=_BAR,
                dynamic_ncols=True,
                leave=False,
            )
        self.prediction_bar.update(1)
        if self.prediction_bar.n >= self.prediction_bar.total:
            self._close_prediction_bar()

    def _close_prediction_bar(self) -> None:
        if self.prediction_bar is not None:
            self.prediction_bar.close()
        self.prediction_bar = None

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Show each task's loss on the bar or, now and then, in a line."""
        losses = {
            key.removeprefix("loss/"): f"{value:.2f}"
            for key, value in (logs or {}).items()
            if key.startswith("loss/") or (key == "loss" and not self.parts)
        }
        # A task without a batch since the last log keeps its loss.
        self.losses.update(losses)
        if self.training_bar is not None:
            if self.losses:
                self.training_bar.set_postfix_str(self._loss_text(), refresh=False)
        elif losses and _shows(args, state):
            self._show_line(state)

    def _show_line(self, state: TrainerState) -> None:
        now = time.monotonic()
        if now - self._last_line < SECONDS_BETWEEN_LINES:
            return
        self._last_line = now
        done = state.global_step - self._first_step
        left = (now - self._begin) / done * (state.max_steps - state.global_step)
        show(
            f"{self.name}: step {state.global_step:,}/{state.max_steps:,} · "
            f"{tqdm.format_interval(left)} left · {self._loss_text()}"
        )

    def _loss_text(self) -> str:
        if list(self.losses) == ["loss"]:
            return f"loss {self.losses['loss']}"
        return "loss " + ", ".join(f"{task} {value}" for task, value in self.losses.items())

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Show the main scores, their changes since the last evaluation and the best so far."""
        self._close_prediction_bar()
        # The prefix of all names, such as `eval`; every evaluation measures its time.
        prefixes = [k.removesuffix("_runtime") for k in metrics or {} if k.endswith("_runtime")]
        if not prefixes or not _shows(args, state):
            return
        if state.global_step == self._first_step:
            # An evaluation before the first step says nothing about the time of steps.
            self._begin = self._last_line = time.monotonic()
            if self.training_bar is not None:
                self.training_bar.start_t = self.training_bar.last_print_t = time.time()
        changes = score_changes(state.log_history, self.parts, prefixes[0])
        if changes:
            show(f"\nevaluation {_when(state)}", style="bold")
            show_table(["task", "metric", "score", "change", "best"], list(map(_row, changes)), 2)

    def on_predict(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Remove the bar of a prediction."""
        self._close_prediction_bar()

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """End the bar."""
        if self.training_bar is not None:
            self.training_bar.close()
        self.training_bar = None


def _when(state: TrainerState) -> str:
    if not state.global_step:
        return "before training"
    steps = f" of {state.max_steps:,}" if state.max_steps > 0 else ""
    epoch = f", epoch {state.epoch:.4g}" if state.epoch else ""
    return f"after step {state.global_step:,}{steps}{epoch}"


def _row(score: ScoreChange) -> list[Cell]:
    color = "green" if score.is_better else "red"
    change: Cell = "" if score.change is None else (f"{score.change:+.4f}", color)
    if score.change == 0:
        change = "0"
    best: Cell = f"{score.best:.4f} at step {score.best_step:,}"
    if score.is_best:
        best = ("this one *", "bold green")
    elif score.change is None:
        best = ""
    value: Cell = (f"{score.value:.4f}", "bold") if score.is_best else f"{score.value:.4f}"
    metric = "" if not score.task and score.metric == "overall" else score.metric
    return [score.task or score.metric, metric if score.task else "", value, change, best]


def _shows(args: TrainingArguments, state: TrainerState) -> bool:
    return state.is_world_process_zero and not is_quiet(args)


def _has_bars(args: TrainingArguments) -> bool:
    return not args.disable_tqdm and sys.stderr.isatty()
