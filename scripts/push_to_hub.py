"""Publish a trained model's folder on the Hub: `push_to_hub.py FOLDER REPO`."""

import argparse
import sys
from pathlib import Path

# For a checkout that is not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer.errors import InputError  # noqa: E402


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(
        prog="push_to_hub.py",
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
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Push, or list the files of a push; a refusal prints one line and exits with status 2."""
    given = parse(arguments)

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
        print(f"push_to_hub.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("push_to_hub.py: interrupted; run it again to continue", file=sys.stderr)
        return 130
    print(f"published: {address}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
