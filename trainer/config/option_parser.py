"""The parser of the command line's options, which it takes from dataclasses."""

import argparse
import copy
import dataclasses
from collections.abc import Callable
from typing import Any, NoReturn, get_origin

from transformers import HfArgumentParser

from trainer.config.extension_options import infos_of_added
from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.errors import InputError


class OptionParser(HfArgumentParser):
    """A parser of dataclasses of options.

    Args:
        kinds: the dataclasses.
        show_help: returns the help; it is for `--help`.
    """

    def __init__(self, kinds: Any, show_help: Callable[[], str] | None = None):
        self._show_help = show_help
        self._lists: set[str] = set()
        self.known_options = ["help"]
        super().__init__([], allow_abbrev=False, add_help=show_help is not None)
        added = infos_of_added(HybridMTLTrainingArguments)
        for kind in kinds:
            # Those of extensions are parsed into a namespace, since not all options are set there.
            if not set(added) & {f.name for f in dataclasses.fields(kind)}:
                self.dataclass_types.append(kind)
            self._add_dataclass_arguments(kind)

    def _parse_dataclass_field(self, parser: Any, declared: dataclasses.Field) -> None:
        # `HfArgumentParser` calls this for each field and passes all of its metadata to argparse.
        plain = copy.copy(declared)
        plain.metadata = {"help": argparse.SUPPRESS}  # type: ignore[assignment]
        super()._parse_dataclass_field(parser, plain)
        names = [declared.name]
        if declared.default is True:
            names.append(f"no_{declared.name}")
        self.known_options += names + [name.replace("_", "-") for name in names]
        if get_origin(plain.type) is list:
            self._lists.add(declared.name)

    def takes_several(self, name: str) -> bool:
        """Return whether an option takes several values, separated by spaces."""
        return name in self._lists

    def format_help(self) -> str:
        """Return the help of all options, those of loaded extensions included."""
        return "" if self._show_help is None else self._show_help()

    def error(self, message: str) -> NoReturn:
        """Raise `InputError` rather than end the process."""
        raise InputError(f"{message} (--help lists the options)")
