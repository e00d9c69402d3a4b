"""Predict files with a trained model: `predict.py FOLDER_OR_REPOSITORY INPUT ... --output FILE`."""

import sys
from functools import partial
from pathlib import Path

# For a checkout that is not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer.cli import predict  # noqa: E402

main = partial(predict.main, prog="predict.py")

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
