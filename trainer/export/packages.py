"""Packages that only an export needs."""

from importlib.util import find_spec

from trainer.errors import InputError


def require(purpose: str, *packages: str) -> None:
    """Make sure that packages of the extra `export` are installed.

    Raises:
        InputError: naming the missing ones and what installs them.
    """
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise InputError(
            f"{purpose} needs {', '.join(missing)}: install the extra 'export', such as with "
            f"pip install 'hybrid-mtl[export]'"
        )
