"""Create nltk's WordNet folder from Debian's packages, without a network."""

import argparse
import sys
from pathlib import Path

from trainer.errors import InputError

PROG = "hybrid-mtl make-wordnet"


def create_parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = argparse.ArgumentParser(
        prog=prog,
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
    return parser


def main(arguments: list[str], prog: str = PROG) -> int:
    """Copy the files and add the one that is missing in Debian."""
    options = create_parser(prog).parse_args(arguments)
    # Imported here, since it takes seconds.
    from trainer.data.augmentation.debian_wordnet import make_wordnet

    try:
        print(f"written: {make_wordnet(options.source, options.folder)}")
    except InputError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return 2
    return 0
