"""Plans: which task's batch comes next, and which batches make up each optimizer step."""

from trainer.data.sampling.choice import STOP_RULES, Plans, check_sampling, make_plans
from trainer.data.sampling.options import SamplingOptions
from trainer.data.sampling.round_robin import Plan, RoundRobin
from trainer.data.sampling.turns import Fixed, Sampled, shares_of_tasks
from trainer.registry import SAMPLERS

__all__ = [
    "SAMPLERS",
    "STOP_RULES",
    "Fixed",
    "Plan",
    "SamplingOptions",
    "Plans",
    "RoundRobin",
    "Sampled",
    "check_sampling",
    "make_plans",
    "shares_of_tasks",
]
