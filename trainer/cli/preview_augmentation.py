"""`hybrid-mtl preview-augmentation`: training rows before and after augmentation."""

import argparse
import sys

from trainer.config.packaged_configs import find_config
from trainer.errors import InputError

PROG = "hybrid-mtl preview-augmentation"


def create_parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Print ten training rows before and after a task's augmentation.",
        epilog="Further options are those of hybrid-mtl train, such as --data_dir sample or "
        "--tasks.TASK.augmentation '[{method: deletion, share: 0.2}]'.",
        allow_abbrev=False,
    )
    parser.add_argument("config", metavar="CONFIG", help="a configuration, by its file or name")
    parser.add_argument("task", metavar="TASK", help="one of its tasks")
    return parser


def main(arguments: list[str], prog: str = PROG) -> int:
    """Print the pairs; wrong input prints one message and exits with status 2."""
    given, options = create_parser(prog).parse_known_args(arguments)

    from trainer.config.parser import parse
    from trainer.runs.preview_augmentation import preview

    try:
        print(preview(parse([str(find_config(given.config)), *options]), given.task))
    except InputError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return 2
    return 0
