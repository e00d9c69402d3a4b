"""Average the weights of trained models.

For models that started from the same weights, such as one configuration's seeds or variants: their
average often predicts better than each (arXiv:2203.05482). Nothing is measured here; evaluate the
result with `hybrid-mtl evaluate`.
"""

import argparse
from pathlib import Path

from trainer.cli.command_line import command_parser, exit_status

PROG = "hybrid-mtl average"


def create_parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = command_parser(prog, __doc__)
    add = parser.add_argument
    add("models", metavar="FOLDER_OR_REPOSITORY", nargs="+", help="trained models, at least two")
    add("--output_dir", type=Path, required=True, help="a new folder for the average")
    add("--shares", type=float, nargs="+", help="a positive number for each model; all 1 if unset")
    add("--extensions", nargs="+", help="files or modules that register the models' kinds of tasks")
    return parser


def run(args: argparse.Namespace) -> None:
    """Write the average and print where.

    Raises:
        InputError, OSError: for wrong input, or a file that cannot be read or written.
    """
    from trainer.config.extensions import load_extensions
    from trainer.export.average import write_average
    from trainer.loading.averaged_model import relative_shares

    relative_shares(args.models, args.shares)
    load_extensions(args.extensions)
    write_average(args.models, args.output_dir, args.shares)
    print(f"written to {args.output_dir}")


def main(arguments: list[str], prog: str = PROG) -> int:
    """Average models.

    Returns:
        The exit status: 0, or 2 after one message about wrong input.
    """
    args = create_parser(prog).parse_args(arguments)
    return exit_status(prog, lambda: run(args))
