"""Facts of how a run went, for the model card: its steps, its versions and its phases."""

from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from trainer.cards.facts import PhaseFacts
from trainer.config.settings import Phase
from trainer.saving.phase_records import PhaseRecord
from trainer.training.hybrid_trainer import HybridMTLTrainer

PACKAGES = ("hybrid-mtl", "torch", "transformers", "datasets", "evaluate", "accelerate")


def phase_facts(
    phases: Sequence[Phase], entries: Sequence[Mapping[str, Any]], records: Sequence[PhaseRecord]
) -> list[PhaseFacts]:
    """Return the facts of each phase, with the options in which it differs from the run."""
    return [
        PhaseFacts(
            name=phase.name,
            objective=phase.objective,
            tasks=phase.tasks,
            steps=record.steps,
            epochs=round(record.epochs, 2),
            seconds=round(record.seconds, 1),
            settings=_own_settings(entry),
        )
        for phase, record, entry in zip(phases, records, entries, strict=bool(phases))
    ]


def _own_settings(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return a phase's own options; those of its tasks as `task.option`."""
    own = {k: v for k, v in entry.items() if k not in ("name", "objective", "tasks")}
    for task, options in entry["tasks"].items():
        own |= {f"{task}.{option}": value for option, value in (options or {}).items()}
    return own


def run_facts(trainer: HybridMTLTrainer, records: Sequence[PhaseRecord]) -> dict[str, Any]:
    """Return the seeds, the length, the processes and the versions of a run."""
    args = trainer.args
    return {
        "seed": args.seed,
        "data_seed": args.seed_of_data,
        "epochs": round(trainer.state.epoch or 0.0, 2),
        "steps": trainer.state.global_step,
        "seconds": round(sum(record.seconds for record in records), 1),
        "processes": args.world_size,
        "versions": _versions(PACKAGES),
    }


def _versions(packages: Collection[str]) -> dict[str, str]:
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # such as this project, run from its folder alone
            continue
    return found
