"""Loading of a task's rows from files, a database, the Hub or the shipped sample."""

from datasets import load_dataset
from datasets.exceptions import DatasetGenerationError

from trainer.data.cache import cache_folder
from trainer.data.readers import RawSplit, read_split
from trainer.data.readers.formats import check_used
from trainer.data.task_locations import location_of, naming
from trainer.data.task_source import TaskSource
from trainer.errors import InputError


def load_split(
    task: str,
    source: TaskSource,
    part: str,
    data_dir: str | None,
    default_dataset: str | None = None,
) -> RawSplit:
    """Load one split of a task.

    Args:
        task: the task's name.
        source: location and format of the task's rows.
        part: `train`, `validation` or `test`.
        data_dir: a folder with one sub-folder per task that replaces the tasks' datasets, `sample`
            for the rows shipped with the package, or None. A task with a dataset of its own uses
            that if the folder has no sub-folder for the task, and one with files uses those.
        default_dataset: the dataset of the default task of this name, which `data_dir` and files
            replace.

    Raises:
        InputError: for a missing folder, file or split, an unreadable file or database, or an
            unreachable Hub.
    """
    location = location_of(task, source, part, data_dir, default_dataset)
    if location is None:
        if source.data_name not in (None, source.dataset):
            raise InputError(
                f"task '{task}': data_name = '{source.data_name}': the rows come from the Hub's "
                f"dataset '{source.dataset}'; unset it, it is for local files"
            )
        with naming(f"task '{task}'"):
            check_used(source.read_options, [], f"the dataset '{source.dataset}'")
        return _load_from_hub(task, source, source.split_of(part))
    return read_split(location, source.read_options, source.column_names)


def _load_from_hub(task: str, source: TaskSource, split: str) -> RawSplit:
    location = "/".join(filter(None, (source.dataset, source.dataset_config, split)))
    cache_folder()
    try:
        rows = load_dataset(
            source.dataset, source.dataset_config, revision=source.dataset_revision, split=split
        )
    except Exception as error:  # no network, no such dataset or split, a damaged file, ...
        folder = source.folder or task
        cause = error.__cause__ if isinstance(error, DatasetGenerationError) else error
        raise InputError(
            f"task '{task}': cannot load '{location}' from the Hub: {cause}\n"
            f"Without a network, put {source.train_split}.* and {source.split_of('validation')}.* "
            f"(csv, jsonl, parquet, ..., same columns) in DIR/{folder} and pass --data_dir DIR, or "
            f"try the shipped sample with --data_dir sample."
        ) from error
    if len(rows) == 0:
        raise InputError(f"task '{task}': the split '{location}' has no rows")
    return RawSplit(rows, location)
