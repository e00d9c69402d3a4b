"""Publication of a trained model's folder as a Hub repository."""

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
    ModelInfo,
    get_token,
)
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.utils import validate_repo_id

from trainer.errors import InputError
from trainer.hub.push_card import CARD, published_card
from trainer.hub.push_errors import NO_TOKEN, TOKENS_PAGE, is_transient, translate_errors
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
RETRY_DELAYS = (2, 8, 30)
MODEL_PATTERNS = ("*.safetensors", "*.bin", "*.gguf", "*.onnx")


@dataclass(frozen=True)
class Destination:
    """The repository that a folder is pushed to.

    Attributes:
        repo: `me/name`, or `name` in the user's namespace.
        revision: a branch or `refs/pr/N`; `main` if None.
        private: whether a new repository is private; the namespace's default if None.
        create_pr: open a pull request instead of committing to the branch.
        token: used instead of `HF_TOKEN` or the token of `hf auth login`.
    """

    repo: str
    revision: str | None = None
    private: bool | None = None
    create_pr: bool = False
    token: str | None = None


def destination(args: "TrainingArguments") -> Destination:
    """Return the destination that a run's arguments specify."""
    repo = args.hub_model_id or Path(args.output_dir).absolute().name
    return Destination(repo, args.hub_revision, args.hub_private_repo, token=args.hub_token)


def check_repo_name(target: Destination) -> None:
    """Check the repository's name, offline.

    Raises:
        InputError: if it is not a valid name.
    """
    with translate_errors(target.repo):
        validate_repo_id(target.repo)


def check_token(target: Destination) -> None:
    """Check that there is a token, offline.

    Raises:
        InputError: if there is none.
    """
    if (target.token or get_token()) is None:
        raise InputError(NO_TOKEN)


def check_destination(target: Destination) -> Destination:
    """Check that a push can succeed, before anything is created or uploaded.

    Returns:
        The destination with its namespace.

    Raises:
        InputError: if there is no token, no write access or no such revision, if the repository is
            public but should be private, or holds another model.
    """
    if target.create_pr and target.revision not in (None, "main"):
        raise InputError("create_pr: pull requests are opened against main; omit the revision")
    check_token(target)
    check_repo_name(target)
    api = HfApi(token=target.token)
    with translate_errors(target.repo, target.revision):
        user = api.whoami()
        if "/" not in target.repo:
            target = replace(target, repo=f"{user['name']}/{target.repo}")
        try:
            api.auth_check(target.repo, write=not target.create_pr)
        except RepositoryNotFoundError:
            _check_new(target, user)
            return target
        _check_existing(target, api)
    return target


def _check_new(target: Destination, user: dict[str, Any]) -> None:
    if target.create_pr:
        raise InputError(
            f"create_pr: there is no repository '{target.repo}' to open a pull request in; push "
            f"without create_pr to create it"
        )
    if target.revision not in (None, "main"):
        raise InputError(
            f"revision: '{target.repo}' is a new repository and has no branch '{target.revision}'; "
            f"push to main first, then create the branch with `hf repos branch create`"
        )
    names = [user["name"], *(org["name"] for org in user.get("orgs", ()))]
    if target.repo.split("/")[0] not in names:
        raise InputError(
            f"no permission to create '{target.repo}', or it is private: this token may create "
            f"repositories of {', '.join(names)}"
        )
    if user.get("auth", {}).get("accessToken", {}).get("role") == "read":
        raise InputError(
            f"no permission to create '{target.repo}': this token is read-only; create one with "
            f"write access at {TOKENS_PAGE}"
        )


