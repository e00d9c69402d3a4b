"""Audit a trained model for bias.

Measures the errors of groups of labeled rows, how predictions change with words for people, and
how they change with typing errors, numbers and negations. Writes bias_audit.json, figures, and a
section of the model card. Without --data, only the words and the changes are measured.
"""

import argparse
from pathlib import Path

from trainer.cli.command_line import command_parser, exit_status
from trainer.cli.open_model import open_pipeline
from trainer.cli.values import name_and_column, names
from trainer.errors import InputError

PROG = "hybrid-mtl audit"


def create_parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = command_parser(prog, __doc__)
    add = parser.add_argument
    add("model", metavar="FOLDER_OR_REPOSITORY")
    add(
        "--data", nargs="+", default=[], help="files of labeled rows, patterns, or a database's URL"
    )
    add("--groups", type=names, default=[], help="columns of the groups, with commas")
    add(
        "--columns",
        type=name_and_column,
        nargs="+",
        default=[],
        metavar="NAME=COLUMN",
        help="the data's columns: text=..., text_pair=..., TASK=..., or label=... of one task",
    )
    add("--tasks", type=names, default=[], help="tasks, with commas; all if not given")
    add("--terms", metavar="FILE", help="YAML file of terms and templates, instead of our own")
    add("--axes", type=names, default=[], help="axes of terms, with commas; all by default")
    add("--min_rows", type=int, default=30, help="least rows of a tested rate (default: 30)")
    add("--behavior_rows", type=int, default=500, help="most rows of a check (default: 500)")
    add("--batch_size", type=int, default=32, help="rows per pass (default: 32)")
    add("--bad_rows", default="error", help="error, or drop rows without text or valid label")
    add("--output_dir", type=Path, help="default: the model's folder")
    add("--trust_remote_code", action="store_true", help="run the model's own code")
    add("--precision", choices=("float", "int8"), help="of an ONNX export (default: float)")
    add("--extensions", nargs="+", help="files that register the model's kinds of tasks")
    return parser


def run(args: argparse.Namespace) -> None:
    """Write the audit of a model and print its findings."""
    from transformers.utils.logging import disable_progress_bar

    from trainer.audit.options import AuditOptions
    from trainer.audit.run import audit
    from trainer.audit.write import write_audit
    from trainer.saving.files import check_writable

    is_folder = Path(args.model).is_dir()
    if args.output_dir is None and not is_folder:
        raise InputError(f"output_dir: is missing; '{args.model}' is not a folder to write to")
    folder = args.output_dir or Path(args.model)
    check_writable(folder, "output_dir")
    given = {**vars(args), "columns": dict(args.columns)}
    for name in ("model", "output_dir", "trust_remote_code", "extensions", "precision"):
        del given[name]
    options = AuditOptions(**given)
    name = Path(args.model).resolve().name if is_folder else args.model
    disable_progress_bar()  # of the weights: errors are one line
    pipe = open_pipeline(args.model, args.trust_remote_code, args.extensions, args.precision)
    print("\n".join(write_audit(audit(pipe, options), options, name, folder)))


def main(arguments: list[str], prog: str = PROG) -> int:
    """Audit a model.

    Returns:
        The exit status: 0, also with findings, or 2 after one message about wrong input.
    """
    args = create_parser(prog).parse_args(arguments)
    return exit_status(prog, lambda: run(args), ValueError)
