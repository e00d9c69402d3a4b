"""The settings of a study."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainer.errors import InputError, did_you_mean
from trainer.evaluation.metrics import METRICS
from trainer.options import check_lowest, check_types
from trainer.search.merge import merge
from trainer.search.space import Space
from trainer.search.trials import Trial

METRIC_PREFIX = "eval_"
KEEP = ("best", "all")
ENGINES = ("processes", "ray")


@dataclass
class Study:
    """Many runs that differ in their options and seeds.

    Attributes:
        name: the name of the study's file, without its suffix.
        options: the configuration of which all runs start, as in a configuration file.
        output_dir: the folder of the study.
        method: `grid`, `random`, `tpe`, `asha`, `pbt` or `gpbt`.
        seeds: of the runs; every variant and every set of values is trained with each of them.
        variants: name -> changes to `options`.
        baseline: the variant that the others are compared with; the first if unset.
        combined: name -> task -> the variant whose run gives the task's metrics: runs with the same
            seed that the report counts as one, such as three models of a task each.
        space: option -> its values.
        trials: the number of sets of values that methods other than `grid` draw, or the number of
            members of a population.
        cycles: the length of each run, instead of the configuration's.
        minutes: the limit of the time of each run; the run ends with what it has.
        interval: the cycles between two decisions, of methods that decide during training.
        parallel: the number of runs at once.
        threads: of each run.
        engine: what trains the runs: `processes` of this machine, or `ray`.
        address: of a running Ray cluster, `HOST:PORT` or `auto`; Ray is started on this machine if
            unset.
        study_metric: the metric to compare by.
        keep: the models to keep on the disk, `best` (so far) or `all`.
        seed: of the search method's own draws.
        method_options: of the search method.
    """

    name: str
    options: dict[str, Any]
    output_dir: str
    method: str = "grid"
    seeds: list[int] = field(default_factory=lambda: [42])
    variants: dict[str, dict[str, Any]] = field(default_factory=dict)
    baseline: str | None = None
    combined: dict[str, dict[str, str]] = field(default_factory=dict)
    space: Space = field(default_factory=dict)
    trials: int | None = None
    cycles: int | None = None
    minutes: float | None = None
    interval: int | None = None
    parallel: int = 1
    threads: int = 1
    engine: str = "processes"
    address: str | None = None
    study_metric: str = "eval_overall"
    keep: str = "best"
    seed: int = 0
    method_options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        check_types(self)
        for name in ("output_dir", "method", "study_metric", "keep", "engine"):
            if not isinstance(getattr(self, name), str):
                raise InputError(f"{name} = {getattr(self, name)!r}: expected text")
        if not isinstance(self.method_options, Mapping):
            raise InputError(f"method_options = {self.method_options!r}: expected OPTION: value")
        check_lowest("seed", self.seed, 0)
        for name in ("trials", "cycles", "interval", "parallel", "threads"):
            if getattr(self, name) is not None:
                check_lowest(name, getattr(self, name), 1)
        if self.minutes is not None and not self.minutes > 0:
            raise InputError(f"minutes = {self.minutes}: must be above 0")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds) or min(self.seeds) < 0:
            raise InputError(
                f"seeds = {self.seeds}: must be different numbers from 0 on, at least one"
            )
        if not self.study_metric.startswith(METRIC_PREFIX):
            raise InputError(
                f"study_metric = {self.study_metric!r}: must be a validation metric, such as "
                "eval_overall"
            )
        for name, known in (("keep", KEEP), ("engine", ENGINES)):
            value = getattr(self, name)
            if value not in known:
                raise InputError(f"{name} = {value!r}: must be one of {', '.join(known)}")
        if self.address is not None and self.engine != "ray":
            raise InputError(f"address = {self.address}: is of a Ray cluster; set engine: ray")
        self.baseline = self._checked_baseline()
        self._check_combined()

    def _checked_baseline(self) -> str | None:
        if self.baseline is None:
            return next(iter(self.variants), None)
        if self.baseline not in self.variants:
            raise InputError(
                f"baseline = {self.baseline!r}: is none of the variants "
                f"({', '.join(self.variants) or 'there are none'})."
                f"{did_you_mean(self.baseline, self.variants)}"
            )
        return self.baseline

    def _check_combined(self) -> None:
        if not isinstance(self.combined, Mapping):
            raise InputError(f"combined = {self.combined!r}: expected NAME: {{TASK: VARIANT}}")
        for name, variants in self.combined.items():
            if name in self.variants or not isinstance(variants, Mapping) or len(variants) < 2:
                raise InputError(
                    f"combined: {name} = {variants!r}: expected a new name, and the variant of at "
                    "least two tasks"
                )
            for variant in map(str, variants.values()):
                if variant not in self.variants:
                    raise InputError(
                        f"combined: {name}: '{variant}' is none of the variants "
                        f"({', '.join(self.variants) or 'there are none'})."
                        f"{did_you_mean(variant, self.variants)}"
                    )

    @property
    def folder(self) -> Path:
        """Return the folder of the study."""
        return Path(self.output_dir)

    @property
    def greater_is_better(self) -> bool:
        """Return whether higher values of the study's metric are better."""
        if self.study_metric == f"{METRIC_PREFIX}overall":
            return True
        names = [name for name in METRICS if self.study_metric.endswith(f"_{name}")]
        return bool(names) and METRICS.entry(max(names, key=len)).greater_is_better

    def folder_of(self, trial: Trial) -> Path:
        """Return the output folder of a trial."""
        return self.folder / "trials" / trial.name

    def log_of(self, trial: Trial) -> Path:
        """Return the file to which a trial's output is appended."""
        return self.folder / "logs" / f"{trial.name}.txt"

    def options_of(self, trial: Trial, values: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the configuration of a trial, as in a configuration file.

        Args:
            trial: the trial.
            values: changes during training.
        """
        run: dict[str, Any] = {"seed": trial.seed, "output_dir": str(self.folder_of(trial))}
        if self.cycles is not None:
            run["max_steps"] = self.cycles
        changes = self.variants.get(trial.variant, {}), trial.values, values or {}
        return merge(self.options, *changes, run)
