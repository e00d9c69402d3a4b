"""What every way of making labels is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from trainer.data.columns import CheckedSplit

# Text -> the tasks in whose rows it stands.
Texts = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class LabelGenerator:
    """A way of making a task's rows from the texts of others.

    Attributes:
        kind: the kind of task that comes of it.
        labels: the class names, from the names of the tasks whose texts are read.
        make: rows with the columns `text` and `label` (class indices) from texts, the class names
            and a name to show beside a progress bar.
        check: called before any data is loaded; raises `InputError` if something is missing.
    """

    kind: str
    labels: Callable[[Sequence[str]], list[str]]
    make: Callable[[Texts, Sequence[str], str], CheckedSplit]
    check: Callable[[], object] = lambda: None
