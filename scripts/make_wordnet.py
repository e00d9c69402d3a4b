"""Create nltk's WordNet folder from Debian's packages, without a network."""

import argparse
import sys
from pathlib import Path

# For a checkout that is not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer.data.augmentation.debian_wordnet import make_wordnet  # noqa: E402
from trainer.errors import InputError  # noqa: E402


def main(arguments: list[str]) -> int:
    """Copy the files and add the one that is missing in Debian."""
    parser = argparse.ArgumentParser(
        prog="make_wordnet.py",
        description="Create nltk's WordNet folder from the files of Debian's packages wordnet-base "
        "and wordnet-sense-index, without a network.",
    )
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=Path.home() / "nltk_data",
        help="a data folder of nltk: ~/nltk_data (the default), or one in NLTK_DATA",
    )
    parser.add_argument(
        "--source",
        type=Path,
        default=Path("/usr/share/wordnet"),
        help="the folder of the packages' files (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    try:
        print(f"written: {make_wordnet(options.source, options.folder)}")
    except InputError as error:
        print(f"make_wordnet.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
