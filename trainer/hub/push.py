"""Publishing a trained model's folder as a repository of the Hub."""

import logging
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huggingface_hub import (
    CommitInfo,
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    get_token,
)
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.utils import validate_repo_id

from trainer.errors import InputError
from trainer.hub.push_card import CARD, published_card
from trainer.hub.push_errors import NO_TOKEN, TOKENS_PAGE, explained, is_passing
from trainer.hub.push_files import (
    MODEL_CONFIG,
    is_published,
    publication,
    read_model_config,
)

if TYPE_CHECKING:
    from transformers import TrainingArguments

logger = logging.getLogger(__name__)

MESSAGE = "Upload hybrid-mtl model"
# Seconds before the second, third and fourth attempt.
WAITS = (2, 8, 30)
MODELS = ("*.safetensors", "*.bin", "*.gguf", "*.onnx")


@dataclass(frozen=True)
class Destination:
    """Where a folder is pushed to.

    Attributes:
        repo: `me/name`, or a name alone for the user's own namespace.
        revision: a branch, or `refs/pr/N`; `main` if left out.
        private: whether a new repository is private; the namespace's own habit if left out.
        create_pr: propose the change in a pull request, and leave the branch as it is.
        token: the one to use, instead of `HF_TOKEN` or that of `hf auth login`.
    """

    repo: str
    revision: str | None = None
    private: bool | None = None
    create_pr: bool = False
    token: str | None = None


def destination(args: "TrainingArguments") -> Destination:
    """Where a training run's arguments say that its model is published."""
    repo = args.hub_model_id or Path(args.output_dir).absolute().name
    return Destination(repo, args.hub_revision, args.hub_private_repo, token=args.hub_token)


def check_named(where: Destination) -> None:
    """Make sure that the repository's name can be one; nobody is asked.

    Raises:
        InputError: if it cannot.
    """
    with explained(where.repo):
        validate_repo_id(where.repo)


def check_token(where: Destination) -> None:
    """Make sure that there is a token to push with; nobody is asked.

    Raises:
        InputError: if there is none, saying where to get one.
    """
    if (where.token or get_token()) is None:
        raise InputError(NO_TOKEN)


def check_destination(where: Destination) -> Destination:
    """Make sure that a push can succeed, before anything is made or uploaded.

    Returns:
        The destination with its namespace.

    Raises:
        InputError: if there is no token, no right to write, no such revision, a public repository
            where a private one is asked for, or one that holds something else.
    """
    if where.create_pr and where.revision not in (None, "main"):
        raise InputError("create_pr: a pull request is made to main; leave the revision out")
    check_token(where)
    check_named(where)
    api = HfApi(token=where.token)
    with explained(where.repo, where.revision):
        user = api.whoami()
        if "/" not in where.repo:
            where = replace(where, repo=f"{user['name']}/{where.repo}")
        try:
            api.auth_check(where.repo, write=not where.create_pr)
        except RepositoryNotFoundError:
            _check_new(where, user)
            return where
        _check_there(where, api)
    return where


def _check_new(where: Destination, user: dict[str, Any]) -> None:
    if where.create_pr:
        raise InputError(
            f"create_pr: there is no repository '{where.repo}' to propose a change to; push "
            f"without it to make the repository"
        )
    if where.revision not in (None, "main"):
        raise InputError(
            f"revision: '{where.repo}' is a new repository and has no branch '{where.revision}'; "
            f"push to main first, and make the branch with `hf repos branch create`"
        )
    names = [user["name"], *(org["name"] for org in user.get("orgs", ()))]
    if where.repo.split("/")[0] not in names:
        raise InputError(
            f"no right to make '{where.repo}', or it is private and not yours: this token may "
            f"make repositories of {', '.join(names)}"
        )
    if user.get("auth", {}).get("accessToken", {}).get("role") == "read":
        raise InputError(
            f"no right to make '{where.repo}': this token may only read; make one with the right "
            f"to write at {TOKENS_PAGE}"
        )


