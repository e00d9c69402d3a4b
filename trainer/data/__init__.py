"""Data, in the order of processing: sources, columns, tokens, task schedule, batches."""

from trainer.data.batches import Collator, MultitaskDataset, TaskBatchSampler, TaskStream
from trainer.data.checked_split import CheckedSplit
from trainer.data.columns import check_split
from trainer.data.prepare import prepare
from trainer.data.readers import RawSplit, ReadOptions, read_rows, to_rows
from trainer.data.sampling import SAMPLERS, STOPPING_STRATEGIES, RoundRobin, make_task_schedule
from trainer.data.sources import load_split
from trainer.data.streaming import StreamedBatches, StreamedRows, stream_rows
from trainer.data.task_source import TaskSource
from trainer.data.tokens import tokenize

__all__ = [
    "SAMPLERS",
    "STOPPING_STRATEGIES",
    "CheckedSplit",
    "Collator",
    "MultitaskDataset",
    "TaskBatchSampler",
    "RawSplit",
    "ReadOptions",
    "RoundRobin",
    "StreamedBatches",
    "StreamedRows",
    "TaskSource",
    "TaskStream",
    "check_split",
    "load_split",
    "make_task_schedule",
    "prepare",
    "read_rows",
    "stream_rows",
    "to_rows",
    "tokenize",
]
