"""Data in the order it flows: sources, columns, tokens, plans, batches."""

from trainer.data.batches import Collator, MultitaskDataset, PlanSampler, TaskStream
from trainer.data.columns import CheckedSplit, check_split
from trainer.data.sampling import SAMPLERS, STOP_RULES, RoundRobin, make_plans
from trainer.data.sources import RawSplit, TaskSource, load_split
from trainer.data.tokens import tokenize

__all__ = [
    "SAMPLERS",
    "STOP_RULES",
    "CheckedSplit",
    "Collator",
    "MultitaskDataset",
    "PlanSampler",
    "RawSplit",
    "RoundRobin",
    "TaskSource",
    "TaskStream",
    "check_split",
    "load_split",
    "make_plans",
    "tokenize",
]
