"""Ask a trained model: `ask.py FOLDER_OR_REPOSITORY "a text" ["a second text"]`."""

import sys
from functools import partial
from pathlib import Path

# For a checkout that is not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer.cli import ask  # noqa: E402

main = partial(ask.main, prog="ask.py")

if __name__ == "__main__":
    main(sys.argv[1:])
