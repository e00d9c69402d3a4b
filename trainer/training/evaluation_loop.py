"""Evaluation and prediction of several tasks."""

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
from trainer.data.partial_labels import label_column, only_labeled
from trainer.data.row_checks import check_is_mapping, check_rows, missing_labels_error
from trainer.data.token_checks import Limits
from trainer.errors import InputError
from trainer.evaluation import overall_score, scored
from trainer.evaluation.predictions import TaskPredictions, predict_task, task_metrics
from trainer.training.callbacks.ema import AveragedWeights


class TaskEvaluation(Trainer):
    """The part of `HybridMTLTrainer` for evaluation and prediction.

    Attributes:
        tasks: name -> the model's task.
        averages: the averaged weights to evaluate instead of the model's, if any.
        measured: task -> the validation rows of evaluations during training.
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
        """Return the predictions for all labeled rows in their order, and their loss, by task."""
        return self._predict(self._rows_of(datasets, self.eval_dataset))

    def _rows_of(
        self, given: Mapping[str, Dataset] | None, default: Mapping[str, Dataset] | None
    ) -> Mapping[str, Dataset]:
        """Return the labeled ones of the given rows after a check, or the defaults if None."""
        if given is not None:
            self._check_labeled("eval_dataset", given)
        datasets = default if given is None else given
        if not datasets:
            raise InputError("evaluation requires an eval_dataset")
        return datasets if given is None else self._only_labeled(datasets)

    def _only_labeled(self, datasets: Mapping[str, Dataset]) -> dict[str, Dataset]:
        return {name: only_labeled(rows, name, self.tasks[name]) for name, rows in datasets.items()}

    def _check_labeled(self, argument: str, datasets: Any) -> None:
        """Check that rows belong to the model's tasks and have labels.

        Raises:
            InputError: naming the argument, the task and the problem.
        """
        for name, has_labels in self._have_labels(argument, datasets).items():
            if not has_labels:
                raise missing_labels_error(argument, name, datasets[name])

    def _have_labels(self, argument: str, datasets: Any) -> dict[str, bool]:
        """Check the rows of each task; return whether they have labels, by task."""
        check_is_mapping(argument, datasets)
        check_known(self.tasks, {argument: datasets})
        limits = Limits.from_model(self.model)
        return {
            name: check_rows(argument, name, rows, self.tasks[name], limits)
            for name, rows in datasets.items()
        }

    def _predict(self, datasets: Mapping[str, Dataset]) -> dict[str, TaskPredictions]:
        size = self.args.per_device_eval_batch_size
        global_size = size * self.args.world_size
        batches = range(sum(-(-len(rows) // global_size) for rows in datasets.values()))
        self.callback_handler.eval_dataloader = batches

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
        """Return all tasks' metrics and losses, their overall score and the sum of the losses.

        The score and the sum exclude auxiliary tasks. Tasks without labels have no metrics.
        """
        metrics = task_metrics(self.tasks, predictions, prefix)
        labeled = [task for task, entry in predictions.items() if entry.labels is not None]
        parts = self.args.score_parts({task: self.tasks[task] for task in labeled})
        main = [task for task, part in parts.items() if not part.auxiliary]
        if main:
            metrics[f"{prefix}_loss"] = sum(predictions[task].loss for task in main)
        if scored(parts):
            metrics[f"{prefix}_overall"] = overall_score(metrics, parts, prefix)
        return metrics

    def evaluate(
        self,
        eval_dataset: Mapping[str, Dataset] | None = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> dict[str, float]:
        """Evaluate all tasks.

        Between the first and the last step of a run, a task with `max_validation_rows` is evaluated
        on that many rows; otherwise on all.

        Returns:
            `eval_<task>_<metric>`, `eval_<task>_loss`, `eval_overall` and `eval_loss`; the last two
            exclude auxiliary tasks, and are missing if there are no others.
        """
        start = time.time()
        in_training = self.is_in_train and self.state.global_step > 0
        datasets = self._rows_of(eval_dataset, self.measured if in_training else self.eval_dataset)
        metrics = self.compute_all_metrics(self._predict(datasets), metric_key_prefix)
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
        """Return predictions, labels and metrics of all tasks.

        Args:
            test_dataset: task -> tokenized rows, with or without labels; labels that are all -1, as
                in the test splits of GLUE, count as none.
            ignore_keys: ignored, since other outputs of the model are not gathered.
            metric_key_prefix: prefix of the names of the metrics.

        Returns:
            `predictions`: task -> probabilities (N, C) or scores (N,), in the rows' order, or the
                vectors of both texts, (N, 2, D), for ranking; `label_ids`: task -> class indices or
                scores (N,), -100 or NaN for a row without a label, or None without labels;
                `metrics` of the labeled rows.

        Raises:
            InputError: naming task, column and row, if rows are invalid.
        """
        start = time.time()
        has_labels = self._have_labels("test_dataset", test_dataset)
        results = self._predict(
            {
                task: rows if has_labels[task] else _without_labels(task, rows)
                for task, rows in test_dataset.items()
            }
        )
        labeled = {name: task.labeled() for name, task in results.items()}
        metrics = self.compute_all_metrics(labeled, metric_key_prefix)
        rows = sum(map(len, test_dataset.values()))
        metrics.update(speed_metrics(metric_key_prefix, start, num_samples=rows))
        outputs: Any = {name: task.outputs for name, task in results.items()}
        labels: Any = {name: task.labels for name, task in results.items()}
        self.control = self.callback_handler.on_predict(
            self.args, self.state, self.control, metrics
        )
        return PredictionOutput(outputs, labels, metrics)


def _without_labels(task: str, rows: Dataset) -> Dataset:
    column = label_column(rows.column_names, task)
    return rows if column is None else rows.remove_columns(column)
