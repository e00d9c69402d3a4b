"""The interface of label generators."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from trainer.data.checked_split import CheckedSplit

# Text -> the tasks whose rows contain it.
Texts = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class LabelGenerator:
    """A generator of a task's rows from the texts of other tasks.

    Attributes:
        kind: the kind of the resulting task.
        labels: returns the class names, given the names of the source tasks.
        make: returns rows with the columns `text` and `label` (class indices), given texts, class
            names and a description for a progress bar.
        check: called before data is loaded; raises `InputError` if a requirement is missing.
    """

    kind: str
    labels: Callable[[Sequence[str]], list[str]]
    make: Callable[[Texts, Sequence[str], str], CheckedSplit]
    check: Callable[[], object] = lambda: None
