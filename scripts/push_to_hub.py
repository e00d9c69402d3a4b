"""Publish a trained model's folder on the Hub: `push_to_hub.py FOLDER REPO`."""

import sys
from functools import partial
from pathlib import Path

# For a checkout that is not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer.cli import push  # noqa: E402

main = partial(push.main, prog="push_to_hub.py")

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
