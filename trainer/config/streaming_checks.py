"""Checks of options against tasks whose training rows are streamed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from trainer.data.label_weights import BALANCED
from trainer.errors import InputError

if TYPE_CHECKING:
    from trainer.config.settings import Phase
    from trainer.config.tasks import TaskEntry
    from trainer.config.training_arguments import HybridMTLTrainingArguments

# Their order of tasks does not depend on the number of rows.
_BY_CYCLES = ("round_robin", "uniform", "fixed")


def check_streams(args: HybridMTLTrainingArguments, rows: Mapping[str, int | None]) -> None:
    """Check that streamed rows can be sampled.

    Args:
        args: the trainer's arguments.
        rows: streamed task -> its number of rows, None if it is not given.

    Raises:
        InputError: naming the option that needs the number of rows, or cannot be used.
    """
    if rows and args.dataloader_num_workers:
        raise InputError(
            f"dataloader_num_workers = {args.dataloader_num_workers}: the rows of task "
            f"'{next(iter(rows))}' are streamed, which takes place in the training process; unset "
            "it"
        )
    for name in (name for name, number in rows.items() if number is None):
        if args.task_sampling not in _BY_CYCLES:
            raise InputError(
                f"task_sampling = '{args.task_sampling}': needs the number of rows of task "
                f"'{name}', which are streamed; set its train_rows, or use task_sampling: "
                f"{' or '.join(_BY_CYCLES)}"
            )
        if args.cycles_per_epoch is None:
            raise InputError(
                f"task '{name}': streaming: the length of an epoch is unknown without the number "
                "of rows; set cycles_per_epoch, or the task's train_rows"
            )


def check_streamed_tasks(
    tasks: Mapping[str, TaskEntry], folds: int | None, phases: Iterable[Phase] = ()
) -> None:
    """Check that nothing needs all training rows of a streamed task at once.

    Args:
        tasks: the run's tasks.
        folds: the number of folds, if any.
        phases: the phases of the run.

    Raises:
        InputError: naming the task and the option.
    """
    for name in (name for name, entry in tasks.items() if entry.source.streaming):
        needs = {
            **_of_entry(tasks[name]),
            f"folds = {folds}": folds is not None,
            **{
                f"label_generator of task '{other}'": name in (entry.derived.source_tasks or ())
                for other, entry in tasks.items()
            },
            **{
                f"phase '{phase.name}', objective {phase.objective}": name in phase.tasks
                for phase in phases
                if phase.objective != "tasks"
            },
        }
        for option, is_set in needs.items():
            if is_set:
                raise InputError(
                    f"task '{name}': streaming: {option}: needs all training rows of the task at "
                    "once; change it, or unset streaming"
                )


def _of_entry(entry: TaskEntry) -> dict[str, bool]:
    """Return what a task's entry has that needs all training rows, and whether it is set."""
    source, model = entry.source, entry.model
    return {
        f"validation_split = {source.validation_split}": source.validation_share is not None,
        "augmentation": bool(entry.augmentation.augmentation),
        f"class_weights = {BALANCED}": entry.training.class_weights == BALANCED,
        # Which are scaled to a mean of 1.
        "columns: weight": "weight" in source.columns,
        # Whether a list is multi-hot or of indices is recognized from all rows.
        "two labels in one column (instead, columns: {label: [FIRST, SECOND]} of 0 and 1)": (
            model.output_type == "labels"
            and len(model.labels or []) < 3
            and not isinstance(source.columns.get("label"), list)
        ),
    }
