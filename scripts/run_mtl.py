"""Train, evaluate or apply a model: `run_mtl.py CONFIG.yaml [--option value ...]`."""

import sys
from pathlib import Path

# Run from a checkout, too, without having been installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer.errors import InputError  # noqa: E402


def main(arguments: list[str]) -> int:
    """Run one mode; wrong input prints one message and gives exit status 2."""
    from trainer.command_line import parse
    from trainer.run import MODES

    try:
        settings = parse(arguments)
        MODES[settings.run.mode](settings)
    except InputError as error:
        print(f"run_mtl.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
