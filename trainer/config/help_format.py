"""The layout of help: an option, its placeholder, and beside it what it does. Imports nothing slow.

An index of options is what `option_index` returns, also as JSON:
`{"groups": {GROUP: [{"name", "value", "default", "help"}]}, "task_fields": {NAME: HELP},
"phase_fields": {NAME: HELP}}`.
"""

import shutil
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

Index = Mapping[str, Any]
_COLUMN = 24  # where descriptions begin, as in argparse
_WIDEST = 100


USAGE = """usage: {prog} [CONFIG] [--OPTION value ...] [--tasks.NAME.FIELD value ...]
       {prog} --init FILE.yaml --data FILE|FOLDER ..."""
_ABOUT = (
    "Train, evaluate or apply one encoder for several sentence tasks. CONFIG is a YAML file, or "
    "the name of one that comes with hybrid-mtl, such as demo: hybrid-mtl config lists them."
)
_IN_YAML = (
    "Every option can stand in CONFIG as 'OPTION: value', a task's fields under 'tasks: {NAME: "
    "{FIELD: value}}'; the command line overrides the file."
)


def width() -> int:
    """Return the number of columns to write in."""
    return max(50, min(shutil.get_terminal_size().columns, _WIDEST) - 2)


def entry(option: str, meaning: str) -> str:
    """Return the lines of an option, `--learning_rate NUMBER`, and of what it does."""
    indent = " " * _COLUMN
    lines = textwrap.wrap(meaning, width() - _COLUMN, break_on_hyphens=False)
    head = f"  {option}"
    if lines and len(head) <= _COLUMN - 2:
        head = f"{head:<{_COLUMN}}{lines.pop(0)}"
    return "\n".join([head, *(f"{indent}{line}" for line in lines)])


def paragraph(text: str) -> str:
    """Return a text in lines that fit."""
    return textwrap.fill(" ".join(text.split()), width(), break_on_hyphens=False)


def section(title: str, entries: Iterable[str]) -> str:
    """Return the lines of a group of options."""
    return "\n".join([f"{title}:", *entries])


def option_entry(option: Mapping[str, str]) -> str:
    """Return the lines of an option of an index."""
    default = f" (default: {option['default']})" if option["default"] else ""
    return entry(f"--{option['name']} {option['value']}", option["help"] + default)


def all_sections(index: Index) -> list[str]:
    """Return a section for each group of options, one of a task's fields and one of a phase's."""
    parts = [
        section(group, map(option_entry, options)) for group, options in index["groups"].items()
    ]
    for title, flag, meanings, note in (
        (
            "task fields",
            "tasks",
            index["task_fields"],
            "A value is YAML: --tasks.sentiment.hidden_sizes '[384]'.",
        ),
        (
            "phase fields",
            "phases",
            index["phase_fields"],
            "'phases' in CONFIG is a list of mappings with these fields and any training option "
            "that differs in the phase: --phases.NAME.learning_rate 1e-5.",
        ),
    ):
        fields = [entry(f"--{flag}.NAME.{name} VALUE", text) for name, text in meanings.items()]
        parts.append(section(title, [textwrap.indent(paragraph(note), "  "), *fields]))
    return parts


def whole_help(index: Index, prog: str = "hybrid-mtl train") -> str:
    """Return the help of all options."""
    parts = [opening(prog), *all_sections(index), paragraph(_IN_YAML)]
    return "\n\n".join(parts) + "\n"


def opening(prog: str) -> str:
    """Return the usage, and what the command does."""
    return f"{USAGE.format(prog=prog)}\n\n{paragraph(_ABOUT)}"
