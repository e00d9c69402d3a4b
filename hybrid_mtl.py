"""Starts the command `hybrid-mtl`.

This module is no part of the package `trainer`, since another project on PyPI has a package of that
name, which may be found instead of ours. The project's classes are in `trainer` and
`modeling_hybrid_mtl`.
"""

import sys
from collections.abc import Callable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

OTHER = "trainer"  # the other project's name on PyPI
ADVICE = (
    "use an environment of its own for hybrid-mtl, or: pip uninstall trainer, then pip install "
    "--force-reinstall --no-deps hybrid-mtl"
)


def misplaced_package(folder: Path | None) -> str | None:
    """Return a message if the package `trainer` that Python finds is not ours.

    Args:
        folder: of the package that is found; None if there is none.
    """
    if folder is None:
        return "the package 'trainer' is not installed; install hybrid-mtl again"
    start = folder / "__init__.py"
    if start.is_file() and "HybridMTLTrainer" in start.read_text(
        encoding="utf-8", errors="replace"
    ):
        return None
    return (
        f"'{folder}' is not hybrid-mtl's package 'trainer', but that of another project; {ADVICE}"
    )


def other_package(find: Callable[[str], Distribution] = distribution) -> str | None:
    """Return a message if the other project is installed, too, in the same folder as ours."""
    try:
        version = find(OTHER).version
    except PackageNotFoundError:
        return None
    return (
        f"the package 'trainer' {version} of another project is installed, too, and its files are "
        f"in the same folder as ours; {ADVICE}"
    )


def found_package() -> Path | None:
    """Return the folder of the package `trainer` that Python finds, without importing it."""
    found = find_spec("trainer")
    places = list((found and found.submodule_search_locations) or [])
    return Path(places[0]) if places else None


def run() -> None:
    """Run the command line and end the process; refuse if `trainer` is another project's."""
    message = misplaced_package(found_package())
    if message is not None:
        print(f"hybrid-mtl: {message}", file=sys.stderr)
        sys.exit(2)
    warning = other_package()
    if warning is not None:
        print(f"hybrid-mtl: warning: {warning}", file=sys.stderr)
    from trainer.cli.main import run as run_command

    run_command()
