"""Errors of the Hub and of the connection, translated to one line with a remedy."""

from collections.abc import Iterator
from contextlib import contextmanager

from httpx2 import TransportError
from huggingface_hub import constants
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from trainer.errors import InputError

TOKENS_PAGE = "https://huggingface.co/settings/tokens"
NO_TOKEN = (
    "there is no Hub token: log in with `hf auth login`, or set the environment variable HF_TOKEN "
    f"to a token with write access ({TOKENS_PAGE})"
)
UNCHANGED = "the repository was not changed; push again: uploaded files are not sent twice"
MAYBE_CREATED = "it may have been created: check the pull requests before you push again"


@contextmanager
def translate_errors(
    repo: str, revision: str | None = None, create_pr: bool = False
) -> Iterator[None]:
    """Translate errors of the Hub's client to an `InputError`.

    Args:
        repo: the repository.
        revision: its branch.
        create_pr: whether a pull request is being opened.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        message = _message(error, repo, revision or "main")
        if message is None:
            raise
        if create_pr and isinstance(root_cause(error), TransportError | ConnectionError):
            message = message.replace(UNCHANGED, MAYBE_CREATED)
        raise InputError(message) from error


def _message(error: Exception, repo: str, revision: str) -> str | None:
    cause = root_cause(error)
    if isinstance(cause, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set; unset it to push"
    if isinstance(cause, HFValidationError):
        return f"'{repo}' is not a valid repository name ({_first_line(cause)}); use me/name"
    if isinstance(cause, HfHubHTTPError):
        return _http_message(cause, repo, revision)
    if isinstance(cause, TransportError | ConnectionError):
        return f"the connection to {constants.ENDPOINT} failed ({_first_line(cause)}): {UNCHANGED}"
    if isinstance(cause, ValueError) and "README.md" in str(cause):
        reason = " ".join(str(cause).split())
        return f"the Hub rejected the model card: {reason} Correct the folder's README.md"
    return None


def _http_message(error: HfHubHTTPError, repo: str, revision: str) -> str:
    status = error.response.status_code
    if isinstance(error, RevisionNotFoundError):
        return f"revision: '{repo}' has no revision '{revision}'; use one of its branches"
    # The client reports a repository that needs a token as not found, also with status 401.
    if status == 401 and not isinstance(error, RepositoryNotFoundError):
        return (
            "the token is invalid or expired: log in again with `hf auth login --force`, or set "
            f"HF_TOKEN to a new one ({TOKENS_PAGE})"
        )
    if isinstance(error, RepositoryNotFoundError):
        return (
            f"there is no repository '{repo}', or it is private and this token has no access: "
            "check the name and the token's owner"
        )
    if status == 403:
        return (
            f"no write access to '{repo}': use a token of its owner with write access "
            f"({TOKENS_PAGE}), choose a repository of your own, or open a pull request with "
            f"hybrid-mtl push FOLDER {repo} --create_pr"
        )
    if status == 412:
        return f"'{repo}' was changed during the push: check the change, and push again"
    reason = error.server_message or _first_line(error)
    return f"the Hub refused with status {status} ({reason}): {UNCHANGED}"


def is_transient(error: Exception) -> bool:
    """Return whether a retry of the request may succeed."""
    cause = root_cause(error)
    if isinstance(cause, HfHubHTTPError):
        return cause.response.status_code in (408, 412, 429) or cause.response.status_code >= 500
    # Those of hf_xet, which uploads the weights, are Python's own.
    return isinstance(cause, TransportError | ConnectionError)


def root_cause(error: Exception) -> Exception:
    """Return the cause behind the client's generic errors."""
    wrappers = (RuntimeError, LocalEntryNotFoundError)
    while type(error) in wrappers and isinstance(error.__cause__, Exception):
        error = error.__cause__
    return error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).partition("\n")[0]
