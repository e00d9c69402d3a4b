"""The training of one segment, in a process of its own."""

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from trainer.config.parser import parse_config
from trainer.errors import InputError
from trainer.runs.train import train
from trainer.saving.run_folder import CONFIG_FILE
from trainer.search.report.curves import CurveWriter, curve_file
from trainer.search.trials import Result
from trainer.training.callbacks.stop_on_signal import StoppedError


@dataclass(frozen=True)
class Request:
    """What a worker needs to train a segment.

    Attributes:
        options: the configuration, as in a file; `output_dir` is the trial's folder.
        log: the file to which the run's output is appended.
        metric: of the evaluation, the score.
        until: the step to pause at; None: train to the end.
        minutes: the limit of the time of training.
        folder: in which the configuration's extensions may lie.
    """

    options: Mapping[str, Any]
    log: str
    metric: str
    until: int | None = None
    minutes: float | None = None
    folder: str | None = None


class PausedError(StoppedError):
    """Raised when training pauses at the end of a segment; its checkpoint is saved."""


@dataclass
class Pause(TrainerCallback):
    """Evaluates, saves a checkpoint and pauses after a step.

    Attributes:
        until: the step.
        metrics: of the evaluation at that step.

    Raises:
        PausedError: from `Trainer.train`, after the checkpoint is saved.
    """

    until: int
    metrics: dict[str, float] = field(default_factory=dict)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if state.global_step == self.until:
            control.should_evaluate = control.should_save = True

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: Mapping[str, float],
        **_: Any,
    ) -> None:
        self.metrics = dict(metrics)

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if state.global_step == self.until:
            raise PausedError(f"paused after step {state.global_step}")


@dataclass
class TimeLimit(TrainerCallback):
    """Ends training after a time; the run is finished as if this had been its last step.

    Attributes:
        minutes: the limit, measured from the first step of this process.
    """

    minutes: float
    _begin: float = 0.0

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self._begin = time.monotonic()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if time.monotonic() - self._begin > 60 * self.minutes:
            control.should_training_stop = True


def run_segment(request: Request) -> Result | None:
    """Train a segment, from its trial's last checkpoint if there is one.

    Returns:
        Its result; None if a signal stopped it, with a checkpoint.
    """
    begin = time.monotonic()
    _redirect_output(Path(request.log))
    try:
        metrics = _train(request)
    except StoppedError:
        return None
    except Exception as error:  # whatever ends a run: the search goes on without it
        return Result(None, {}, time.monotonic() - begin, _one_line(error))
    seconds = time.monotonic() - begin
    if request.metric not in metrics:
        return Result(None, metrics, seconds, f"there is no metric '{request.metric}'")
    return Result(metrics[request.metric], metrics, seconds)


def _train(request: Request) -> dict[str, float]:
    folder = Path(request.options["output_dir"])
    if (folder / "README.md").is_file():  # finished, but the search was killed before it knew
        return json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    begun = (folder / CONFIG_FILE).is_file()
    options = {**request.options, "resume": begun, "overwrite_output_dir": False}
    extensions = None if request.folder is None else Path(request.folder)
    settings = parse_config(options, "study", extensions)
    callbacks: list[TrainerCallback] = [CurveWriter(curve_file(Path(request.log)))]
    if request.minutes is not None:
        callbacks.append(TimeLimit(request.minutes))
    if request.until is None:
        return train(settings, callbacks, reads_test=False)
    pause = Pause(request.until)
    try:
        return train(settings, [*callbacks, pause], reads_test=False)
    except PausedError:
        return pause.metrics


def _one_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [""]
    text = lines[0] if isinstance(error, InputError) else f"{type(error).__name__}: {lines[0]}"
    return text[:500]


def _redirect_output(log: Path) -> None:
    """Append what this process and the libraries in it print to a file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)
