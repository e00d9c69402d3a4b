"""Makes a study's search method, and checks the settings that methods use or do without."""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from trainer.errors import InputError, did_you_mean
from trainer.search.methods.registry import METHODS
from trainer.search.study import Study
from trainer.search.trials import Method

_MEANINGS = {
    "space": "options and their values",
    "trials": "the number of sets of values to draw; of a population, its members",
    "cycles": "the length of each run",
    "interval": "the cycles between two decisions",
}


def make_method(study: Study) -> Method:
    """Return the search method of a study.

    Raises:
        InputError: naming the setting that is missing, wrong or without effect.
    """
    return METHODS.make(study.method, study, config=_read_options(study))


def _read_options(study: Study) -> Any:
    """Return the instance of the dataclass of a method's options; None if it has none."""
    kind = METHODS.entry(study.method).options
    known = [] if kind is None else [f.name for f in fields(kind)]
    for name in study.method_options:
        if name not in known:
            raise InputError(
                f"method_options: unknown option '{name}'.{did_you_mean(str(name), known)} "
                f"Options of method: {study.method}: {', '.join(known) or 'none'}"
            )
    try:
        return None if kind is None else kind(**study.method_options)
    except InputError as error:
        raise InputError(f"method_options: {error}") from error


def check_settings(study: Study, needs: Iterable[str] = (), refuses: Iterable[str] = ()) -> None:
    """Check which settings a study has.

    Args:
        study: the study.
        needs: the settings without which its method cannot work.
        refuses: those that its method does not use.

    Raises:
        InputError: naming the setting that is missing or has no effect.
    """
    for name in needs:
        if not getattr(study, name):
            raise InputError(
                f"{name}: is missing, which method: {study.method} needs: {_MEANINGS[name]}"
            )
    for name in refuses:
        value = getattr(study, name)
        if value is not None:
            raise InputError(f"{name} = {value}: is not used by method: {study.method}; unset it")


def check_share(name: str, value: float, highest: float = 1.0) -> None:
    """Check that an option is a number from 0 to `highest`."""
    if not 0 <= value <= highest:
        raise InputError(f"{name} = {value}: must be from 0 to {highest:g}")
