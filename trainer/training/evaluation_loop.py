"""What `Trainer` calls evaluation and prediction, for several tasks at a time."""

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from datasets import Dataset
from transformers import Trainer, TrainerControl
from transformers.trainer_utils import PredictionOutput, speed_metrics

from modeling_hybrid_mtl import TaskConfig
from trainer.config.task_checks import check_known
from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.data import Collator
from trainer.data.given_rows import check_is_mapping, check_rows, missing_labels_error
from trainer.data.given_tokens import Limits
from trainer.errors import InputError
from trainer.evaluation.metrics import overall_score
from trainer.evaluation.predictions import TaskPredictions, predict_task, task_metrics
from trainer.training.callbacks.ema import AveragedWeights


class TaskEvaluation(Trainer):
    """The half of `HybridMTLTrainer` that measures a model and asks it for answers.

    Attributes:
        tasks: name -> the model's task.
        averages: the averaged weights that are measured instead of the model's own, if any.
        measured: task -> the validation rows that are measured while training goes on.
    """

    args: HybridMTLTrainingArguments
    control: TrainerControl
    data_collator: Collator
    tasks: dict[str, TaskConfig]
    averages: AveragedWeights | None
    measured: Mapping[str, Dataset] | None

    def predict_tasks(
        self, datasets: Mapping[str, Dataset] | None = None
    ) -> dict[str, TaskPredictions]:
        """Predictions for every row of every task, in the rows' order, and each mean loss."""
        return self._answer(self._rows_of(datasets, self.eval_dataset))

    def _rows_of(
        self, given: Mapping[str, Dataset] | None, own: Mapping[str, Dataset] | None
    ) -> Mapping[str, Dataset]:
        """What is given, checked, or the trainer's own."""
        if given is not None:
            self._check("eval_dataset", given)
        found = own if given is None else given
        if not found:
            raise InputError("evaluation needs an eval_dataset")
        return found

    def _check(self, place: str, datasets: Any) -> None:
        """Make sure that rows are of the model's tasks, and have labels.

        Raises:
            InputError: naming the place, the task and what is wrong.
        """
        for name, has_labels in self._labelled(place, datasets).items():
            if not has_labels:
                raise missing_labels_error(place, name, datasets[name])

    def _labelled(self, place: str, datasets: Any) -> dict[str, bool]:
        """Each task's name, and whether its rows, which are checked, have labels."""
        check_is_mapping(place, datasets)
        check_known(self.tasks, {place: datasets})
        limits = Limits.from_model(self.model)
        return {
            name: check_rows(place, name, rows, self.tasks[name], limits)
            for name, rows in datasets.items()
        }

    def _answer(self, datasets: Mapping[str, Dataset]) -> dict[str, TaskPredictions]:
        size = self.args.per_device_eval_batch_size
        at_once = size * self.args.world_size
        total = range(sum(-(-len(rows) // at_once) for rows in datasets.values()))
        self.callback_handler.eval_dataloader = total

        def advance() -> None:
            self.control = self.callback_handler.on_prediction_step(
                self.args, self.state, self.control
            )

        with self._averaged():
            return {
                task: predict_task(
                    self.model,
                    task,
                    rows,
                    self.data_collator,
                    batch_size=size,
                    accelerator=self.accelerator,
                    on_batch=advance,
                )
                for task, rows in datasets.items()
            }

    def _averaged(self) -> AbstractContextManager[None]:
        return nullcontext() if self.averages is None else self.averages.in_place()

    def compute_all_metrics(
        self, predictions: Mapping[str, TaskPredictions], prefix: str = "eval"
    ) -> dict[str, float]:
        """Every task's metrics and loss by name, their overall score and the sum of the losses.

        Auxiliary tasks have no part in the score and the sum, which stand for the model's use. Of
        tasks without labels there are none of all these.
        """
        metrics = task_metrics(self.tasks, predictions, prefix)
        unscored = self.args.unscored_tasks
        labelled = [task for task, found in predictions.items() if found.labels is not None]
        kinds = {task: self.tasks[task].kind for task in labelled if task not in unscored}
        if kinds:
            metrics[f"{prefix}_loss"] = sum(predictions[task].loss for task in kinds)
            metrics[f"{prefix}_overall"] = overall_score(metrics, kinds, prefix)
        return metrics

    def evaluate(
        self,
        eval_dataset: Mapping[str, Dataset] | None = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> dict[str, float]:
        """Every task's metrics by name, their overall score, and the sum of the losses.

        Between a run's first step and its last, a task with `max_validation_rows` is measured on
        so many rows; else on all.

        Returns:
            `eval_<task>_<metric>`, `eval_<task>_loss`, `eval_overall` and `eval_loss`; the last
            two without auxiliary tasks, and not at all if only these have rows.
        """
        start = time.time()
        between = self.is_in_train and self.state.global_step > 0
        datasets = self._rows_of(eval_dataset, self.measured if between else self.eval_dataset)
        metrics = self.compute_all_metrics(self._answer(datasets), metric_key_prefix)
        rows = sum(map(len, datasets.values()))
        metrics.update(speed_metrics(metric_key_prefix, start, num_samples=rows))
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def predict(
        self,
        test_dataset: Mapping[str, Dataset],
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "test",
    ) -> PredictionOutput:
        """Every task's answers, labels and metrics.

        Args:
            test_dataset: task -> tokenised rows, with labels or without: those of GLUE's test
                splits, all -1, count as none.
            ignore_keys: has no effect: a model's other outputs are not gathered.
            metric_key_prefix: what the metrics' names begin with.

        Returns:
            `predictions`: task -> probabilities (N, C) or scores (N,), in the rows' order;
            `label_ids`: task -> class indices or scores (N,), or None without labels; `metrics` of
            the tasks with labels.

        Raises:
            InputError: naming task, column and row, if rows are not what the model reads.
        """
        start = time.time()
        has_labels = self._labelled("test_dataset", test_dataset)
        found = self._answer(
            {
                task: rows if has_labels[task] else _without_labels(rows)
                for task, rows in test_dataset.items()
            }
        )
        metrics = self.compute_all_metrics(found, metric_key_prefix)
        rows = sum(map(len, test_dataset.values()))
        metrics.update(speed_metrics(metric_key_prefix, start, num_samples=rows))
        answers: Any = {name: task.outputs for name, task in found.items()}
        labels: Any = {name: task.labels for name, task in found.items()}
        self.control = self.callback_handler.on_predict(
            self.args, self.state, self.control, metrics
        )
        return PredictionOutput(answers, labels, metrics)


def _without_labels(rows: Dataset) -> Dataset:
    return rows.remove_columns("labels") if "labels" in rows.column_names else rows
