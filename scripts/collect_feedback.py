"""Turn feedback into rows for training: `collect_feedback.py SOURCE ... --output_dir DIR`."""

import sys
from functools import partial
from pathlib import Path

# For a checkout that is not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer.cli import collect_feedback  # noqa: E402

main = partial(collect_feedback.main, prog="collect_feedback.py")

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
