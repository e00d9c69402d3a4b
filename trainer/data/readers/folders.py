"""The files of one split in a folder of data."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import DatasetCard

from trainer.data.readers.formats import SUFFIXES
from trainer.data.readers.locations import expand, natural_key
from trainer.data.readers.options import ReadOptions
from trainer.data.readers.saved_datasets import is_saved_dict
from trainer.data.readers.text_files import suffix_of
from trainer.errors import InputError, join_truncated


def split_files(
    folder: Path, split: str, config: str | None = None, options: ReadOptions | None = None
) -> list[Path]:
    """Return the files of a split in a folder.

    They are those that the folder's README.md names, as in a copy of a Hub dataset; else
    `SPLIT.*`, shards (`SPLIT-00000-of-00002.*`) or the contents of a folder `SPLIT`, in the folder,
    in its `data` or in that of the configuration. A folder saved by `datasets` holds its splits.

    Args:
        folder: the folder.
        split: the split's name.
        config: the configuration of a Hub dataset.
        options: the format of files without a known suffix.

    Raises:
        InputError: if there are none, several that are no shards, or not all shards.
    """
    files = _find(folder, split, config, options or ReadOptions())
    if not files:
        names = join_truncated(sorted(p.name for p in folder.iterdir())) or "nothing"
        raise InputError(
            f"{folder} holds no {split} file ({', '.join(SUFFIXES)}); it holds {names}"
        )
    return files


def has_split(folder: Path, split: str, config: str | None, options: ReadOptions) -> bool:
    """Return whether a folder has files of a split; the arguments are those of `split_files`.

    Raises:
        InputError: if there are several that are no shards, or not all shards.
    """
    return bool(_find(folder, split, config, options))


def _find(folder: Path, split: str, config: str | None, options: ReadOptions) -> list[Path]:
    if is_saved_dict(folder) and (folder / split).is_dir():
        return [folder / split]
    patterns = _patterns_of_card(folder, split, config)
    if patterns:
        return expand([str(folder / pattern) for pattern in patterns], options)
    for place in filter(Path.is_dir, _places(folder, config)):
        files = list(_named(place, split, options))
        if files:
            return _one_or_all_shards(place, split, files)
        if (place / split).is_dir():
            return expand(place / split, options)
    return []


def _places(folder: Path, config: str | None) -> list[Path]:
    of_config = [] if config is None else [folder / config, folder / "data" / config]
    return [*of_config, folder, folder / "data"]


def _named(place: Path, split: str, options: ReadOptions) -> Iterator[Path]:
    """Yield the files that are called by a split or are its shards, in natural order."""
    name = re.compile(rf"{re.escape(split)}(-\d+-of-\d+)?")
    for path in sorted(filter(Path.is_file, place.iterdir()), key=natural_key):
        suffix = suffix_of(path)
        stem = path.name[: path.name.lower().rfind(suffix)] if suffix else path.name
        known = suffix in SUFFIXES or options.format is not None
        if known and name.fullmatch(stem):
            yield path


def _one_or_all_shards(place: Path, split: str, files: Sequence[Path]) -> list[Path]:
    if len(files) == 1 and "-of-" not in files[0].name.removeprefix(split):
        return list(files)
    shards = [re.search(r"-(\d+)-of-(\d+)", path.name.removeprefix(split)) for path in files]
    names = join_truncated([path.name for path in files])
    if None in shards:
        raise InputError(f"{place}: several files for the split '{split}' ({names}); keep one")
    found = [(int(shard[1]), int(shard[2])) for shard in shards if shard]
    if found != [(number, len(files)) for number in range(len(files))]:
        raise InputError(
            f"{place}: the shards of the split '{split}' are not complete: expected "
            f"0 to {found[0][1] - 1} of {found[0][1]}, found {names}"
        )
    return list(files)


def _patterns_of_card(folder: Path, split: str, config: str | None) -> list[str]:
    """Return the patterns of a split's files in the card of a dataset, empty without any."""
    card = folder / "README.md"
    if not card.is_file():
        return []
    try:
        entries = DatasetCard.load(card, ignore_metadata_errors=True).data.get("configs") or []
    except (ValueError, yaml.YAMLError):  # a text that is no card
        return []
    entries = [
        entry for entry in _as_list(entries) if isinstance(entry, dict) and "data_files" in entry
    ]
    named = [e for e in entries if e.get("config_name") == config]
    default = [e for e in entries if e.get("default") or e.get("config_name") == "default"]
    for entry in named or (config is None and (default or entries[:1])) or []:
        found = _as_list(entry["data_files"])
        if not all(isinstance(files, dict) for files in found):
            return []  # patterns without splits
        of_split = [files for files in found if files.get("split") == split]
        patterns = [str(pattern) for files in of_split for pattern in _as_list(files.get("path"))]
        for pattern in patterns:
            if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
                raise InputError(f"{card}: '{pattern}' is outside of the folder")
        return patterns
    return []


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
