"""The training of one segment: from a checkpoint to the next pause, or to the end of the run.

A segment depends on its configuration and on the checkpoint that it begins from, and on nothing
else: it can be killed anywhere and trained again.
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from trainer.config.parser import parse_config
from trainer.config.settings import Settings
from trainer.config.yaml_text import to_yaml
from trainer.errors import InputError
from trainer.runs.train import train
from trainer.saving.checkpoints import (
    LIST_FILE,
    PREFIX,
    atomic_checkpoint,
    find_checkpoint,
    find_damage,
)
from trainer.saving.files import write_text
from trainer.saving.run_folder import CHECKPOINTS, CONFIG_FILE
from trainer.search.curves import CurveWriter, curve_file
from trainer.search.time_limit import TimeLimit
from trainer.training.callbacks.stop_on_signal import StoppedError

_STATE = "trainer_state.json"


@dataclass(frozen=True)
class Request:
    """What a worker needs to train a segment.

    Attributes:
        options: the configuration, as in a file; `output_dir` is the trial's folder.
        log: the file to which the run's output is appended.
        metric: of the evaluation, the score.
        until: the step to pause at; None: train to the end.
        begin: the kept checkpoint to begin from, maybe of another trial; None: the first step.
        keep: what the checkpoint of step `until` is kept as, beside the run's own, which training
            may delete.
        minutes: the limit of the time of training.
        folder: in which the configuration's extensions may lie.
    """

    options: Mapping[str, Any]
    log: str
    metric: str
    until: int | None = None
    begin: str | None = None
    keep: str | None = None
    minutes: float | None = None
    folder: str | None = None


class PausedError(StoppedError):
    """Raised when training pauses at the end of a segment; its checkpoint is saved."""


@dataclass
class Pause(TrainerCallback):
    """Evaluates, saves a checkpoint and pauses after a step.

    Attributes:
        until: the step.

    Raises:
        PausedError: from `Trainer.train`, after the checkpoint is saved.
    """

    until: int

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if state.global_step == self.until:
            control.should_evaluate = control.should_save = True

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if state.global_step == self.until:
            raise PausedError(f"paused after step {state.global_step}")


def train_segment(request: Request) -> dict[str, float]:
    """Train a segment, or what is left of it.

    Returns:
        The metrics of the evaluation at its end.

    Raises:
        StoppedError: if a signal stopped it, with a checkpoint.
    """
    if request.until is not None and request.keep is None:
        raise ValueError("a segment that pauses needs a place to keep its checkpoint")
    folder = Path(str(request.options["output_dir"]))
    if request.until is None and (folder / "README.md").is_file():
        # Finished, but the search was killed before it could record that.
        return json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    extensions = None if request.folder is None else Path(request.folder)
    resumed = request.begin is not None or (folder / CONFIG_FILE).is_file()
    options = {**request.options, "resume": resumed, "overwrite_output_dir": False}
    settings = parse_config(options, "study", extensions)
    if request.begin is not None:
        _begin(settings, Path(request.begin), folder)
    callbacks: list[TrainerCallback] = [CurveWriter(curve_file(Path(request.log)))]
    if request.minutes is not None:
        callbacks.append(TimeLimit(request.minutes))
    if request.until is None:
        return train(settings, callbacks, reads_test=False)
    return _train_and_pause(settings, callbacks, request.until, Path(str(request.keep)))


def _train_and_pause(
    settings: Settings, callbacks: list[TrainerCallback], until: int, kept: Path
) -> dict[str, float]:
    if find_damage(kept) is None:  # finished, but the search was killed before it could record that
        return _evaluation_at(until, kept)
    saved = Path(settings.training.output_dir) / f"{PREFIX}{until}"
    # Saved before its evaluation if a signal aborted that; then training repeats it, and no step.
    if find_damage(saved) is not None or not _evaluation_at(until, saved):
        try:
            train(settings, [*callbacks, Pause(until)], reads_test=False)
        except PausedError:
            pass
        else:
            raise InputError(f"the training ended before step {until}, at which it was to pause")
    _link_checkpoint(saved, kept)
    return _evaluation_at(until, kept)


def _begin(settings: Settings, begin: Path, folder: Path) -> None:
    """Put a kept checkpoint into a trial's folder, unless the segment has saved later ones."""
    start = int(begin.name.removeprefix(PREFIX))
    last = find_checkpoint(folder)
    if last is not None and int(last.name.removeprefix(PREFIX)) > start:
        return
    damage = find_damage(begin)
    if damage is not None:
        raise InputError(f"'{begin}', from which the segment begins: {damage}")
    is_own = begin.parent.name == folder.name
    if not is_own:
        for old in folder.glob(CHECKPOINTS):
            shutil.rmtree(old)
    folder.mkdir(parents=True, exist_ok=True)
    # A run goes on with the options that it began with: those of this segment.
    write_text(folder / CONFIG_FILE, to_yaml(settings.resolved))
    # The best checkpoint of another trial is not in this folder: the choice begins anew.
    best = ("best_metric", "best_global_step", "best_model_checkpoint")
    changes = {} if is_own else dict.fromkeys(best)
    _link_checkpoint(begin, folder / begin.name, changes)


def _link_checkpoint(source: Path, target: Path, changes: Mapping[str, Any] | None = None) -> None:
    """Make a checkpoint appear in a second place, with hard links if the disk has them.

    Args:
        source: the checkpoint, whose files are never written again.
        target: its second place.
        changes: entries of `trainer_state.json` that differ there.
    """
    with atomic_checkpoint(target) as staging:
        for path in sorted(source.rglob("*")):
            copy = staging / path.relative_to(source)
            if path.is_dir():
                copy.mkdir()
            elif path.name == _STATE and changes:
                state = json.loads(path.read_text(encoding="utf-8")) | dict(changes)
                copy.write_text(json.dumps(state, indent=2, sort_keys=True) + "\n", "utf-8")
            elif path.name != LIST_FILE:  # written anew
                _link(path, copy)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without links
        shutil.copy2(source, target)


def _evaluation_at(step: int, checkpoint: Path) -> dict[str, float]:
    """Return the metrics of the evaluation at a checkpoint's step; empty if there is none."""
    history = json.loads((checkpoint / _STATE).read_text(encoding="utf-8"))["log_history"]
    found = [e for e in history if e["step"] == step and any(k.startswith("eval_") for k in e)]
    if not found:
        return {}
    return {name: value for name, value in found[-1].items() if name not in ("step", "epoch")}
