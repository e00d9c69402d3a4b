"""Completion of the command line in a shell, by the package argcomplete."""

import argparse
import sys
from typing import Any

from trainer.cli.commands import COMMANDS
from trainer.cli.option_help import ALL, read_index
from trainer.config.packaged_configs import STUDY, packaged_configs

PROG = "hybrid-mtl completion"
PLACES = {
    "bash": "~/.local/share/bash-completion/completions/hybrid-mtl",
    "zsh": "a folder of $fpath, as _hybrid-mtl",
    "fish": "~/.config/fish/completions/hybrid-mtl.fish",
}
MISSING = "argcomplete is missing; install it with: pip install 'hybrid-mtl[completion]'"


def create_parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Print a script that completes hybrid-mtl in a shell. Write it to "
        + "; ".join(f"{place} ({shell})" for shell, place in PLACES.items())
        + '. Or for this session of bash: eval "$(hybrid-mtl completion bash)"',
        allow_abbrev=False,
    )
    parser.add_argument("shell", metavar="SHELL", choices=PLACES, help="bash, zsh or fish")
    return parser


def main(arguments: list[str], prog: str = PROG) -> int:
    """Print the script; without argcomplete, print one message and return status 2."""
    shell = create_parser(prog).parse_args(arguments).shell
    try:
        import argcomplete
    except ImportError:
        print(f"{prog}: {MISSING}", file=sys.stderr)
        return 2
    print(argcomplete.shellcode(["hybrid-mtl"], shell=shell))  # type: ignore[no-untyped-call]
    return 0


def complete() -> None:
    """Print what the shell asks for, and end the process; return if argcomplete is missing."""
    try:
        import argcomplete
    except ImportError:
        return
    argcomplete.autocomplete(whole_parser(), always_complete_options="long")


def whole_parser() -> argparse.ArgumentParser:
    """Return a parser of all commands with their options, for completion alone."""
    parser = argparse.ArgumentParser("hybrid-mtl")
    commands: Any = parser.add_subparsers()
    for name, command in COMMANDS.items():
        known = [command.load().create_parser()] if name not in _BY_INDEX else []
        added = commands.add_parser(name, parents=known, add_help=not known)
        if name in _BY_INDEX:
            _add_indexed(added, name)
        elif name == "config":
            _set_choices(added, sorted(packaged_configs()))
    return parser


# Commands whose options are in the index.
_BY_INDEX = ("train", "evaluate", "search")


def _add_indexed(parser: argparse.ArgumentParser, name: str) -> None:
    """Add the configurations' names, and the options of the index."""
    index = read_index()
    studies = name == "search"
    names = [name.removeprefix(STUDY) for name in packaged_configs() if name.startswith(STUDY)]
    runs = [name for name in packaged_configs() if not name.startswith(STUDY)]
    parser.add_argument("config", nargs="?")
    _set_choices(parser, names if studies else runs)
    options = (
        list(index["study_keys"])
        if studies
        else [option["name"] for group in index["groups"].values() for option in group]
    )
    for option in options:
        parser.add_argument(f"--{option}")
    if not studies:
        for option in ("--tasks", ALL, "--init", "--data"):
            parser.add_argument(option)


def _set_choices(parser: argparse.ArgumentParser, names: list[str]) -> None:
    """Complete the first positional argument with names, and with files."""
    from argcomplete.completers import ChoicesCompleter, FilesCompleter

    choices, files = ChoicesCompleter(dict.fromkeys(names, "")), FilesCompleter(("yaml",))
    positional: Any = parser._get_positional_actions()[0]
    positional.completer = lambda **given: [*choices(**given), *files(given["prefix"])]
