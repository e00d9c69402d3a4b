"""The configurations that come with the package, found by their names."""

import re
import sys
from pathlib import Path

import trainer
from trainer.errors import InputError, did_you_mean

SUFFIX = ".yaml"
STUDY = "study_"
_TITLE = 35  # characters


def config_folder() -> Path:
    """Return the folder of the configurations: inside the package, or beside it in a checkout."""
    package = Path(trainer.__file__).parent
    inside = package / "configs"
    return inside if inside.is_dir() else package.parent / "configs"


def packaged_configs() -> dict[str, Path]:
    """Return name -> file; the names of studies begin with `study_`."""
    return {path.stem: path for path in sorted(config_folder().glob(f"*{SUFFIX}"))}


def accelerate_configs() -> dict[str, Path]:
    """Return `accelerate/NAME` -> a file for `accelerate launch --config_file`."""
    folder = config_folder() / "accelerate"
    return {f"accelerate/{path.stem}": path for path in sorted(folder.glob(f"*{SUFFIX}"))}


def describe(path: Path) -> str:
    """Return the first sentence of the comment that a configuration begins with."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comment = []
    for line in lines:
        if not line.startswith("#"):
            break
        comment.append(line.lstrip("# "))
    sentence = re.split(r"(?<=[^.]\.) +(?=[A-Z])", " ".join(comment), maxsplit=1)[0]
    # The part before a colon is enough, if it is more than a title.
    return re.split(rf"(?<=.{{{_TITLE}}})[:;] ", sentence, maxsplit=1)[0].rstrip(".")


def find_config(name: str) -> Path:
    """Return the file of a configuration, given its path or its name.

    A file `NAME` or `NAME.yaml` of the current folder goes before a packaged configuration; of
    which one was found by its name alone, a line on the standard error says.

    Raises:
        InputError: if there is neither.
    """
    if Path(name).is_file():
        return Path(name)
    stem = name.removesuffix(SUFFIX)
    packaged = packaged_configs()
    found = [Path(f"{stem}{SUFFIX}"), packaged.get(stem)]
    for path in found:
        if path is not None and path.is_file():
            print(f"configuration: {path}", file=sys.stderr)
            return path
    if Path(name).is_dir():
        return Path(name)  # which the reader of configurations refuses
    raise InputError(
        f"there is no configuration file '{name}', and none of this name comes with hybrid-mtl"
        f".{did_you_mean(Path(stem).name, packaged)} hybrid-mtl config lists them"
    )


def find_study(name: str) -> Path:
    """Return the file of a study, given its path, or the name of a packaged one."""
    stem = Path(name).stem
    packaged = packaged_configs()
    found = packaged.get(stem if stem.startswith(STUDY) else f"{STUDY}{stem}")
    if Path(name).exists() or found is None:
        return Path(name)  # which the reader of studies refuses if it is no file
    print(f"study: {found}", file=sys.stderr)
    return found
