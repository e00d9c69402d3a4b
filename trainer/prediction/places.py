"""Checks that the files that a prediction writes are none of those that it reads."""

from fnmatch import fnmatch
from pathlib import Path

from trainer.data.readers.databases import is_database
from trainer.errors import InputError
from trainer.prediction.job import PredictionJob
from trainer.prediction.journal import journal_path


def chunks_folder(output: Path) -> Path:
    """Return the folder of an output's chunks."""
    return output.with_name(f"{output.name}.chunks")


def rejected_rows(output: Path) -> Path:
    """Return the file of an output's rejected rows."""
    return output.with_name(f"{output.name}.rejects.jsonl")


def check_places(job: PredictionJob) -> None:
    """Check that a prediction neither reads what it writes nor writes two things to one file.

    Raises:
        InputError: naming the option and the file.
    """
    output = job.output
    written = [output, journal_path(output), rejected_rows(output), chunks_folder(output)]
    if job.log is not None and _place(job.log) in map(_place, written):
        raise InputError(f"{job.option('log')} = '{job.log}': is a file of the output")
    for option, paths in (("output", written), ("log", [job.log] if job.log else [])):
        for path in paths:
            for location in job.inputs.locations:
                if (
                    job.inputs.split is None
                    and not is_database(location)
                    and _reads(location, path)
                ):
                    raise InputError(
                        f"{job.option(option)}: '{path}' is among the rows to predict, "
                        f"'{location}'; choose another place"
                    )


def _reads(location: str, path: Path) -> bool:
    """Return whether a file, folder or pattern of the input is a path, or contains it."""
    place, given = _place(path), Path(location).expanduser()
    if given.exists():
        return place == _place(given) or (given.is_dir() and place.is_relative_to(_place(given)))
    # With `**`, as if folders had no ends.
    pattern = str(given.absolute())
    return fnmatch(str(place), pattern) if "**" in pattern else place.match(pattern)


def _place(path: Path) -> Path:
    return path.expanduser().resolve()
