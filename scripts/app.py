"""Serve a page in the browser for a trained model: `app.py FOLDER_OR_REPOSITORY`."""

import sys
from functools import partial
from pathlib import Path

# For a checkout that is not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer.cli import app  # noqa: E402

main = partial(app.main, prog="app.py")

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
