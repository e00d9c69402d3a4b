"""Compare logged answers of a model with its reference: `monitor.py FOLDER LOG [LOG ...]`."""

import sys
from functools import partial
from pathlib import Path

# For a checkout that is not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer.cli import monitor  # noqa: E402

main = partial(monitor.main, prog="monitor.py")

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
