"""The origin of a task's rows, as a model card states it."""

from dataclasses import dataclass
from pathlib import Path

from trainer.data.derived_labels import DerivedLabels
from trainer.data.readers.databases import describe_database, is_database
from trainer.data.task_locations import SAMPLE_FOLDER, local_folder
from trainer.data.task_source import PARTS, TaskSource
from trainer.errors import join_truncated

SAMPLE = "the demonstration sample shipped with hybrid-mtl"


@dataclass
class DataOrigin:
    """The origin of a task's rows: a Hub dataset, files of one, or a description.

    Attributes:
        dataset: its id on the Hub, None if unknown.
        from_files: whether the rows were read from local files of that dataset.
        dataset_config: its configuration on the Hub.
        dataset_split: the split of a Hub dataset that the metrics are of.
        dataset_revision: the revision of a Hub dataset, if one was given.
        dataset_license: as the user stated it.
        dataset_description: shown if there is no id.
    """

    dataset: str | None = None
    from_files: bool = False
    dataset_config: str | None = None
    dataset_split: str | None = None
    dataset_revision: str | None = None
    dataset_license: str | None = None
    dataset_description: str = "local files"

    @property
    def is_sample(self) -> bool:
        """Return whether the rows are those that ship with the package."""
        return self.dataset_description == SAMPLE


def origin_of(
    task: str, source: TaskSource, derived: DerivedLabels, data_dir: str | None
) -> DataOrigin:
    """Return the origin of a task's rows.

    Args:
        task: the task's name.
        source: its data.
        derived: its generated labels, if any.
        data_dir: the run's folder of data, if any.
    """
    if derived.label_generator is not None:
        texts = ", ".join(derived.source_tasks or ())
        return DataOrigin(dataset_description=f"{derived.label_generator} of the texts of {texts}")
    if source.has_files:
        return _of_files(source, _describe_files(source))
    folder = local_folder(task, source, data_dir)
    if folder is None:
        return DataOrigin(
            source.dataset,
            dataset_config=source.dataset_config,
            dataset_split=source.split_of("validation"),
            dataset_revision=source.dataset_revision,
            dataset_license=source.data_license,
        )
    if folder.parent == SAMPLE_FOLDER:
        license = source.data_license or "Apache 2.0"
        return DataOrigin(dataset_license=license, dataset_description=SAMPLE)
    return _of_files(source, "local files")


def _of_files(source: TaskSource, description: str) -> DataOrigin:
    if source.data_name is None:
        return DataOrigin(dataset_license=source.data_license, dataset_description=description)
    return DataOrigin(
        source.data_name,
        from_files=True,
        # The configuration belongs to the task's own dataset.
        dataset_config=source.dataset_config if source.data_name == source.dataset else None,
        dataset_license=source.data_license,
    )


def _describe_files(source: TaskSource) -> str:
    """Return the names of the files, or of a database's table, without folders and hosts."""
    names: dict[str, None] = {}
    for location in map(source.file_of, PARTS):
        for one in [location] if isinstance(location, str) else location or []:
            names[describe_database(one) if is_database(one) else Path(one).name] = None
    return f"local files ({join_truncated(list(names))})"
