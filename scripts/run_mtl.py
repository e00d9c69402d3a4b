"""Train a model, evaluate it, or predict with it: `run_mtl.py CONFIG.yaml [--option value ...]`."""

import signal
import sys
from pathlib import Path

# For a checkout that is not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer.errors import InputError  # noqa: E402


def main(arguments: list[str]) -> int:
    """Run one mode.

    Returns:
        The exit status: 0, 2 after one message about wrong input or a non-finite loss, 75 when
        training was stopped with a checkpoint to resume from, 130 when it was interrupted.
    """
    try:
        return run(arguments)
    except (InputError, OSError) as error:  # such as a full disk
        print(f"run_mtl.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("run_mtl.py: interrupted", file=sys.stderr)
        return 130


def run(arguments: list[str]) -> int:
    """Run one mode; input errors, disk errors and interruptions are handled by `main`."""
    # Imported here, so that `main` handles a Ctrl-C during the seconds that imports take.
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
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a late Ctrl-C does not change the exit status
    sys.exit(status)
