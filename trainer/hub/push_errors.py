"""What the Hub and the way to it refuse, in one line that says what to do."""

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
    "no token of the Hub is known here: log in with `hf auth login`, or put a token with the right "
    f"to write ({TOKENS_PAGE}) into the environment variable HF_TOKEN"
)
AGAIN = "nothing was changed in the repository; push again, what was uploaded is not sent twice"

LOOK = "it may have been made all the same: look at its pull requests before you push again"


@contextmanager
def explained(repo: str, revision: str | None = None, create_pr: bool = False) -> Iterator[None]:
    """Turn what the Hub's client raises into an `InputError`.

    Args:
        repo: the repository that is spoken to.
        revision: its branch.
        create_pr: whether a pull request is being made.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        message = _message(error, repo, revision or "main")
        if message is None:
            raise
        if create_pr and isinstance(root(error), TransportError):
            message = message.replace(AGAIN, LOOK)
        raise InputError(message) from error


def _message(error: Exception, repo: str, revision: str) -> str | None:
    cause = root(error)
    if isinstance(cause, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set, so the Hub cannot be reached; unset it to push"
    if isinstance(cause, HFValidationError):
        return f"'{repo}' is no name of a repository ({_first_line(cause)}); name it me/name"
    if isinstance(cause, HfHubHTTPError):
        return _of_status(cause, repo, revision)
    if isinstance(cause, TransportError):
        return f"the connection to {constants.ENDPOINT} failed ({_first_line(cause)}): {AGAIN}"
    if isinstance(cause, ValueError) and "README.md" in str(cause):
        reason = " ".join(str(cause).split())
        return f"the Hub refuses the model card: {reason} Mend the folder's README.md"
    return None


def _of_status(error: HfHubHTTPError, repo: str, revision: str) -> str:
    status = error.response.status_code
    if isinstance(error, RevisionNotFoundError):
        return f"revision: '{repo}' has no revision '{revision}'; name one of its branches"
    # Before 401: the client calls a repository that is not seen without a token not found.
    if status == 401 and not isinstance(error, RepositoryNotFoundError):
        return (
            "the Hub does not know this token (any more): log in again with `hf auth login "
            f"--force`, or put a new one ({TOKENS_PAGE}) into HF_TOKEN"
        )
    if isinstance(error, RepositoryNotFoundError):
        return (
            f"there is no repository '{repo}', or it is private and this token may not see it: "
            f"look at the name and at whose token it is"
        )
    if status == 403:
        return (
            f"no right to write to '{repo}': use a token of its owner with the right to write "
            f"({TOKENS_PAGE}), name a repository of your own, or propose the change with "
            f"scripts/push_to_hub.py FOLDER {repo} --create_pr"
        )
    if status == 412:
        return f"'{repo}' was changed by somebody else meanwhile: look at it, and push again"
    reason = error.server_message or _first_line(error)
    return f"the Hub refused with status {status} ({reason}): {AGAIN}"


def is_passing(error: Exception) -> bool:
    """Whether the same request may well succeed a little later."""
    cause = root(error)
    if isinstance(cause, HfHubHTTPError):
        return cause.response.status_code in (408, 412, 429) or cause.response.status_code >= 500
    return isinstance(cause, TransportError)


def root(error: Exception) -> Exception:
    """What the client's own "error while uploading" or "cannot find" stands for."""
    wrappers = (RuntimeError, LocalEntryNotFoundError)
    while type(error) in wrappers and isinstance(error.__cause__, Exception):
        error = error.__cause__
    return error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).partition("\n")[0]
