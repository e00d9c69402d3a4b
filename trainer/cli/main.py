"""The command `hybrid-mtl`: finds the command that is named, and runs it."""

import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from trainer.cli.commands import COMMANDS, GROUPS
from trainer.errors import did_you_mean

PROG = "hybrid-mtl"
DISTRIBUTION = "hybrid-mtl"


def overview() -> str:
    """Return the help of the command itself: every command with its purpose."""
    widest = max(map(len, COMMANDS))
    parts = [
        f"usage: {PROG} COMMAND ...",
        "One sentence encoder trained for several sentence tasks.",
    ]
    for title, commands in GROUPS.items():
        lines = [f"  {name:<{widest}}  {found.purpose}" for name, found in commands.items()]
        parts.append("\n".join([f"{title}:", *lines]))
    parts.append(f"{PROG} COMMAND --help describes a command, {PROG} --version prints the version.")
    return "\n\n".join(parts) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: those of the command line if None.

    Returns:
        The exit status of the command; 2 if there is no such command.
    """
    first, *rest = list(sys.argv[1:] if arguments is None else arguments) or [""]
    if "_ARGCOMPLETE" in os.environ:
        from trainer.cli.completion import complete

        complete()
    if first in ("", "-h", "--help", "help"):
        print(overview(), end="", file=sys.stdout if first else sys.stderr)
        return 0 if first else 2
    if first == "--version":
        print(f"{DISTRIBUTION} {_version()}")
        return 0
    name = first.replace("_", "-")
    if name not in COMMANDS:
        print(
            f"{PROG}: there is no command '{first}'.{did_you_mean(first, COMMANDS)} "
            f"{PROG} --help lists them",
            file=sys.stderr,
        )
        return 2
    if not sys.stderr.isatty():
        # Bars of a second, as of loading weights, whose control characters fill logs.
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    status: int = COMMANDS[name].load().main(rest, f"{PROG} {name}")
    return status


def _version() -> str:
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "of a checkout that is not installed"


def run() -> None:
    """End the process with the exit status of its command line's command."""
    try:
        status = main()
    except BrokenPipeError:  # such as `hybrid-mtl config best | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a late Ctrl-C does not change the exit status
    sys.exit(status)
