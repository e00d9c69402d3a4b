"""`hybrid-mtl train`: train a model, evaluate it, or predict with it."""

import sys

from trainer.cli.option_help import ALL, HELP, print_help
from trainer.config.packaged_configs import find_config
from trainer.errors import InputError

PROG = "hybrid-mtl train"


def main(arguments: list[str], prog: str = PROG) -> int:
    """Run one mode.

    Returns:
        The exit status: 0, 2 after one message about wrong input or a non-finite loss, 75 when
        training was stopped with a checkpoint to resume from, 130 when it was interrupted.
    """
    try:
        if not {*HELP, ALL}.isdisjoint(arguments):
            print_help(arguments, prog)
            return 0
        if any(argument.partition("=")[0] == "--init" for argument in arguments):
            from trainer.cli.init_config import init_config

            init_config(arguments, prog)
            return 0
        return run(arguments, prog)
    except (InputError, OSError) as error:  # such as a full disk
        print(f"{prog}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{prog}: interrupted", file=sys.stderr)
        return 130


def run(arguments: list[str], prog: str) -> int:
    """Run one mode; input errors, disk errors and interruptions are handled by `main`."""
    if arguments and not arguments[0].startswith("-"):
        arguments = [str(find_config(arguments[0])), *arguments[1:]]
    # Imported here, so that `main` handles a Ctrl-C during the seconds that imports take.
    from trainer.config.parser import parse
    from trainer.runs.modes import MODES
    from trainer.training.callbacks.stop_on_signal import EXIT_STATUS, StoppedError
    from trainer.training.nan_guard import NonFiniteError

    try:
        settings = parse(arguments)
        MODES[settings.run.mode](settings)
    except NonFiniteError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return 2
    except StoppedError as stopped:
        print(f"{prog}: {stopped}", file=sys.stderr)
        return EXIT_STATUS
    return 0
