"""`hybrid-mtl search`: run a study, many runs from one file."""

import sys

from trainer.cli.option_help import HELP, STUDY_USAGE, read_index, search_help
from trainer.config.packaged_configs import find_study
from trainer.errors import InputError

PROG = "hybrid-mtl search"


def main(arguments: list[str], prog: str = PROG) -> int:
    """Run or continue a study.

    Returns:
        The exit status: 0, 1 if no run has a score, 2 after one message about wrong input, 75 when
        a signal stopped the search, which the same command continues.
    """
    if not HELP.isdisjoint(arguments):
        print(search_help(read_index(), prog), end="")
        return 0
    if not arguments or arguments[0].startswith("-"):
        print(f"usage: {prog} {STUDY_USAGE}", file=sys.stderr)
        return 2
    try:
        # Imported here, so that a Ctrl-C during the seconds that imports take is handled, too.
        from trainer.search.command import EXIT_STATUS, run_study
        from trainer.search.run import SearchInterruptedError

        try:
            search = run_study(find_study(arguments[0]), arguments[1:])
            if all(result.score is None for _, result in search.results):
                return 1
        except SearchInterruptedError as stopped:
            print(f"{prog}: {stopped}: the same command goes on", file=sys.stderr)
            return EXIT_STATUS
    except (InputError, OSError) as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{prog}: interrupted", file=sys.stderr)
        return 130
    return 0
