"""The batches of a run: sampled and counted by task."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader
from transformers import Trainer

from modeling_hybrid_mtl import TaskConfig
from trainer.config.streaming_checks import check_streams
from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.data import (
    SAMPLERS,
    Collator,
    MultitaskDataset,
    StreamedBatches,
    StreamedRows,
    TaskBatchSampler,
    TaskStream,
    make_task_schedule,
)
from trainer.data.label_weights import BALANCED, LabelWeights
from trainer.data.partial_labels import labeled_rows
from trainer.data.streaming import first_rows
from trainer.errors import InputError
from trainer.training.callbacks.progress import TaskProgress


class TaskBatches(Trainer):
    """The part of `HybridMTLTrainer` that creates and counts batches.

    Attributes:
        tasks: name -> the model's task.
        task_names: the training tasks in order.
        train_dataset: a `MultitaskDataset`.
    """

    args: HybridMTLTrainingArguments
    data_collator: Collator
    train_dataset: Any
    tasks: dict[str, TaskConfig]
    task_names: Sequence[str]
    progress: TaskProgress

    def _reset_counts(self) -> None:
        """Reset the counts of batches and rows."""
        self._batches_in_step: Counter[str] = Counter()
        self._rows_seen = 0
        self._parameters_outside_embeddings: int | None = None
        self._streamed: dict[str, StreamedBatches] = {}

    def get_train_dataloader(self) -> DataLoader:
        """Return a loader of steps, not prepared by accelerate: the sampler shards by itself."""
        if self.train_dataset is None:
            raise InputError("training needs a train_dataset")
        sampler = self.make_sampler()
        streams = sampler.streams.items()
        self._streamed = {t: s for t, s in streams if isinstance(s, StreamedBatches)}
        loader: Any = DataLoader(
            MultitaskDataset({**self.train_dataset.tasks, **self._streamed}),
            batch_sampler=sampler,
            collate_fn=self._training_collator(),
            num_workers=self.args.dataloader_num_workers,
            pin_memory=self.args.dataloader_pin_memory and self.args.device.type == "cuda",
            persistent_workers=self.args.dataloader_persistent_workers,
            prefetch_factor=self.args.dataloader_prefetch_factor,
            multiprocessing_context=self.args.dataloader_multiprocessing_context,
            in_order=self.args.dataloader_in_order,
        )
        # The training loop calls this method of the loader.
        loader.set_epoch = sampler.set_epoch
        self.progress.cycles = sampler.schedule.cycles
        self.progress.scheduled = len(sampler.schedule)
        self.progress.accumulated = self.args.gradient_accumulation_steps
        return loader

    def _training_collator(self) -> Any:
        """Return a collator that adds the weights of labels; print those of balanced classes."""
        weights = {}
        for name, rows in first_rows(self.train_dataset.tasks).items():
            task, option = self.tasks[name], self.args.task_training(name).class_weights
            weights[name] = LabelWeights.from_rows(name, task, rows, option)
            if option == BALANCED and self.args.process_index == 0:
                print(f"task '{name}': class weights: {weights[name].describe(task)}", flush=True)
        return Collator(self.tasks, self.data_collator.pad_token_id, weights)

    def make_sampler(self) -> TaskBatchSampler:
        """Return the sampler of the steps of an epoch and of their rows on this rank."""
        args = self.args
        seed = args.seed_of_data
        streams = self._streams(seed)
        # Only schedules that do not depend on it have streams of unknown length.
        passes = {task: stream.batches_per_pass or 1 for task, stream in streams.items()}
        schedule = make_task_schedule(
            args, passes, seed, args.config_of(SAMPLERS, args.task_sampling)
        )
        return TaskBatchSampler(schedule, streams, args.process_index, args.world_size)

    def _streams(self, seed: int) -> dict[str, TaskStream | StreamedBatches]:
        """Return each task's batches.

        In steps over a cycle, tasks with the same table and batch size draw the same rows, so that
        each text is encoded once for all of them.
        """
        args, tables = self.args, self.train_dataset.tasks
        streamed = {t: rows for t, rows in tables.items() if isinstance(rows, StreamedRows)}
        check_streams(args, {task: rows.num_rows for task, rows in streamed.items()})
        sizes = {t: args.task_training(t).batch_size * args.world_size for t in self.task_names}
        labeled = {
            t: labeled_rows(tables[t], t, self.tasks[t])
            for t in self.task_names
            if t not in streamed
        }
        self._check_complete(labeled)
        streams: dict[str, TaskStream | StreamedBatches] = {}
        for index, task in enumerate(self.task_names):
            if task in streamed:
                streams[task] = self._stream(streamed[task], sizes[task], [seed, index])
                continue
            group = [task]
            if args.step_every == "cycle":
                group = [t for t in self.task_names if tables[t] is tables[task]]
                group = [t for t in group if sizes[t] == sizes[task]]
            streams[task] = TaskStream(
                tables[task]["length"][:],
                sizes[task],
                # Seeded by the task's index, so that appending a task keeps the order of the
                # others.
                [seed, self.task_names.index(group[0])],
                args.length_window,
                args.dataloader_drop_last,
                labeled[task],
                np.flatnonzero(np.any([labeled[t] for t in group], axis=0)),
            )
        return streams

    def _check_complete(self, labeled: dict[str, np.ndarray]) -> None:
        """Check that processes can exchange batches of equal size."""
        for task, is_labeled in labeled.items():
            needs_all = self.tasks[task].label_type == "match" and self.args.world_size > 1
            if needs_all and not is_labeled.all():
                raise InputError(
                    f"task '{task}': {np.sum(~is_labeled)} training rows have no label, which is "
                    "not supported for ranking with several processes; remove these rows, or use "
                    "one process"
                )

    def _stream(self, rows: StreamedRows, batch_size: int, seed: list[int]) -> StreamedBatches:
        args = self.args
        return StreamedBatches(
            rows,
            batch_size,
            seed,
            args.length_window,
            args.dataloader_drop_last,
            args.process_index,
            args.world_size,
        )

    def get_batch_samples(
        self, epoch_iterator: Iterator, num_batches: int, device: torch.device
    ) -> tuple[list, None]:
        """Return the steps of one optimizer step; count the batches of each task in them."""
        steps, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        self._batches_in_step = Counter(task for step in steps for task in step)
        self._rows_seen += sum(len(batch["labels"]) for step in steps for batch in step.values())
        return steps, None

    def floating_point_ops(self, inputs: dict[str, dict[str, Tensor]]) -> float:
        """Return 6 x tokens x parameters outside the embeddings, summed over the batches."""
        if self._parameters_outside_embeddings is None:
            count = self.model.num_parameters(exclude_embeddings=True)
            self._parameters_outside_embeddings = count
        tokens = {  # by tensor: tasks of one table share theirs
            id(tensor): tensor.numel()
            for batch in inputs.values()
            for name, tensor in batch.items()
            if name.endswith("input_ids")
        }
        return 6.0 * sum(tokens.values()) * self._parameters_outside_embeddings

    def _finalize_training(self, trial: Any, num_train_samples: float, start_time: float) -> Any:
        # `Trainer` scales this number by the share of steps taken.
        share = (self.state.global_step - self._initial_global_step) / self.state.max_steps
        rows = self._rows_seen * self.args.world_size
        if self.is_world_process_zero():
            for stream in self._streamed.values():
                stream.rows.print_dropped()
        return super()._finalize_training(trial, rows / share if share else 0, start_time)
