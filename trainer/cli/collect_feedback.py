"""Turn feedback into rows for training.

A source is the feedback folder of the page (hybrid-mtl app --feedback), or an answer log with texts
(--log FILE --log_texts). Writes DIR/TASK/train.jsonl and DIR/TASK/validation.jsonl. The rows come
from anyone who can open the page: read them before you train on them.
"""

import argparse
from pathlib import Path

from trainer.cli.command_line import command_parser, exit_status
from trainer.errors import InputError

PROG = "hybrid-mtl collect-feedback"


def create_parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = command_parser(prog, __doc__)
    add = parser.add_argument
    add("sources", metavar="SOURCE", nargs="+", type=Path, help="a folder of feedback, or a log")
    add("--output_dir", type=Path, required=True, help="the folder of the tasks' rows")
    add(
        "--evaluation_share",
        type=float,
        default=0.2,
        help="share of the texts for evaluation (default: 0.2)",
    )
    return parser


def run(args: argparse.Namespace) -> None:
    """Write the rows of the feedback and print their number."""
    from trainer.monitoring.collect_feedback import EVALUATION, TRAIN, collect, write_rows
    from trainer.saving.files import check_writable

    if not 0 <= args.evaluation_share <= 1:
        raise InputError(f"evaluation_share = {args.evaluation_share}: must be from 0 to 1")
    check_writable(args.output_dir, "output_dir")
    found = collect(args.sources)
    if not found.rows:
        reasons = "".join(f"; {name}: {count}" for name, count in found.counts.items())
        raise InputError(f"there is no feedback with texts in the sources{reasons}")
    for task, (train, evaluation) in write_rows(
        found, args.output_dir, args.evaluation_share
    ).items():
        print(f"{task}: {train} rows in {TRAIN}, {evaluation} in {EVALUATION}")
    for name, count in found.counts.items():
        print(f"{name}: {count}")
    print(
        f"written to '{args.output_dir}'; anyone may have given this feedback: read the rows first"
    )


def main(arguments: list[str], prog: str = PROG) -> int:
    """Collect feedback.

    Returns:
        The exit status: 0, or 2 after one message about wrong input.
    """
    args = create_parser(prog).parse_args(arguments)
    return exit_status(prog, lambda: run(args), ValueError)
