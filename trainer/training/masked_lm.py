"""Masked-language-model pretraining (Devlin et al. 2019) of the encoder on the tasks' texts."""

import logging
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor, nn
from torch.utils.data import Sampler
from transformers import (
    DataCollatorForLanguageModeling,
    PreTrainedTokenizerBase,
    TrainerCallback,
    set_seed,
)

from modeling_hybrid_mtl import HybridMTLModel
from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.data import TaskStream
from trainer.data.tokens import IGNORED_LABEL
from trainer.errors import InputError
from trainer.loading.language_model import language_model
from trainer.optimization import optimizer_kind
from trainer.saving.sessions import Session
from trainer.training.base_trainer import BaseTrainer
from trainer.training.nan_guard import MAX_SKIPS_IN_A_ROW, NonFiniteError
from trainer.training.precision import train_in_float32

logger = logging.getLogger(__name__)


def collect_texts(tokenized: Mapping[str, Dataset], seed: int = 0) -> Dataset:
    """Return the distinct sequences of all tasks in random order.

    Args:
        tokenized: task -> tokenized rows (`trainer.data.tokenize`). Siamese pairs are two
            sequences, cross-encoded pairs one.
        seed: seed of the order.

    Returns:
        Columns `input_ids` and, if the rows have them, `token_type_ids`.
    """
    types_by_ids: dict[tuple[int, ...], list[int] | None] = {}
    for rows in tokenized.values():
        for side in ("", "pair_"):
            if f"{side}input_ids" in rows.column_names:
                texts = rows[f"{side}input_ids"][:]
                types = f"{side}token_type_ids"
                all_types = rows[types][:] if types in rows.column_names else [None] * len(texts)
                types_by_ids.update(zip(map(tuple, texts), all_types, strict=True))
    texts = list(types_by_ids)
    order = np.random.default_rng(seed).permutation(len(texts)).tolist()
    columns: dict[str, list] = {"input_ids": [texts[i] for i in order]}
    if all(types is not None for types in types_by_ids.values()):
        columns["token_type_ids"] = [types_by_ids[texts[i]] for i in order]
    return Dataset.from_dict(columns)


def pretrain(
    model: HybridMTLModel,
    texts: Dataset,
    tokenizer: PreTrainedTokenizerBase,
    args: HybridMTLTrainingArguments,
    *,
    start_from: str | None = None,
    revision: str | None = None,
    checkpoint: str | None = None,
    validation: Dataset | None = None,
    mask_share: float = 0.15,
    callbacks: list[TrainerCallback] | None = None,
    sessions: list[Session] | None = None,
) -> list[dict[str, float]]:
    """Continue the pretraining of a model's encoder in place; heads are unchanged.

    Arguments of single tasks and of gradient aggregation are ignored. The best checkpoint has the
    lowest `eval_loss`.

    Args:
        model: the model, whose `backbone` is trained.
        texts: the column `input_ids`, and optionally `token_type_ids` (`collect_texts`).
        tokenizer: the backbone's tokenizer, with a mask token.
        args: the training arguments; `output_dir` is the folder of the checkpoints.
        start_from: name or folder of the original encoder, whose language-model head is used;
            without one, a new head is trained.
        revision: its branch, tag or commit on the Hub.
        checkpoint: a checkpoint of an interrupted call, to resume exactly.
        validation: texts whose `eval_loss` is logged, always with the same masks.
        mask_share: share of the tokens to predict.
        callbacks: as for `Trainer`.
        sessions: a list to which the sessions are appended.

    Returns:
        The log: one mapping per entry.

    Raises:
        InputError: if the encoder or the tokenizer does not support it.
        NonFiniteError: as for training on tasks, unless `nan_policy` is `ignore`.
    """
    _check_supported(model, tokenizer, mask_share)
    overrides: dict[str, Any] = {
        "metric_for_best_model": "eval_loss",
        "greater_is_better": None,
        "push_to_hub": False,  # checkpoints are not hybrid-mtl models
    }
    train_in_float32(model)
    set_seed(args.seed)  # for a new head
    trainer = _PretrainingTrainer(
        language_model(
            model.backbone, None if checkpoint else start_from, revision, warn=checkpoint is None
        ),
        replace(args, **overrides),
        data_collator=_RepeatableMasks(tokenizer, mlm_probability=mask_share, seed=args.seed),
        train_dataset=texts,
        eval_dataset=validation,
        processing_class=tokenizer,
        compute_loss_func=masked_loss,
        callbacks=callbacks,
    )
    trainer.progress.name = "masked language modeling"
    trainer.train(resume_from_checkpoint=checkpoint)
    if args.nan_policy != "ignore":
        _check_finite(model)
    if sessions is not None:
        sessions += trainer.sessions
    return trainer.state.log_history


