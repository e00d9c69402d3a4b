"""Phases: stretches of training one after the other, each with tasks and options of its own."""

from trainer.phases.options import PhaseEntry, read_phases

__all__ = ["PhaseEntry", "read_phases"]
