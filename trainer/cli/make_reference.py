"""Make a model's reference for monitoring.

Training makes one of its validation rows. This makes another, of labeled rows of any kind, and for
groups of them, and is for a model without one.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from trainer.cli.command_line import command_parser, exit_status
from trainer.cli.open_model import open_pipeline
from trainer.cli.values import name_and_column, names
from trainer.errors import InputError

PROG = "hybrid-mtl make-reference"


def create_parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = command_parser(prog, __doc__)
    add = parser.add_argument
    add("model", metavar="FOLDER_OR_REPOSITORY")
    add(
        "--data", nargs="+", required=True, help="files of labeled rows, patterns, a database's URL"
    )
    add("--groups", type=names, default=[], help="columns of groups, with commas")
    add(
        "--columns",
        type=name_and_column,
        nargs="+",
        default=[],
        metavar="NAME=COLUMN",
        help="the data's columns: text=..., text_pair=..., TASK=..., or label=... of one task",
    )
    add("--tasks", type=names, default=[], help="tasks, with commas; all if not given")
    add("--batch_size", type=int, default=32, help="rows per pass (default: 32)")
    add("--bad_rows", default="error", help="error, or drop rows without text or valid label")
    add("--output_dir", type=Path, help="the folder of monitoring/; default: the model's folder")
    add("--trust_remote_code", action="store_true", help="run the model's own code")
    add("--extensions", nargs="+", help="files that register the model's kinds of tasks")
    return parser


def run(args: argparse.Namespace) -> None:
    """Write the reference and print the rows of each task."""
    from transformers.utils.logging import disable_progress_bar

    from trainer.loading.model_version import model_version
    from trainer.monitoring.make_reference import make_reference
    from trainer.monitoring.reference import FOLDER, read_reference, write_reference
    from trainer.monitoring.reference_rows import read_reference_rows
    from trainer.saving.files import check_writable

    if args.output_dir is None and not Path(args.model).is_dir():
        raise InputError(f"output_dir: is missing; '{args.model}' is not a folder to write to")
    if args.bad_rows not in ("error", "drop"):
        raise InputError(f"bad_rows = '{args.bad_rows}': must be error or drop")
    folder = args.output_dir or Path(args.model)
    check_writable(folder, "output_dir")
    disable_progress_bar()  # of the weights: errors are one line
    pipe = open_pipeline(args.model, args.trust_remote_code, args.extensions)
    config = pipe.model.config
    rows = read_reference_rows(
        config, args.data, args.groups, dict(args.columns), args.tasks, args.bad_rows
    )
    version = model_version(args.model, getattr(config, "_commit_hash", None))
    reference = make_reference(pipe, rows, version, batch_size=args.batch_size)
    kept = []
    if (folder / FOLDER).is_dir():
        before = read_reference(folder)
        if before.version == version:  # of the same model: its other tasks stay
            kept = [name for name in before.tasks if name not in reference.tasks]
            reference = replace(reference, tasks={**before.tasks, **reference.tasks})
    write_reference(reference, folder)
    if kept:
        print(f"kept as they were: {', '.join(kept)}")
    for name, task in reference.tasks.items():
        if name in kept:
            continue
        groups = "".join(f", {c} = {v}: {r.n}" for (c, v), r in task.groups.items())
        print(f"{name}: {task.rates.n} of {len(rows[name].texts)} rows{groups}")
    print(f"written: {folder / FOLDER}")


def main(arguments: list[str], prog: str = PROG) -> int:
    """Make a reference.

    Returns:
        The exit status: 0, or 2 after one message about wrong input.
    """
    args = create_parser(prog).parse_args(arguments)
    return exit_status(prog, lambda: run(args), ValueError)
