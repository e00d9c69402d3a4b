"""Run a study, many runs from one file: `search.py STUDY.yaml [--KEY value ...]`.

The same command continues it.
"""

import signal
import sys
from pathlib import Path

# For a checkout that is not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer.errors import InputError  # noqa: E402

USAGE = """usage: search.py STUDY.yaml [--KEY value ...]

KEY is a key of the study, such as parallel, or an option of all its runs, such as data_dir.
docs/study.md describes studies, docs/search_methods.md search methods."""


def main(arguments: list[str]) -> int:
    """Run or continue a study.

    Returns:
        The exit status: 0, 1 if no run has a score, 2 after one message about wrong input, 75 when
        a signal stopped the search, which the same command continues.
    """
    if arguments[:1] in (["-h"], ["--help"]):
        print(USAGE)
        return 0
    if not arguments or arguments[0].startswith("-"):
        print(USAGE, file=sys.stderr)
        return 2
    try:
        # Imported here, so that a Ctrl-C during the seconds that imports take is handled, too.
        from trainer.search.command import EXIT_STATUS, run_study
        from trainer.search.run import SearchInterruptedError

        try:
            search = run_study(Path(arguments[0]), arguments[1:])
            if all(result.score is None for _, result in search.results):
                return 1
        except SearchInterruptedError as stopped:
            print(f"search.py: {stopped}: the same command goes on", file=sys.stderr)
            return EXIT_STATUS
    except (InputError, OSError) as error:
        print(f"search.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("search.py: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a late Ctrl-C does not change the exit status
    sys.exit(status)
