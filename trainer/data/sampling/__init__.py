"""Task schedules: the tasks of each optimizer step."""

from trainer.data.sampling.options import SamplingOptions
from trainer.data.sampling.round_robin import RoundRobin, StepTasks
from trainer.data.sampling.single_task_steps import Fixed, Sampled, shares_of_tasks
from trainer.data.sampling.task_schedule import (
    STOPPING_STRATEGIES,
    TaskSchedule,
    check_sampling,
    make_task_schedule,
)
from trainer.registry import SAMPLERS

__all__ = [
    "SAMPLERS",
    "STOPPING_STRATEGIES",
    "Fixed",
    "StepTasks",
    "SamplingOptions",
    "TaskSchedule",
    "RoundRobin",
    "Sampled",
    "check_sampling",
    "make_task_schedule",
    "shares_of_tasks",
]
