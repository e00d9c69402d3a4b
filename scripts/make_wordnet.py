"""Create nltk's WordNet folder from Debian's packages: `make_wordnet.py [FOLDER]`."""

import sys
from functools import partial
from pathlib import Path

# For a checkout that is not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer.cli import make_wordnet  # noqa: E402

main = partial(make_wordnet.main, prog="make_wordnet.py")

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
