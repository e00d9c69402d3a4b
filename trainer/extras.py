"""Import of optional packages."""

from importlib import import_module
from types import ModuleType

from trainer.errors import InputError


def import_extra(module: str, extra: str, purpose: str) -> ModuleType:
    """Import a module of an optional package.

    Args:
        module: its name.
        extra: the extra of hybrid-mtl that installs it.
        purpose: the file or database for which it is needed, for the message.

    Raises:
        InputError: if it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise InputError(
            f"{purpose}: needs {package}, which is not installed: pip install 'hybrid-mtl[{extra}]'"
        ) from error
