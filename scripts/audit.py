"""Audit a trained model for bias: `audit.py FOLDER --data FILES --groups COLUMN[,COLUMN]`."""

import sys
from functools import partial
from pathlib import Path

# For a checkout that is not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer.cli import audit  # noqa: E402

main = partial(audit.main, prog="audit.py")

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
