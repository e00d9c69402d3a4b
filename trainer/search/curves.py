"""Learning curves: evaluations during training, kept beside the logs of a study."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from trainer.saving.files import write_json
from trainer.search.study import METRIC_PREFIX

Evaluations = dict[int, dict[str, float]]  # step -> metrics


def curve_file(log: Path) -> Path:
    """Return the file of the learning curve of the run with a log."""
    return log.with_suffix(".json")


class CurveWriter(TrainerCallback):
    """Writes the evaluations of a run to a JSON file, after each of them.

    Args:
        path: of the file: the name of a phase's folder, or of the run's -> its steps so far and its
            evaluations, also those before the checkpoint from which it was resumed. Of a member of
            a population these are its own, not those of the member that it copied.
    """

    def __init__(self, path: Path):
        self.path = path
        self._start = -1  # the step of the checkpoint from which this process goes on

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self._start = state.global_step if state.global_step else -1

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self._write(args, state)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self._write(args, state)

    def _write(self, args: TrainingArguments, state: TrainerState) -> None:
        if not state.is_world_process_zero:
            return
        phases = json.loads(self.path.read_text(encoding="utf-8")) if self.path.is_file() else {}
        name = Path(args.output_dir).name
        before = phases.get(name, {}).get("evaluations", [])
        own = [entry for entry in before if entry["step"] <= self._start]
        own += [
            {k: v for k, v in entry.items() if k == "step" or k.startswith(METRIC_PREFIX)}
            for entry in state.log_history
            if any(k.startswith(METRIC_PREFIX) for k in entry)
            and not (own and entry["step"] <= self._start)
        ]
        phases[name] = {"steps": state.global_step, "evaluations": own}
        write_json(self.path, phases)


def read_curve(path: Path) -> Evaluations:
    """Return the evaluations of a run; the steps of its phases are counted on."""
    if not path.is_file():
        return {}
    found: Evaluations = {}
    before = 0
    for phase in json.loads(path.read_text(encoding="utf-8")).values():
        for entry in phase["evaluations"]:
            # The first at a step: the best checkpoint may be evaluated again after training.
            found.setdefault(before + entry["step"], entry)
        before += phase["steps"]
    return found


def common_curve(
    curves: Iterable[Mapping[int, Mapping[str, float]]], metric: str
) -> dict[int, list[float]]:
    """Return step -> the values of a metric, for the steps at which all runs have one."""
    lines = [
        {step: entry[metric] for step, entry in curve.items() if entry.get(metric) is not None}
        for curve in curves
    ]
    steps = sorted(set.intersection(*map(set, lines))) if lines else []
    return {step: [line[step] for line in lines] for step in steps}
