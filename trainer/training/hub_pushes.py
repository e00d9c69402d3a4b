"""Pushes to the Hub during training, each of a complete model."""

import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from transformers import Trainer
from transformers.trainer_utils import HubStrategy

from trainer.errors import InputError
from trainer.hub.push import Destination, check_destination, destination, make_repo, push
from trainer.hub.push_card import CARD
from trainer.hub.push_files import MODEL_FILES, matches
from trainer.saving.files import write_text

logger = logging.getLogger(__name__)

STAGED = ".pushing-"
INTERIM_CARD = """---
library_name: transformers
tags:
- hybrid-mtl
- multitask
---

# {name}

A model in training, after {steps:,} optimizer steps. Its card is written when training ends.
"""


class PushesInTraining(Trainer):
    """A `Trainer` whose pushes contain weights, tokenizer and code, and no pickle.

    With `hub_strategy` `every_save`, each saved checkpoint becomes the repository's model;
    `checkpoint` also copies it to `last-checkpoint/`, `all_checkpoints` to `checkpoint-N/`; `end`
    pushes at the end only. Pushes run in the background. A failure is logged and does not stop the
    training.
    """

    _pusher: ThreadPoolExecutor | None = None
    _push: Future | None = None

    def init_hf_repo(self, token: str | None = None, private: bool | None = None) -> None:
        """Create the repository if it does not exist.

        Raises:
            InputError: if a push could not succeed, with a remedy.
        """
        if not self.is_world_process_zero():
            return
        target = check_destination(self._destination(token, private))
        # Left by a run that was killed during a push.
        for leftover in Path(self.args.output_dir).glob(f"{STAGED}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        make_repo(target)
        self.hub_model_id = target.repo

    def push_to_hub(
        self,
        commit_message: str | None = "End of training",
        blocking: bool = True,
        token: str | None = None,
        revision: str | None = None,
        private: bool | None = None,
        **kwargs: Any,
    ) -> str | Future | None:
        """Save the model and publish `output_dir`; `kwargs` of `Trainer.push_to_hub` are rejected.

        Returns:
            The URL of the commit, or its future if `blocking` is false; None on processes other
            than the first.

        Raises:
            InputError: if the folder may not be published, or the Hub rejects the push.
        """
        if kwargs:
            raise InputError(
                f"push_to_hub: unknown arguments {', '.join(kwargs)}; edit README.md instead"
            )
        if self.hub_model_id is None:
            self.init_hf_repo(token, private)
        self.save_model(_internal_call=True)
        if not self.is_world_process_zero():
            return None
        folder = Path(self.args.output_dir)
        if not (folder / CARD).is_file():
            self._write_card(folder)
        target = self._destination(token, private, revision)
        self._finish_current_push()
        job = self._submit(push, folder, target, commit_message or "End of training")
        return job.result() if blocking else job

    def _destination(
        self, token: str | None = None, private: bool | None = None, revision: str | None = None
    ) -> Destination:
        fields: dict[str, Any] = {
            "repo": self.hub_model_id,
            "token": token,
            "private": private,
            "revision": revision,
        }
        changes = {name: value for name, value in fields.items() if value is not None}
        return replace(destination(self.args), **changes)

    def _write_card(self, folder: Path) -> None:
        name = str(self.hub_model_id).split("/")[-1]
        write_text(folder / CARD, INTERIM_CARD.format(name=name, steps=self.state.global_step))

    def _push_from_checkpoint(self, checkpoint_folder: str) -> None:
        if not self.is_world_process_zero() or self.args.hub_strategy == HubStrategy.END:
            return
        busy = self._push is not None and not self._push.done()
        if busy and not self.args.hub_always_push:
            return
        self.callback_handler.on_push_begin(self.args, self.state, self.control)
        staged = self._stage(Path(checkpoint_folder))
        self._push = self._submit(
            _push_staged,
            staged,
            self._destination(),
            f"Training in progress, step {self.state.global_step}",
            self._checkpoint_dir_in_repo(),
        )

    def _stage(self, checkpoint: Path) -> Path:
        """Return a folder with the checkpoint's model, which checkpoint rotation does not delete.

        Its files are hard links if the file system supports them.
        """
        staged = Path(tempfile.mkdtemp(prefix=STAGED, dir=self.args.output_dir))
        for path in checkpoint.iterdir():
            if matches(path.name, MODEL_FILES):
                try:
                    os.link(path, staged / path.name)
                except OSError:
                    shutil.copyfile(path, staged / path.name)
        self._write_card(staged)
        return staged

    def _checkpoint_dir_in_repo(self) -> str | None:
        """Return the repository's folder for a copy of the checkpoint, if any."""
        if self.args.hub_strategy == HubStrategy.CHECKPOINT:
            return "last-checkpoint"
        if self.args.hub_strategy == HubStrategy.ALL_CHECKPOINTS:
            return f"checkpoint-{self.state.global_step}"
        return None

    def _submit(self, function: Callable[..., Any], *args: Any) -> Future:
        # One at a time, so that the newest is the last commit.
        self._pusher = self._pusher or ThreadPoolExecutor(1, thread_name_prefix="push")
        return self._pusher.submit(function, *args)

    def _finish_current_push(self) -> None:
        if self._push is None:
            return
        if not self._push.done():
            logger.info("Waiting for the push to %s to end.", self.hub_model_id)
        self._push.result()
        self._push = None


def _push_staged(folder: Path, target: Destination, message: str, copy_to: str | None) -> None:
    """Push a folder and delete it; log a failure."""
    try:
        push(folder, target, message, copy_to=copy_to)
    except Exception as error:
        logger.warning(
            "A push to %s failed: %s",
            target.repo,
            error,
            exc_info=not isinstance(error, InputError),
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