def _check_there(where: Destination, api: HfApi) -> None:
    info = api.model_info(where.repo)
    if where.private and not info.private:
        raise InputError(
            f"private: '{where.repo}' exists and is public; make it private in its settings first, "
            f"or name a new repository"
        )
    revision = where.revision or "main"
    if not revision.startswith("refs/pr/"):
        branches = [branch.name for branch in api.list_repo_refs(where.repo).branches]
        if revision not in branches:
            raise InputError(
                f"revision: '{where.repo}' has no branch '{revision}' (its branches: "
                f"{', '.join(branches)}); make it with "
                f"`hf repos branch create {where.repo} {revision}`"
            )
    names = _names(api, where)
    if MODEL_CONFIG in names:
        with tempfile.TemporaryDirectory() as folder:
            path = api.hf_hub_download(
                where.repo, MODEL_CONFIG, revision=revision, local_dir=folder
            )
            kind = read_model_config(Path(path)).get("model_type", "unknown")
    else:
        kind = "unknown" if any(fnmatch(n, m) for n in names for m in MODELS) else "hybrid_mtl"
    if kind != "hybrid_mtl" and not where.create_pr:
        raise InputError(
            f"'{where.repo}' exists and holds another model (of type {kind}), which a push would "
            f"replace; name a new repository"
        )


def _names(api: HfApi, where: Destination) -> list[str]:
    """The files of the revision."""
    info = api.model_info(where.repo, revision=where.revision)
    return [sibling.rfilename for sibling in info.siblings or ()]


def make_repo(where: Destination) -> None:
    """Make the repository, if it is a new one.

    Raises:
        InputError: if the Hub refuses, saying what to do.
    """
    with explained(where.repo, where.revision):
        HfApi(token=where.token).create_repo(where.repo, private=where.private, exist_ok=True)


def push(
    folder: Path,
    where: Destination,
    message: str = MESSAGE,
    *,
    copy_to: str | None = None,
) -> str:
    """Make the repository's revision hold what the folder holds, in one commit.

    Files of an earlier push that the folder has no more are deleted; files that no push wrote stay.
    An attempt that fails on the way is repeated; what was uploaded is not sent again.

    Args:
        folder: a whole model (`publication`).
        where: the repository, checked by `check_destination`.
        message: of the commit.
        copy_to: a folder in the repository that gets the model, too; later pushes leave it alone.

    Returns:
        The address of the commit, or of the pull request.

    Raises:
        InputError: if the folder may not be published, or the Hub refuses, saying what to do.
    """
    found = publication(folder, where.token or get_token())
    files: dict[str, Path | bytes] = dict(found.files)
    card = published_card(folder, where.repo)
    if card is not None:
        files[CARD] = card.encode()
    if copy_to is not None:
        files.update({f"{copy_to}/{name}": path for name, path in found.files.items()})
    if not where.create_pr:
        make_repo(where)
    with explained(where.repo, where.revision, where.create_pr):
        info = _with_patience(where, files, message)
    return str(info.pr_url or info.commit_url)


def _with_patience(
    where: Destination, files: Mapping[str, Path | bytes], message: str
) -> CommitInfo:
    for wait in WAITS:
        try:
            return _commit(where, files, message)
        except Exception as error:
            # A pull request whose answer was lost would be made twice.
            if where.create_pr or not is_passing(error):
                raise
            reason = str(error).partition("\n")[0]
            logger.warning("Push to %s: %s; trying again in %d s.", where.repo, reason, wait)
            time.sleep(wait)
    return _commit(where, files, message)


def _commit(where: Destination, files: Mapping[str, Path | bytes], message: str) -> CommitInfo:
    api = HfApi(token=where.token)
    head = api.model_info(where.repo, revision=where.revision)
    there = [sibling.rfilename for sibling in head.siblings or ()]
    operations: list[Any] = [CommitOperationAdd(name, content) for name, content in files.items()]
    operations += [
        CommitOperationDelete(name, is_folder=False) for name in stale_files(there, files)
    ]
    return api.create_commit(
        where.repo,
        operations,
        commit_message=message,
        revision=where.revision,
        create_pr=where.create_pr,
        # Nobody else's commit is undone by what was read before it.
        parent_commit=head.sha,
    )


def stale_files(there: Iterable[str], files: Iterable[str]) -> list[str]:
    """The files of a repository that an earlier push wrote and this one does not."""
    return sorted(name for name in set(there) - set(files) if is_published(name))
