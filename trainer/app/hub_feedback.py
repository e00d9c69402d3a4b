"""Feedback that is committed to a Hub dataset every few minutes."""

from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

from huggingface_hub import CommitScheduler, HfApi

from .errors import UserError
from .feedback import Feedback

# Between two commits.
MINUTES = 5.0
CARD = """---
configs:
{configs}
tags:
- feedback
---

Answers of a model that people called wrong, with the answer that they gave instead. The rows come
from anyone who used the model's page: read them before you train on them.
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
    """Feedback that a Hub dataset gets too, with a configuration for each task.

    Every process writes files of its own, so that one which starts with an empty disk replaces
    nothing.

    Args:
        folder: where the rows are before they are committed.
        repo: the dataset's name; it is made if it does not exist.
        tasks: the model's tasks.
        public: whether anyone may read the dataset.
        model: the model's name.
        revision: its commit or fingerprint.

    Raises:
        UserError: if the dataset cannot be made or read, or is public unasked.
    """
    file_name = f"train-{uuid4().hex[:12]}.jsonl"
    api = HfApi()
    try:
        api.create_repo(repo, repo_type="dataset", private=not public, exist_ok=True)
        # An existing dataset passes for made whoever asks; commits fail later, where nobody looks.
        api.auth_check(repo, repo_type="dataset", write=True)
        if not public and not api.dataset_info(repo).private:
            raise UserError(
                f"feedback_repo: the dataset '{repo}' is public, and what people write would be "
                f"too; make it private, or say --feedback_public"
            )
        if not api.file_exists(repo, "README.md", repo_type="dataset"):
            _upload_card(api, repo, tasks)
        scheduler = CommitScheduler(
            repo_id=repo,
            repo_type="dataset",
            folder_path=folder,
            every=MINUTES,
            private=not public,
            allow_patterns=f"*/{file_name}",
            hf_api=api,
        )
    except UserError:
        raise
    except Exception as error:  # no network, no right, a wrong name: of a dozen unrelated types
        raise UserError(
            f"feedback_repo: cannot use the dataset '{repo}': {error}\n"
            f"It needs a network and a token that may write there (hf auth login, or HF_TOKEN)."
        ) from error
    readers = "can be read by anyone" if public else "is private"
    kept = f"kept in a dataset on the Hugging Face Hub, which {readers}"
    return Feedback(folder, model, revision, file_name, scheduler.lock, kept)


def _upload_card(api: HfApi, repo: str, tasks: Iterable[str]) -> None:
    configs = "\n".join(CONFIG.format(task=task) for task in tasks)
    api.upload_file(
        path_or_fileobj=CARD.format(configs=configs).encode(),
        path_in_repo="README.md",
        repo_id=repo,
        repo_type="dataset",
        commit_message="Describe the feedback",
    )
