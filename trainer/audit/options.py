"""The options of an audit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trainer.errors import InputError

BAD_ROWS = ("error", "drop")


@dataclass(frozen=True)
class AuditOptions:
    """The data, the tasks and the limits of an audit.

    Raises:
        InputError: naming the option that is wrong.

    Attributes:
        data: files of labeled rows; without them, there are no subgroups.
        groups: the columns of the groups.
        columns: `text`, `text_pair`, `label` of one task, and tasks -> the files' columns.
        tasks: the tasks; all if empty.
        terms: a YAML file of terms, instead of our own.
        axes: the axes of terms; all if empty.
        min_rows: fewer rows are listed, and not tested.
        behavior_rows: most rows of a check of behavior, drawn at random.
        batch_size: rows per pass.
        bad_rows: `error`, or `drop` to leave out rows without text or valid label.
    """

    data: Sequence[str] = ()
    groups: Sequence[str] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    tasks: Sequence[str] = ()
    terms: str | None = None
    axes: Sequence[str] = ()
    min_rows: int = 30
    behavior_rows: int = 500
    batch_size: int = 32
    bad_rows: str = "error"

    def __post_init__(self):
        if bool(self.data) != bool(self.groups):
            missing = "groups" if self.data else "data"
            raise InputError(f"{missing}: is missing; subgroups need both data and groups")
        if len(set(self.groups)) < len(self.groups):
            raise InputError(f"groups = {','.join(self.groups)}: a column is named twice")
        for name, least in (("min_rows", 4), ("behavior_rows", 1), ("batch_size", 1)):
            if getattr(self, name) < least:
                raise InputError(f"{name} = {getattr(self, name)}: must be {least} or more")
        if self.bad_rows not in BAD_ROWS:
            raise InputError(f"bad_rows = '{self.bad_rows}': must be one of {', '.join(BAD_ROWS)}")
