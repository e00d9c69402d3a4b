"""Files of a location: a file, a pattern, a folder, or a list of these."""

import re
from collections.abc import Sequence
from glob import glob, has_magic
from pathlib import Path

from trainer.data.readers.databases import is_database, masked_url
from trainer.data.readers.formats import SUFFIXES, format_of
from trainer.data.readers.options import ReadOptions
from trainer.data.readers.saved_datasets import is_saved_dataset, is_saved_dict
from trainer.data.readers.text_files import suffix_of
from trainer.errors import InputError, did_you_mean, join_truncated

Location = str | Path | Sequence[str | Path]


def expand(location: Location, options: ReadOptions) -> list[Path]:
    """Return the files of a location, those of a pattern or folder in natural order.

    A folder that `datasets` saved stands for itself. Relative paths are relative to the current
    folder, and `~` is the user's home.

    Args:
        location: a path, a pattern such as `data/train-*.csv`, a folder, or a list of these, whose
            order is kept.
        options: the format of files without a known suffix.

    Raises:
        InputError: if there is no such file, a file is named twice, or a folder holds no files or
            files of several formats.
    """
    if isinstance(location, (str, Path)):
        return _expand_one(Path(location).expanduser(), options)
    for one in location:
        if is_database(str(one)):
            raise InputError(f"'{masked_url(str(one))}' is in a list; a database stands alone")
    files = [path for one in location for path in _expand_one(Path(one).expanduser(), options)]
    if not files:
        raise InputError("the list of files is empty; name at least one")
    twice = [path for index, path in enumerate(files) if path in files[:index]]
    if twice:
        raise InputError(f"the file '{twice[0]}' is named twice; name it once")
    return files


def natural_key(path: Path) -> list[tuple[int, str]]:
    """Return a key that sorts `part-2` before `part-10`."""
    parts = re.split(r"(\d+)", str(path))
    return [(int(part) if i % 2 else 0, part) for i, part in enumerate(parts)]


def _expand_one(path: Path, options: ReadOptions) -> list[Path]:
    if path.is_dir():
        saved = is_saved_dataset(path) or is_saved_dict(path)
        return [path] if saved else _files_in(path, options)
    if path.is_file():
        return [path]
    if has_magic(str(path)):
        found = [Path(name) for name in glob(str(path), recursive=True)]
        files = [file for file in found if file.is_file()]
        if not files:
            raise InputError(f"no file matches the pattern '{path}'")
        return sorted(files, key=natural_key)
    beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    raise InputError(f"there is no file '{path}'.{did_you_mean(path.name, beside)}")


def _files_in(folder: Path, options: ReadOptions) -> list[Path]:
    visible = [p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")]
    files = [path for path in visible if suffix_of(path) in SUFFIXES]
    names = join_truncated(sorted(p.name for p in folder.iterdir())) or "nothing"
    if not files:
        raise InputError(f"{folder}: holds no rows ({', '.join(SUFFIXES)}); it holds {names}")
    if len({format_of(path, options) for path in files}) > 1:
        raise InputError(
            f"{folder}: holds files of several formats ({names}); choose with a pattern, such as "
            f"'{folder}/*{files[0].suffix}'"
        )
    return sorted(files, key=natural_key)
