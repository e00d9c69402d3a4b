"""Train a model, evaluate it, or predict with it: `run_mtl.py CONFIG.yaml [--option value ...]`."""

import signal
import sys
from functools import partial
from pathlib import Path

# For a checkout that is not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer.cli import train  # noqa: E402

main = partial(train.main, prog="run_mtl.py")

if __name__ == "__main__":
    status = main(sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a late Ctrl-C does not change the exit status
    sys.exit(status)
