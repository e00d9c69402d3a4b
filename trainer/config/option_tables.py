"""Write the page of all options: `python -m trainer.config.option_tables > docs/options.md`."""

from collections.abc import Sequence
from dataclasses import Field, fields
from typing import Any

from trainer.config.help_text import GROUPS, documented, task_fields
from trainer.config.inherited_arguments import INHERITED
from trainer.config.parser import UNAVAILABLE_OPTIONS
from trainer.config.phases import PhaseEntry
from trainer.config.run_arguments import RunArguments
from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.options import OTHER, default_of, help_of, info_of

_HEAD = """# Options

Every option can stand in a configuration file (`option: value`) and on the command line
(`--option value`), which comes last. This page is made from the code by
`python -m trainer.config.option_tables`.

Options "as in transformers", and those of its `TrainingArguments` that are not listed, work as
its documentation says, but for the ones in the last table.
"""


def options_page() -> str:
    """Return the page, in Markdown: a table of options for each group, of a task and of a phase."""
    listed: dict[str, list[Field]] = {group: [] for group in GROUPS if group != OTHER}
    for kind in (RunArguments, HybridMTLTrainingArguments):
        for declared in fields(kind):
            group = info_of(declared, INHERITED).group
            if group in listed and declared.name not in UNAVAILABLE_OPTIONS:
                listed[group].append(declared)
    parts = [_HEAD]
    for group, declared_here in listed.items():
        options = [(f"`{f.name}`", _default(default_of(f)), _meaning(f)) for f in declared_here]
        parts.append(
            _table(group[0].upper() + group[1:], ("option", "default", "meaning"), options)
        )
    own = documented(PhaseEntry)
    del own["options"]
    for title, meanings in (("A task's fields", task_fields()), ("A phase's fields", own)):
        entries = [(f"`{name}`", meaning) for name, meaning in meanings.items()]
        parts.append(_table(title, ("field", "meaning"), entries))
    refused = [(f"`{name}`", reason) for name, reason in sorted(UNAVAILABLE_OPTIONS.items())]
    parts.append(_table("Refused", ("option", "instead"), refused))
    return "\n".join(parts)


def _meaning(declared: Field) -> str:
    """Return the help of an option of this project; transformers documents its own."""
    return (help_of(declared) or "") if "info" in declared.metadata else "as in transformers"


def _default(value: Any) -> str:
    if value is None:
        return ""
    value = getattr(value, "value", value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _table(title: str, head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [f"## {title}", "", f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for row in rows:
        cells = [" ".join(cell.replace("|", "\\|").replace("%%", "%").split()) for cell in row]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    print(options_page(), end="")
