"""The description of a prediction: its rows, tasks, output and limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trainer.errors import InputError, did_you_mean
from trainer.options import check_choice, check_output_columns
from trainer.prediction.sources import Inputs
from trainer.prediction.tables import ON_ERROR
from trainer.prediction.writers import WRITERS

TEXTS = ("text", "text_pair")
ENGINES = ("processes", "ray")


@dataclass(frozen=True)
class PredictionJob:
    """What to predict, and where to write it.

    Raises:
        InputError: naming the option that is wrong.

    Attributes:
        inputs: the rows.
        output: a file whose suffix is one of `WRITERS`, or with `rows_per_part` a folder of such
            files with this name.
        task: the task; all that fit the rows if None, whose columns then begin with their names.
        texts: `text` and `text_pair` -> their possible columns; one that is named otherwise only
            must be there.
        keep: columns of the input to write before the predictions.
        output_columns: all columns to write -> their names, instead.
        probabilities: whether to write the probability of every class.
        on_error: one of `ON_ERROR`, for rows without text.
        rows_per_part: rows of the input for each output file; None for one file.
        batch_size: rows per pass.
        workers: processes.
        threads: of each process; None to leave them as they are.
        engine: one of `ENGINES`: processes of this machine, or of a Ray cluster.
        address: of a running Ray cluster, `HOST:PORT` or `auto`; Ray is started on this machine if
            None.
        overwrite: whether to replace the output of another job.
        show_progress: whether to show a bar, or lines where there is no terminal.
        log: an answer log, for monitoring, that the answers are appended to; None without.
        log_groups: columns of the input whose values are logged.
        log_version: of the model, for the log; None for that of its repository.
        option_names: field -> its option, for messages; `--FIELD` if it is not here.
    """

    inputs: Inputs
    output: Path
    task: str | None = None
    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    keep: tuple[str, ...] = ()
    output_columns: Mapping[str, str] | None = None
    probabilities: bool = False
    on_error: str = "stop"
    rows_per_part: int | None = None
    batch_size: int = 32
    workers: int = 1
    threads: int | None = None
    engine: str = "processes"
    address: str | None = None
    overwrite: bool = False
    show_progress: bool = True
    log: Path | None = None
    log_groups: tuple[str, ...] = ()
    log_version: str | None = None
    option_names: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self):
        if self.output.suffix not in WRITERS:
            raise InputError(
                f"{self.option('output')} = '{self.output}': expected a name that ends in "
                f"{' or '.join(WRITERS)}"
            )
        if self.log_groups and self.log is None:
            raise InputError(
                f"{self.option('log_groups')}: has no effect without {self.option('log')}"
            )
        check_choice(self.option("engine"), self.engine, ENGINES)
        if self.address is not None and self.engine != "ray":
            raise InputError(
                f"{self.option('address')} = {self.address}: is of a Ray cluster; set "
                f"{self.option('engine')} ray"
            )
        check_choice(self.option("on_error"), self.on_error, ON_ERROR)
        for name in ("rows_per_part", "batch_size", "workers", "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{self.option(name)} = {value}: must be 1 or more")
        for name in self.texts:
            if name not in TEXTS:
                raise InputError(
                    f"{self.option('texts')}: '{name}' is not one of {', '.join(TEXTS)}."
                    f"{did_you_mean(name, TEXTS)}"
                )
        if len(set(self.keep)) < len(self.keep):
            raise InputError(f"{self.option('keep')} = {','.join(self.keep)}: names a column twice")
        if self.output_columns is not None:
            check_output_columns(self.option("output_columns"), self.output_columns)
            if self.keep:
                raise InputError(
                    f"{self.option('keep')} and {self.option('output_columns')}: choose one of the "
                    f"two; {self.option('output_columns')} names all columns"
                )

    def option(self, name: str) -> str:
        """Return the option of a field, for messages."""
        return self.option_names.get(name, f"--{name}")
