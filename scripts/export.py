"""Export a trained model: `export.py FOLDER_OR_REPO OUTPUT --format FORMAT`."""

import sys
from functools import partial
from pathlib import Path

# For a checkout that is not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer.cli import export  # noqa: E402

main = partial(export.main, prog="export.py")

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
