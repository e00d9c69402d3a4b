"""Make a model's reference for monitoring: `make_reference.py FOLDER --data FILES`."""

import sys
from functools import partial
from pathlib import Path

# For a checkout that is not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer.cli import make_reference  # noqa: E402

main = partial(make_reference.main, prog="make_reference.py")

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
