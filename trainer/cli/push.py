"""`hybrid-mtl push`: publish a trained model's folder on the Hub."""

import argparse
import sys
from pathlib import Path

from trainer.errors import InputError

PROG = "hybrid-mtl push"


def create_parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Publish a trained model's folder on the Hugging Face Hub, with "
        "the token of `hf auth login`, or HF_TOKEN.",
        allow_abbrev=False,
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="a finished run's output_dir")
    parser.add_argument("repo", metavar="REPO", help="the repository, such as me/name")
    parser.add_argument(
        "--dry_run", action="store_true", help="only list the files and their sizes"
    )
    parser.add_argument("--private", action="store_true", help="make a new repository private")
    parser.add_argument("--revision", help="the branch to push to; main if unset")
    parser.add_argument("--commit_message", help="message of the commit or pull request")
    parser.add_argument(
        "--create_pr", action="store_true", help="open a pull request instead of committing"
    )
    parser.add_argument(
        "--extensions", nargs="+", help="files or modules that register the model's kinds of tasks"
    )
    return parser


def main(arguments: list[str], prog: str = PROG) -> int:
    """Push, or list the files of a push; a refusal prints one line and exits with status 2."""
    given = create_parser(prog).parse_args(arguments)

    from huggingface_hub import get_token

    from trainer.config.extensions import load_extensions
    from trainer.hub.push import (
        MESSAGE,
        Destination,
        check_destination,
        check_repo_name,
        check_token,
        push,
    )
    from trainer.hub.push_card import card_notes, published_card
    from trainer.hub.push_files import publication
    from trainer.loading.trained_model import check_whole_models

    where = Destination(given.repo, given.revision, given.private or None, given.create_pr)
    try:
        check_repo_name(where)
        if not given.dry_run:
            check_token(where)
        found = publication(given.folder, get_token())
        load_extensions(given.extensions)
        check_whole_models(given.folder)
        published_card(given.folder, given.repo)  # raises if there is none and none can be made
        print(found.listing(), *card_notes(given.folder, given.repo), sep="\n", flush=True)
        if given.dry_run:
            return 0
        address = push(given.folder, check_destination(where), given.commit_message or MESSAGE)
    except InputError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{prog}: interrupted; run it again to continue", file=sys.stderr)
        return 130
    print(f"published: {address}")
    return 0
