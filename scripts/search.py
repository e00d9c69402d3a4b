"""Run a study, many runs from one file: `search.py STUDY.yaml [--KEY value ...]`."""

import signal
import sys
from functools import partial
from pathlib import Path

# For a checkout that is not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer.cli import search  # noqa: E402

main = partial(search.main, prog="search.py")

if __name__ == "__main__":
    status = main(sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a late Ctrl-C does not change the exit status
    sys.exit(status)
