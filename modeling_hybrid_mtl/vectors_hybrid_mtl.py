"""Sentence vectors of texts, with the tokenizer saved with the model."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import AutoTokenizer, PreTrainedModel
from transformers.utils import logging

from .embedding_checks_hybrid_mtl import check_ids
from .texts_hybrid_mtl import is_many, is_positive_int, max_positions, text_error, to_python
from .weights_hybrid_mtl import HUB_KWARGS

logger = logging.get_logger(__name__)


class EmbeddingMixin(PreTrainedModel):
    """The methods of `HybridMTLModel` for sentence vectors of texts.

    Attributes:
        tokenizer: the tokenizer saved with the model, loaded on first use; may be replaced.
    """

    tokenizer: Any = None
    _hub_kwargs: Mapping[str, Any] = MappingProxyType({})
    encode_tokens: Any

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args, **kwargs) -> Any:
        """Load a model, and keep its Hub options to load the tokenizer."""
        hub = {name: kwargs[name] for name in HUB_KWARGS if name in kwargs}
        origin = getattr(kwargs.get("config"), "name_or_path", "")
        loaded = super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)
        model = loaded[0] if isinstance(loaded, tuple) else loaded
        model.set_origin(**hub)
        if pretrained_model_name_or_path is None:
            # Loaded from weights in memory: keep the origin of the configuration.
            model.name_or_path = model.config.name_or_path = origin
        return loaded

    def set_origin(self, **hub: Any) -> None:
        """Keep the Hub options that the model was loaded with, except the token."""
        self._hub_kwargs = {name: value for name, value in hub.items() if name != "token"}

    def __getstate__(self) -> dict[str, Any]:
        # The fingerprint of a model must not depend on previous calls.
        return {name: value for name, value in vars(self).items() if name != "tokenizer"}

    @torch.no_grad()
    def encode(
        self,
        texts: Any,
        *,
        task: str | None = None,
        batch_size: int = 32,
        max_length: int | None = None,
        normalize_embeddings: bool = False,
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        device: Any = None,
        show_progress_bar: bool = False,
    ) -> Any:
        """Return sentence vectors, without dropout and without gradients.

        Args:
            texts: a text, or N of them: a list, a column of a dataset, an array and the like.
            task: the task whose adapters to use.
            batch_size: texts per pass of the encoder.
            max_length: maximum number of tokens of a text; that of tokenizer and encoder if None. A
                warning reports the number of truncated texts.
            normalize_embeddings: scale the vectors to length 1.
            convert_to_numpy: return a numpy array; if false, a list of tensors.
            convert_to_tensor: return a tensor on the model's device instead.
            device: a device such as `cuda`, to which the model is moved permanently.
            show_progress_bar: show the progress in batches.

        Returns:
            Float32 vectors (N, S) in the order of the texts, or (S,) for a single text.

        Raises:
            ValueError: if a text (with its index), the task, the tokenizer, a number or the device
                is invalid.
        """
        _check_counts(batch_size=batch_size, max_length=max_length)
        texts = to_python(texts)
        rows = _checked_rows(texts)
        tokenizer = self.open_tokenizer()
        limit = max_length or tokenizer.model_max_length
        limit = min(limit, max_positions(self) or limit)
        self._move(device)
        order = sorted(range(len(rows)), key=lambda i: -len(rows[i]))
        batches = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
        vectors = torch.empty(len(rows), self.config.sentence_vector_size, device=self.device)
        n_truncated = 0
        was_training = self.training
        self.eval()
        try:
            for batch in logging.tqdm(batches, disable=not show_progress_bar):
                tokens = _tokenize(tokenizer, [rows[i] for i in batch], limit)
                n_truncated += sum(bool(part.overflowing) for part in tokens.encodings or [])
                vectors[batch] = self._sentence_vectors(tokens, task)
        finally:
            self.train(was_training)
        if n_truncated:
            logger.warning(
                f"{n_truncated} of {len(rows)} texts have more than {limit} tokens and "
                f"are truncated"
            )
        if normalize_embeddings:
            vectors = functional.normalize(vectors, dim=-1)
        is_single = isinstance(texts, str)
        vectors = vectors[0] if is_single else vectors
        if convert_to_tensor:
            return vectors
        if convert_to_numpy:
            return vectors.cpu().numpy()
        return vectors if is_single else list(vectors)

    def _sentence_vectors(self, tokens: Any, task: str | None) -> Tensor:
        # Before the move to a device, to avoid synchronization.
        check_ids(self, tokens["input_ids"], tokens.get("token_type_ids"))
        tokens = tokens.to(self.device)
        names = ("input_ids", "attention_mask", "token_type_ids")
        return self.encode_tokens(*map(tokens.get, names), task)[0].float()

    def _move(self, device: Any) -> None:
        if device is None:
            return
        try:
            self.to(torch.device(device))
        except (AssertionError, RuntimeError, TypeError) as error:
            reason = str(error).partition("\n")[0]
            raise ValueError(f"device = {device!r}: {reason}") from error

    def open_tokenizer(self) -> Any:
        """Return the tokenizer of this model.

        Raises:
            ValueError: if no tokenizer is saved with the model, or the model is not saved.
        """
        if self.tokenizer is None:
            if not self.name_or_path:
                raise ValueError(
                    "this model is not saved yet: set model.tokenizer, or pass a tokenizer"
                )
            try:
                self.tokenizer = AutoTokenizer.from_pretrained(
                    self.name_or_path,
                    config=self.config,
                    trust_remote_code=False,
                    **self._hub_kwargs,
                )
            except (OSError, ValueError) as error:
                raise ValueError(
                    f"no tokenizer can be loaded from '{self.name_or_path}'; set model.tokenizer"
                ) from error
        return self.tokenizer


def _checked_rows(texts: Any) -> list[str]:
    if isinstance(texts, str):
        rows = [texts]
    elif is_many(texts):
        rows = list(texts)
    else:
        raise ValueError(f"expected a text or a list of texts, got {str(texts)[:80]!r}")
    for index, row in enumerate(rows):
        problem = text_error(row)
        if problem is not None:
            raise ValueError(f"text {index} {problem}")
    return rows


def _check_counts(**counts: int | None) -> None:
    for name, value in counts.items():
        is_unset = value is None and name == "max_length"
        if not is_unset and not is_positive_int(value):
            raise ValueError(f"{name} = {value!r}: must be a positive integer")


def _tokenize(tokenizer: Any, texts: list[str], limit: int) -> Any:
    return tokenizer(texts, padding=True, truncation=True, max_length=limit, return_tensors="pt")