def _check_existing(target: Destination, api: HfApi) -> None:
    info = api.model_info(target.repo)
    if target.private and not info.private:
        raise InputError(
            f"private: '{target.repo}' exists and is public; make it private in its settings, or "
            f"choose a new repository"
        )
    revision = target.revision or "main"
    if not revision.startswith("refs/pr/"):
        branches = [branch.name for branch in api.list_repo_refs(target.repo).branches]
        if revision not in branches:
            raise InputError(
                f"revision: '{target.repo}' has no branch '{revision}' (branches: "
                f"{', '.join(branches)}); create it with "
                f"`hf repos branch create {target.repo} {revision}`"
            )
    names = _list_files(api.model_info(target.repo, revision=target.revision))
    if MODEL_CONFIG in names:
        with tempfile.TemporaryDirectory() as folder:
            path = api.hf_hub_download(
                target.repo, MODEL_CONFIG, revision=revision, local_dir=folder
            )
            kind = read_model_config(Path(path)).get("model_type", "unknown")
    else:
        has_model = any(fnmatch(name, pattern) for name in names for pattern in MODEL_PATTERNS)
        kind = "unknown" if has_model else "hybrid_mtl"
    if kind != "hybrid_mtl" and not target.create_pr:
        raise InputError(
            f"'{target.repo}' exists and holds another model (of type {kind}), which a push would "
            f"replace; choose a new repository"
        )


def _list_files(info: ModelInfo) -> list[str]:
    return [sibling.rfilename for sibling in info.siblings or ()]


def make_repo(target: Destination) -> None:
    """Create the repository if it does not exist.

    Raises:
        InputError: if the Hub refuses.
    """
    with translate_errors(target.repo, target.revision):
        HfApi(token=target.token).create_repo(target.repo, private=target.private, exist_ok=True)


def push(
    folder: Path,
    target: Destination,
    message: str = MESSAGE,
    *,
    copy_to: str | None = None,
) -> str:
    """Synchronize the repository's revision with the folder, in one commit.

    Files of earlier pushes that are missing in the folder are deleted; other files stay. Transient
    failures are retried without uploading files again.

    Args:
        folder: a complete model (see `publication`).
        target: the destination, checked by `check_destination`.
        message: the commit message.
        copy_to: a folder of the repository for a second copy, which later pushes do not change.

    Returns:
        The URL of the commit or the pull request.

    Raises:
        InputError: if the folder may not be published, or the Hub refuses.
    """
    model_files = publication(folder, target.token or get_token()).files
    files: dict[str, Path | bytes] = dict(model_files)
    card = published_card(folder, target.repo)
    if card is not None:
        files[CARD] = card.encode()
    if copy_to is not None:
        files.update({f"{copy_to}/{name}": path for name, path in model_files.items()})
    if not target.create_pr:
        make_repo(target)
    with translate_errors(target.repo, target.revision, target.create_pr):
        info = _commit_with_retries(target, files, message)
    return str(info.pr_url or info.commit_url)


def _commit_with_retries(
    target: Destination, files: Mapping[str, Path | bytes], message: str
) -> CommitInfo:
    for delay in RETRY_DELAYS:
        try:
            return _commit(target, files, message)
        except Exception as error:
            # Retrying could open a pull request twice if the response was lost.
            if target.create_pr or not is_transient(error):
                raise
            reason = str(error).partition("\n")[0]
            logger.warning("Push to %s: %s; retrying in %d s.", target.repo, reason, delay)
            time.sleep(delay)
    return _commit(target, files, message)


def _commit(target: Destination, files: Mapping[str, Path | bytes], message: str) -> CommitInfo:
    api = HfApi(token=target.token)
    head = api.model_info(target.repo, revision=target.revision)
    operations: list[Any] = [CommitOperationAdd(name, content) for name, content in files.items()]
    operations += [
        CommitOperationDelete(name, is_folder=False)
        for name in stale_files(_list_files(head), files)
    ]
    return api.create_commit(
        target.repo,
        operations,
        commit_message=message,
        revision=target.revision,
        create_pr=target.create_pr,
        # Fail, and retry, if there was another commit in between.
        parent_commit=head.sha,
    )


def stale_files(existing: Iterable[str], files: Iterable[str]) -> list[str]:
    """Return the files of a repository that an earlier push wrote and this one does not."""
    return sorted(name for name in set(existing) - set(files) if is_published(name))