def _check_supported(
    model: HybridMTLModel, tokenizer: PreTrainedTokenizerBase, mask_share: float
) -> None:
    if not 0 < mask_share < 1:
        raise InputError(f"mask_share = {mask_share!r}: must be between 0 and 1")
    if tokenizer.mask_token is None:
        raise InputError(
            "masked language modeling: the tokenizer has no mask token, so its encoder was not "
            "pretrained this way; remove the phase"
        )
    if not any(p.requires_grad for p in model.backbone.parameters()):
        raise InputError("masked language modeling: the encoder is frozen")
    if model.config.adapters:
        raise InputError(
            "masked language modeling: would change the encoder of the adapters "
            f"{', '.join(model.config.adapters)}; pretrain before training adapters"
        )


def _check_finite(model: HybridMTLModel) -> None:
    broken = [name for name, p in model.backbone.named_parameters() if not torch.isfinite(p).all()]
    if broken:
        raise NonFiniteError(
            f"masked language modeling: {len(broken)} weights of the encoder are not finite at "
            f"the end, first '{broken[0]}'; start again with a lower learning rate"
        )


def masked_loss(outputs: Any, labels: Tensor, num_items_in_batch: Any = None) -> Tensor:
    """Return the mean cross-entropy of the masked tokens of a step; 0 if there are none.

    Args:
        outputs: with `logits`, (B, L, V).
        labels: (B, L), -100 for tokens that are not masked.
        num_items_in_batch: masked tokens of the whole optimizer step, if the batch is a part of
            one.
    """
    loss = nn.functional.cross_entropy(
        outputs.logits.flatten(0, 1).float(),
        labels.flatten(),
        ignore_index=IGNORED_LABEL,
        reduction="sum",
    )
    count = (labels != IGNORED_LABEL).sum() if num_items_in_batch is None else num_items_in_batch
    return loss / torch.as_tensor(count).clamp(min=1)


class _RepeatableMasks(DataCollatorForLanguageModeling):
    """Masks that depend on the seed and the batch only.

    Evaluations use the same masks each time, and a resumed run the same as an uninterrupted one,
    regardless of prefetching. Batches differ between epochs, and so do the masks.
    """

    def torch_mask_tokens(self, inputs: Tensor, *args: Any, **rest: Any) -> tuple[Tensor, Tensor]:
        content = zlib.crc32(inputs.numpy().tobytes(), self.seed)
        self.generator = torch.Generator().manual_seed(content)
        return super().torch_mask_tokens(inputs, *args, **rest)


class _RowsByBatch(Sampler[int]):
    """The rows of one pass of a stream, batch by batch, with rows of similar length together."""

    def __init__(self, stream: TaskStream):
        self.stream = stream
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Set the pass of the next iteration."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self.stream.lengths)

    def __iter__(self) -> Iterator[int]:
        count = self.stream.batches_per_pass
        for number in range(self._epoch * count, (self._epoch + 1) * count):
            yield from self.stream.batch(number).tolist()


class _PretrainingTrainer(BaseTrainer):
    """A `Trainer` with this project's optimizers and batches by length."""

    get_optimizer_cls_and_kwargs = staticmethod(optimizer_kind)
    skipped_in_a_row = 0

    def training_step(self, *args: Any, **kwargs: Any) -> Tensor:
        loss = super().training_step(*args, **kwargs)
        if self.args.nan_policy == "ignore":
            return loss
        bad = (~torch.isfinite(loss.detach())).float().reshape(1)
        if not self.accelerator.reduce(bad, "sum").item():
            self.skipped_in_a_row = 0
            return loss
        step = self.state.global_step + 1
        cause = f"step {step}: the loss of masked language modeling is {loss.item()}"
        self.skipped_in_a_row += 1
        if self.args.nan_policy == "stop" or self.skipped_in_a_row == MAX_SKIPS_IN_A_ROW:
            raise NonFiniteError(f"{cause}. Lower the learning rate, or check the texts")
        logger.warning("%s; the step is skipped", cause)
        self.model.zero_grad()
        return torch.zeros_like(loss)

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler:
        args = self.args
        texts = self.train_dataset if train_dataset is None else train_dataset
        lengths = [len(text) for text in texts["input_ids"]]
        size = args.train_batch_size * args.world_size
        return _RowsByBatch(TaskStream(lengths, size, [args.seed_of_data], args.length_window))
