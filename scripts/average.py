"""Average the weights of trained models: `average.py MODEL MODEL ... --output_dir DIR`."""

import sys
from functools import partial
from pathlib import Path

# For a checkout that is not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer.cli import average  # noqa: E402

main = partial(average.main, prog="average.py")

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
