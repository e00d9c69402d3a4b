"""Registries of classes and functions by name, such as the kinds of heads and their losses."""

import difflib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from typing import Any


@dataclass(frozen=True)
class Entry:
    """An entry of a registry.

    Attributes:
        value: the class or function.
        options: the dataclass of its options, if it has any.
        kinds: for losses and metrics, further kinds of tasks that support it, besides those whose
            head lists it.
        lowest: for metrics, the lowest value; the highest is 1.
        greater_is_better: for metrics, False for an error from 0, without an upper limit.
        reads_outputs: for metrics, whether they are computed from probabilities, not predictions.
        reads_spans: for metrics of tags, whether they are computed from the sets of predicted and
            true spans, `(row, first word, last word, type)`; for labels `O`, `B-TYPE` and `I-TYPE`.
        reads_vectors: for losses, whether they are computed from the vectors that a head compares,
            (B, 2, D), not from its logits.
        of_batch: for losses, whether they return one value for all labels of a batch, which cannot
            be weighted.
        module: the name of the module that registered it.
        place: file and line of the registration.
    """

    value: Any
    options: Any
    kinds: tuple[str, ...]
    lowest: float
    greater_is_better: bool
    reads_outputs: bool
    reads_spans: bool
    reads_vectors: bool
    of_batch: bool
    module: str
    place: str


class Registry(Mapping[str, Any]):
    """Classes or functions by name, in the order of their registration.

    Args:
        noun: the noun for an entry in messages, such as `loss`.
        option: the option that selects an entry, if there is one.
    """

    error: type[ValueError] = ValueError

    def __init__(self, noun: str, option: str | None = None):
        self.noun = noun
        self.option = option
        self.entries: dict[str, Entry] = {}

    def register(
        self,
        name: str,
        value: Any = None,
        *,
        options: type | None = None,
        kinds: tuple[str, ...] = (),
        lowest: float = 0.0,
        greater_is_better: bool = True,
        reads_outputs: bool = False,
        reads_spans: bool = False,
        reads_vectors: bool = False,
        of_batch: bool = False,
    ) -> Any:
        """Register a class or function; without `value`, return a decorator.

        Args:
            name: lower-case letters, digits and underscores.
            value: the class or function.
            options: the dataclass of its options; calls of `value` then get an instance as the
                keyword argument `config`.
            kinds: see `Entry`, and for the following.

        Raises:
            ValueError: if the name is taken or invalid, or `options` is not a dataclass.
        """
        frame = sys._getframe(1)
        module, file = frame.f_globals.get("__name__", ""), frame.f_code.co_filename
        place = f"{file}, line {frame.f_lineno}"

        def add(value: Any) -> Any:
            self._check(name, options, kinds, place)
            self.entries[name] = Entry(
                *(value, options, tuple(kinds), lowest, greater_is_better, reads_outputs),
                *(reads_spans, reads_vectors, of_batch, module, place),
            )
            return value

        return add if value is None else add(value)

    def _check(self, name: str, options: type | None, kinds: Any, place: str) -> None:
        existing = self.entries.get(name)
        # An entry of the same place is that of a reloaded module.
        if existing is not None and existing.place != place:
            raise self.error(
                f"{place}: {self.noun} '{name}' is already registered in {existing.place}; "
                f"choose another name"
            )
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise self.error(
                f"{place}: {self.noun} {name!r}: a name must consist of lower-case letters, "
                "digits and underscores"
            )
        if options is not None and not is_dataclass(options):
            raise self.error(f"{place}: {self.noun} '{name}': options must be a dataclass")
        if not isinstance(kinds, (list, tuple)):
            raise self.error(
                f"{place}: {self.noun} '{name}': kinds = {kinds!r}: must be a tuple of kinds"
            )

    def entry(self, name: str) -> Entry:
        """Return the entry of a name.

        Raises:
            ValueError: listing the names, if there is none.
        """
        if name not in self.entries:
            registered = f"registered: {', '.join(self)}{did_you_mean(name, self)}"
            raise self.error(f"no {self.noun} '{name}'; {registered}")
        return self.entries[name]

    def make(self, name: str, *arguments: Any, config: Any = None) -> Any:
        """Call the class or function of a name, with `config` if it has options.

        Raises:
            ValueError: that of the entry, or naming it if its code fails otherwise.
        """
        entry = self.entry(name)
        options = {} if entry.options is None else {"config": config or entry.options()}
        try:
            return entry.value(*arguments, **options)
        except (ValueError, ImportError):
            raise
        except Exception as error:  # a user's code may raise anything
            raise self.error(f"{entry.place}: {self.noun} '{name}': {error!r}") from error

    def of_kind(self, kind: str) -> tuple[str, ...]:
        """Return the names that were registered for a kind of task."""
        return tuple(name for name, entry in self.entries.items() if kind in entry.kinds)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self.entries

    def __getitem__(self, name: str) -> Any:
        return self.entries[name].value

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


def did_you_mean(name: Any, names: Iterable[str]) -> str:
    """Return `. Did you mean 'x'?` for the most similar of some names, or an empty string."""
    lowered = {known.lower(): known for known in names}
    close = difflib.get_close_matches(str(name).lower(), lowered, n=1, cutoff=0.7)
    return f". Did you mean '{lowered[close[0]]}'?" if close else ""


# Kind of task -> its `TaskHead`.
HEADS = Registry("kind of task", "kind")
# Loss -> a function of head, logits (or vectors) and labels that returns a value for each label, or
# a scalar.
LOSSES = Registry("loss", "loss")
