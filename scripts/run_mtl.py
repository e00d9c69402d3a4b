"""Train, evaluate or apply a model: `run_mtl.py CONFIG.yaml [--option value ...]`."""

import signal
import sys
from pathlib import Path

# Run from a checkout, too, without having been installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer.errors import InputError  # noqa: E402


def main(arguments: list[str]) -> int:
    """Run one mode.

    Returns:
        The exit status: 0, 2 after one message about wrong input or a loss that is not finite, 75
        when training was stopped with a checkpoint to go on from, 130 when it was interrupted.
    """
    try:
        return run(arguments)
    except (InputError, OSError) as error:  # such as a disk that is full where nobody looked
        print(f"run_mtl.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("run_mtl.py: interrupted", file=sys.stderr)
        return 130


def run(arguments: list[str]) -> int:
    """As `main`, but for what any command may meet."""
    # Importing takes seconds, in which somebody may press Ctrl-C.
    from trainer.config.parser import parse
    from trainer.runs.modes import MODES
    from trainer.training.callbacks.stop_on_signal import EXIT_STATUS, StoppedError
    from trainer.training.nan_guard import NonFiniteError

    try:
        settings = parse(arguments)
        MODES[settings.run.mode](settings)
    except NonFiniteError as error:
        print(f"run_mtl.py: {error}", file=sys.stderr)
        return 2
    except StoppedError as stopped:
        print(f"run_mtl.py: {stopped}", file=sys.stderr)
        return EXIT_STATUS
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a late Ctrl-C changes nothing of what is said
    sys.exit(status)
