"""Optional packages of exports."""

from importlib.util import find_spec

from trainer.errors import InputError


def require(purpose: str, *packages: str) -> None:
    """Check that packages of the extra `export` are installed.

    Raises:
        InputError: if some are missing.
    """
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise InputError(
            f"{purpose} requires {', '.join(missing)}: install the extra 'export', e.g. with "
            f"pip install 'hybrid-mtl[export]'"
        )
