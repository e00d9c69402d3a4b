"""The help of `hybrid-mtl train` and `hybrid-mtl search`, without waiting for torch.

The index of options is read from a file that `option_index.py` writes; if extensions are named,
which add options, it is made anew.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from trainer.config.help_format import (
    Index,
    entry,
    opening,
    option_entry,
    paragraph,
    section,
    whole_help,
)

INDEX_FILE = Path(__file__).with_name("option_index.json")
HELP = frozenset(("-h", "--help"))
ALL = "--help-all"
STUDY_USAGE = "STUDY [--KEY value ...]"
# What the short help shows, by purpose.
SHORT = {
    "the model and the data": ("model_name_or_path", "data_dir", "max_length"),
    "the run": ("output_dir", "overwrite_output_dir", "resume", "seed"),
    "training": (
        "num_train_epochs",
        "max_steps",
        "per_device_train_batch_size",
        "learning_rate",
        "trainable",
        "task_sampling",
        "aggregator",
    ),
    "evaluation": ("eval_strategy", "load_best_model_at_end", "calibrate", "folds"),
    "publishing": ("push_to_hub", "hub_model_id"),
    "the machine": ("bf16", "use_cpu"),
}
_TASKS = (
    ("--tasks NAME[,NAME ...]", "Train or evaluate these tasks of CONFIG only."),
    ("--tasks.NAME.FIELD VALUE", "A field of a task's entry, such as --tasks.topic.loss_weight 2."),
)


def read_index() -> Index:
    """Return the index of options, without those of extensions."""
    index: Index = json.loads(INDEX_FILE.read_text(encoding="utf-8"))
    return index


def print_help(arguments: Sequence[str], prog: str) -> None:
    """Print the help of `hybrid-mtl train`: short for `--help`, of all options for `--help-all`.

    Raises:
        InputError: if an extension that the command line or its configuration names is wrong.
    """
    index = _index_with_extensions(arguments) if _names_extensions(arguments) else read_index()
    print(whole_help(index, prog) if ALL in arguments else short_help(index, prog), end="")


def short_help(index: Index, prog: str) -> str:
    """Return the help of the options that most runs need, and where the others are."""
    options = {option["name"]: option for group in index["groups"].values() for option in group}
    parts = [opening(prog)]
    for title, names in SHORT.items():
        entries = [option_entry(_short(options[name])) for name in names]
        if title == "the model and the data":
            entries += [entry(*line) for line in _TASKS]
        parts.append(section(title, entries))
    added = index["groups"].get("extensions", [])
    if added:
        parts.append(section("extensions", map(option_entry, added)))
    parts.append(
        paragraph(
            f"These are {sum(map(len, SHORT.values()))} of {len(options)} options: "
            f"{prog} {ALL} describes them all, and the fields of tasks and phases. "
            "'--OPTION value' stands in CONFIG as 'OPTION: value'."
        )
    )
    return "\n\n".join(parts) + "\n"


def search_help(index: Index, prog: str) -> str:
    """Return the help of `hybrid-mtl search`."""
    about = (
        "Run a study, many runs from one file; the same command continues it. STUDY is a YAML "
        "file, or the name of one that comes with hybrid-mtl: hybrid-mtl config lists them. KEY is "
        "a key of the study, or an option of all its runs, such as data_dir."
    )
    keys = [entry(f"--{name} VALUE", meaning) for name, meaning in index["study_keys"].items()]
    parts = [f"usage: {prog} {STUDY_USAGE}", paragraph(about), section("keys of a study", keys)]
    return "\n\n".join(parts) + "\n"


def _short(option: dict[str, str]) -> dict[str, str]:
    """Return an option with the first sentence of its help."""
    return {**option, "help": option["help"].split(". ")[0].rstrip(".") + "."}


def _names_extensions(arguments: Sequence[str]) -> bool:
    """Return whether the command line, or its configuration, may name extensions."""
    if any(argument.partition("=")[0] == "--extensions" for argument in arguments):
        return True
    config = Path(arguments[0])
    return config.is_file() and "extensions:" in config.read_text(encoding="utf-8")


def _index_with_extensions(arguments: Sequence[str]) -> Index:
    from trainer.config.parser import index_with_extensions

    given = [argument for argument in arguments if argument not in {*HELP, ALL}]
    return index_with_extensions(given)
