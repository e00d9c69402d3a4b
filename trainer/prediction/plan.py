"""The plan of a prediction: a job's tasks and columns, for a model and rows that are at hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from modeling_hybrid_mtl import HybridMTLPipeline
from trainer.data.raw_rows import TEXT_COLUMNS
from trainer.errors import InputError, did_you_mean, join_truncated
from trainer.prediction.job import TEXTS, PredictionJob
from trainer.prediction.predictor import Predictor
from trainer.prediction.table_log import TableLog
from trainer.prediction.tables import PredictionTables


@dataclass(frozen=True)
class Plan:
    """A job with all that it leaves open.

    Attributes:
        job: the job.
        tasks: the tasks to predict.
        texts: `text` and, for pairs, `text_pair` -> column of the input.
        columns: column of the predictions or of the input -> its name in the output.
        schema: of the output.
        max_length: most tokens of a row that are read.
    """

    job: PredictionJob
    tasks: list[str]
    texts: dict[str, str]
    columns: dict[str, str]
    schema: pa.Schema
    max_length: int


def make_plan(
    job: PredictionJob, pipe: HybridMTLPipeline, schemas: Sequence[tuple[str, pa.Schema]]
) -> Plan:
    """Return the plan of a job.

    Args:
        job: the job.
        pipe: the model's pipeline.
        schemas: the location and columns of each source of rows.

    Raises:
        InputError: if a column or task is missing, or no task fits the rows.
    """
    location, given = schemas[0]
    texts = _text_columns(job, pipe.model.config, location, given.names)
    tasks = _fitting_tasks(job, pipe.model.config.tasks, texts, location)
    tables = make_tables(job, pipe, tasks, texts)
    option = job.option("keep" if job.output_columns is None else "output_columns")
    try:
        columns = dict(job.output_columns or tables.default_columns(job.keep))
        schema = tables.schema(columns, given)
    except InputError as error:
        raise InputError(f"{option}: {error}") from error
    needed = [*texts.values(), *(name for name in columns if name not in tables.types)]
    check_groups(job, given.names)
    needed += job.log_groups
    unread = [job.texts.get(name, (name,)) for name in TEXTS if name not in texts]
    for place, other in schemas[1:]:
        extra = [n for names in unread for n in names if job.task is None and n in other.names]
        if extra:
            raise InputError(
                f"{place}: has a column '{extra[0]}' of texts, which {location} has not; predict "
                "them by two commands"
            )
        missing = [name for name in needed if name not in other.names]
        if missing:
            raise InputError(
                f"{place}: there is no column '{missing[0]}', which {location} has (found: "
                f"{join_truncated(other.names)})"
            )
    return Plan(job, tasks, texts, columns, schema, tables.predictor.max_length)


def make_tables(
    job: PredictionJob, pipe: HybridMTLPipeline, tasks: Sequence[str], texts: Mapping[str, str]
) -> PredictionTables:
    """Return the tables of predictions of some tasks and text columns."""
    predictor = Predictor(
        pipe,
        tasks,
        prefixed=job.task is None,
        probabilities=job.probabilities,
        batch_size=job.batch_size,
    )
    option = job.option("on_error")
    remedy = (
        f"leave such rows out with {option} skip, or write them without predictions with {option} "
        f"null"
    )
    log = None
    if job.log is not None:
        prefixes = {name: f"{name}_" if job.task is None else "" for name in tasks}
        log = TableLog(job.log, pipe, job.log_version, prefixes, job.log_groups)
    return PredictionTables(predictor, texts, job.on_error, remedy, log)


def check_groups(job: PredictionJob, names: Sequence[str]) -> None:
    """Check that the logged columns are those of the input.

    Raises:
        InputError: naming the first that is none.
    """
    for name in job.log_groups:
        if name not in names:
            raise InputError(
                f"{job.option('log_groups')}: there is no column '{name}' (found: "
                f"{join_truncated(list(names))}).{did_you_mean(name, names)}"
            )


def _text_columns(
    job: PredictionJob, config: Any, location: str, names: Sequence[str]
) -> dict[str, str]:
    """Return `text` and, for pairs, `text_pair` -> column of the rows."""
    required: tuple[str, ...] = ("text",)
    if job.task in config.tasks:
        required = TEXT_COLUMNS[config.task(job.task).input]
    found = {}
    for name in TEXTS:
        candidates = job.texts.get(name, (name,))
        column = next((candidate for candidate in candidates if candidate in names), None)
        is_read = name in required or job.task not in config.tasks
        if column is not None and is_read:
            found[name] = column
        elif name in required or (is_read and name not in candidates):
            expected = "' or '".join(dict.fromkeys(candidates))
            raise InputError(
                f"{location}: there is no column '{expected}' (found: "
                f"{join_truncated(list(names))}); name it with {job.option('texts')} {name}=COLUMN"
            )
    return found


def _fitting_tasks(
    job: PredictionJob, tasks: Mapping[str, Any], texts: Mapping[str, str], location: str
) -> list[str]:
    """Return the task that is named, or all that have such inputs."""
    if job.task is not None:
        if job.task not in tasks:
            raise InputError(
                f"{job.option('task')}: no task '{job.task}' in this model ({', '.join(tasks)})."
                f"{did_you_mean(job.task, tasks)}"
            )
        return [job.task]
    kind = "pair" if "text_pair" in texts else "single"
    fitting = [name for name, entry in tasks.items() if entry["input"] == kind]
    if not fitting:
        missing = "two texts" if kind == "pair" else "one text; pairs have a column text_pair"
        raise InputError(f"{location}: this model has no task for {missing}")
    return fitting
