"""What a model's answers were like when it was trained, without texts.

Three files in the folder `monitoring` beside the model: `reference.json` with counts and rates,
`reference.safetensors` with samples of numbers, and `vectors.safetensors` with sentence vectors,
which no push publishes, since texts can be guessed from them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from trainer.errors import InputError
from trainer.monitoring.answers import NUMBERS, Answers, Floats, TaskKind
from trainer.saving.files import atomic_dir, write_json

FOLDER = "monitoring"
COUNTS, SAMPLES, VECTORS = "reference.json", "reference.safetensors", "vectors.safetensors"
FORMAT = 1
MAX_VALUES = 2000
MAX_VECTORS = 500
_SEED = 20_140_504


@dataclass(frozen=True, eq=False)
class Rates:
    """Counts and samples of answers, each sample in an order of its own.

    Attributes:
        n: the number of answers.
        hits: answers with each label, (C,).
        truncated: answers to texts that were truncated.
        samples: measure -> sorted values, at most `MAX_VALUES`; measures without values are left
            out.
        right: answers that equal the label of their row, of `labeled` ones.
        labeled: answers to rows with a label; 0 for scores.
    """

    n: int
    hits: NDArray[np.int64]
    truncated: int
    samples: Mapping[str, Floats]
    right: int = 0
    labeled: int = 0


def rates_of(answers: Answers, right: int = 0, labeled: int = 0) -> Rates:
    """Return the rates of answers; of more values than `MAX_VALUES`, a random sample."""
    random = np.random.default_rng(_SEED)
    samples = {}
    for name in NUMBERS:
        values = answers.known(name)
        if len(values) > MAX_VALUES:
            values = random.choice(values, MAX_VALUES, replace=False)
        if len(values):
            samples[name] = np.sort(values)
    hits = answers.hits.sum(axis=0, dtype=np.int64)
    return Rates(len(answers), hits, int(answers.truncated.sum()), samples, right, labeled)


@dataclass(frozen=True, eq=False)
class TaskReference:
    """The reference of a task.

    Attributes:
        kind: what its answers are.
        rates: of all answers.
        groups: (column, value) -> rates of the answers to its rows.
        vectors: of at most `MAX_VECTORS` texts, (K, H); None without.
    """

    kind: TaskKind
    rates: Rates
    groups: Mapping[tuple[str, str], Rates] = field(default_factory=dict)
    vectors: NDArray[np.floating] | None = None


@dataclass(frozen=True, eq=False)
class Reference:
    """The reference of a model.

    Attributes:
        version: of the model, as its answers are logged with.
        tasks: task -> its reference.
    """

    version: str
    tasks: Mapping[str, TaskReference]


def write_reference(reference: Reference, folder: Path) -> None:
    """Write the files to `monitoring` in a model's folder, or replace older ones.

    Raises:
        InputError: if they cannot be written.
    """
    arrays: dict[str, NDArray[Any]] = {}
    vectors = {
        name: task.vectors.astype(np.float16)
        for name, task in reference.tasks.items()
        if task.vectors is not None
    }
    tasks = {}
    for name, task in reference.tasks.items():
        groups: list[dict[str, Any]] = []
        for (column, value), rates in task.groups.items():
            prefix = f"{name}/{len(groups)}"
            groups.append({"column": column, "value": value, **_to_json(rates, prefix, arrays)})
        tasks[name] = {
            "labels": list(task.kind.labels),
            "is_exclusive": task.kind.is_exclusive,
            **_to_json(task.rates, name, arrays),
            "groups": groups,
        }
    content = {"format": FORMAT, "version": reference.version, "tasks": tasks}
    with atomic_dir(folder / FOLDER) as staged:
        write_json(staged / COUNTS, content)
        save_file(arrays, staged / SAMPLES)
        save_file(vectors, staged / VECTORS)


def _to_json(rates: Rates, prefix: str, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    for name, values in rates.samples.items():
        arrays[f"{prefix}/{name}"] = values.astype(np.float32)
    return {
        "n": rates.n,
        "hits": rates.hits.tolist(),
        "truncated": rates.truncated,
        "right": rates.right,
        "labeled": rates.labeled,
        "samples": list(rates.samples),
    }


def read_reference(folder: Path) -> Reference:
    """Return the reference in a model's folder.

    Raises:
        InputError: if there is none, or it is damaged.
    """
    path = folder / FOLDER / COUNTS
    if not path.is_file():
        raise InputError(
            f"'{folder}' has no {FOLDER}/{COUNTS}: train with monitoring_reference: true, or make "
            f"one of labeled rows with hybrid-mtl make-reference {folder} --data FILES"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise InputError(f"'{path}': its format is {content['format']}, expected {FORMAT}")
        arrays = load_file(path.with_name(SAMPLES))
        has_vectors = path.with_name(VECTORS).is_file()  # a repository has none
        vectors = load_file(path.with_name(VECTORS)) if has_vectors else {}
        tasks = {
            name: replace(_read_task(name, task, arrays), vectors=vectors.get(name))
            for name, task in content["tasks"].items()
        }
        return Reference(str(content["version"]), tasks)
    except InputError:
        raise
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"the reference in '{folder / FOLDER}' is damaged: {error!r}; make it again with "
            f"hybrid-mtl make-reference"
        ) from error


def _read_task(
    name: str, content: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> TaskReference:
    labels: Sequence[str] = content["labels"]
    kind = TaskKind(tuple(map(str, labels)), bool(content["is_exclusive"]))
    groups = {
        (str(each["column"]), str(each["value"])): _rates(each, f"{name}/{number}", arrays, kind)
        for number, each in enumerate(content["groups"])
    }
    return TaskReference(kind, _rates(content, name, arrays, kind), groups)


def _rates(
    content: Mapping[str, Any], prefix: str, arrays: Mapping[str, NDArray[Any]], kind: TaskKind
) -> Rates:
    hits = np.array(content["hits"], dtype=np.int64)
    if hits.shape != (len(kind.labels),):
        raise ValueError(f"{prefix}: {hits.shape} counts for {len(kind.labels)} labels")
    samples = {each: arrays[f"{prefix}/{each}"].astype(float) for each in content["samples"]}
    numbers = (int(content[key]) for key in ("n", "truncated", "right", "labeled"))
    n, truncated, right, labeled = numbers
    return Rates(n, hits, truncated, samples, right, labeled)
