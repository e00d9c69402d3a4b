"""Print training rows before and after augmentation: `preview_augmentation.py CONFIG.yaml TASK`."""

import argparse
import sys
from pathlib import Path

# For a checkout that is not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer.errors import InputError  # noqa: E402


def main(arguments: list[str]) -> int:
    """Print the pairs; wrong input prints one message and exits with status 2."""
    parser = argparse.ArgumentParser(
        prog="preview_augmentation.py",
        description="Print ten training rows before and after a task's augmentation.",
        epilog="Further options are those of run_mtl.py, such as --data_dir sample or "
        "--tasks.TASK.augmentation '[{method: deletion, share: 0.2}]'.",
        allow_abbrev=False,
    )
    parser.add_argument("config", metavar="CONFIG.yaml", help="a configuration of run_mtl.py")
    parser.add_argument("task", metavar="TASK", help="one of its tasks")
    given, options = parser.parse_known_args(arguments)

    from trainer.config.parser import parse
    from trainer.runs.preview_augmentation import preview

    try:
        print(preview(parse([given.config, *options]), given.task))
    except InputError as error:
        print(f"preview_augmentation.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
