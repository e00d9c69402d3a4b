"""What the commands share: a parser, and one message for wrong input."""

import argparse
import sys
from collections.abc import Callable
from typing import Any

from trainer.errors import InputError


def command_parser(prog: str, description: str | None, **options: Any) -> argparse.ArgumentParser:
    """Return a parser without abbreviations, whose help shows the description as it is written.

    Args:
        prog: the command.
        description: of the command, such as its module's docstring.
        **options: of `ArgumentParser`.
    """
    return argparse.ArgumentParser(
        prog=prog,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        **options,
    )


def exit_status(
    prog: str,
    run: Callable[[], int | None],
    wrong_input: type[ValueError] = InputError,
) -> int:
    """Run a command; wrong input, or a file that cannot be read or written, prints one message.

    Args:
        prog: the command.
        run: runs it.
        wrong_input: the errors that are messages; `ValueError` where files of others are parsed.

    Returns:
        The exit status: that of `run`, 0 if it returns None, and 2 after the message.
    """
    try:
        return run() or 0
    except (wrong_input, OSError) as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return 2
