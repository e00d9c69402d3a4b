"""Feedback that is committed to a Hub dataset every few minutes."""

from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

from huggingface_hub import CommitScheduler, HfApi

from .errors import UserError
from .feedback import Feedback

# Minutes between two commits.
MINUTES = 5.0
CARD = """---
configs:
{configs}
tags:
- feedback
---

Predictions of a model with the users' corrections. The rows come from anyone who can open the
model's page: review them before you train on them.
"""
CONFIG = """- config_name: {task}
  data_files:
  - split: train
    path: {task}/*.jsonl"""


def hub_feedback(
    folder: Path,
    repo: str,
    tasks: Iterable[str],
    public: bool = False,
    *,
    model: str,
    revision: str,
) -> Feedback:
    """Return feedback that is also committed to a Hub dataset, with a configuration per task.

    Every process writes its own files, so that a process with an empty disk overwrites none.

    Args:
        folder: the folder of the rows before they are committed.
        repo: the dataset's name; it is created if it does not exist.
        tasks: the model's tasks.
        public: whether the dataset is public.
        model: the model's name.
        revision: its commit or fingerprint.

    Raises:
        UserError: if the dataset cannot be created or written, or is public without `public`.
    """
    file_name = f"train-{uuid4().hex[:12]}.jsonl"
    try:
        scheduler = _schedule_commits(folder, repo, tasks, public, file_name)
    except UserError:
        raise
    except Exception as error:  # network, access and name errors have unrelated types
        raise UserError(
            f"feedback_repo: cannot use the dataset '{repo}': {error}\n"
            f"It requires a network and a token with write access (hf auth login, or HF_TOKEN)."
        ) from error
    visibility = "public" if public else "private"
    storage = f"stored in a {visibility} dataset on the Hugging Face Hub"
    return Feedback(folder, model, revision, file_name, scheduler.lock, storage)


def _schedule_commits(
    folder: Path, repo: str, tasks: Iterable[str], public: bool, file_name: str
) -> CommitScheduler:
    api = HfApi()
    api.create_repo(repo, repo_type="dataset", private=not public, exist_ok=True)
    # `create_repo` accepts an existing dataset without write access; commits would fail later.
    api.auth_check(repo, repo_type="dataset", write=True)
    if not public and not api.dataset_info(repo).private:
        raise UserError(
            f"feedback_repo: the dataset '{repo}' is public, and so would be the users' texts; "
            f"make it private, or pass --feedback_public"
        )
    if not api.file_exists(repo, "README.md", repo_type="dataset"):
        _upload_card(api, repo, tasks)
    return CommitScheduler(
        repo_id=repo,
        repo_type="dataset",
        folder_path=folder,
        every=MINUTES,
        private=not public,
        allow_patterns=f"*/{file_name}",
        hf_api=api,
    )


def _upload_card(api: HfApi, repo: str, tasks: Iterable[str]) -> None:
    configs = "\n".join(CONFIG.format(task=task) for task in tasks)
    api.upload_file(
        path_or_fileobj=CARD.format(configs=configs).encode(),
        path_in_repo="README.md",
        repo_id=repo,
        repo_type="dataset",
        commit_message="Describe the feedback",
    )
