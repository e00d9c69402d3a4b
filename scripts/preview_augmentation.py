"""Print rows before and after augmentation: `preview_augmentation.py CONFIG.yaml TASK`."""

import sys
from functools import partial
from pathlib import Path

# For a checkout that is not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer.cli import preview_augmentation  # noqa: E402

main = partial(preview_augmentation.main, prog="preview_augmentation.py")

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
