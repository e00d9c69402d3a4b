"""Sentence vectors of texts, with the tokenizer that lies with the model."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch.nn import functional
from transformers import AutoTokenizer, PreTrainedModel
from transformers.utils import logging

from .fit_hybrid_mtl import check_ids
from .texts_hybrid_mtl import is_count, is_many, most_positions, plain, wrong_text
from .weights_hybrid_mtl import HUB_KWARGS

logger = logging.get_logger(__name__)


class WithVectors(PreTrainedModel):
    """The part of `HybridMTLModel` that makes vectors of texts.

    Attributes:
        tokenizer: the one that lies with the model, opened when it is first needed; another one may
            be put in its place.
    """

    tokenizer: Any = None
    _place: Mapping[str, Any] = MappingProxyType({})
    encode_tokens: Any

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args, **kwargs) -> Any:
        """As every model's; where the files lie is kept for the tokenizer."""
        hub = {name: kwargs[name] for name in HUB_KWARGS if name in kwargs}
        known = getattr(kwargs.get("config"), "name_or_path", "")
        found = super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)
        model = found[0] if isinstance(found, tuple) else found
        model.lies_at(**hub)
        if pretrained_model_name_or_path is None:
            # Made of weights in memory: it belongs where its configuration came from.
            model.name_or_path = model.config.name_or_path = known
        return found

    def lies_at(self, **hub: Any) -> None:
        """Keep where on the Hub, and in what cache, the model was found; but for the token."""
        self._place = {name: value for name, value in hub.items() if name != "token"}

    def __getstate__(self) -> dict[str, Any]:
        # A model's pickle, and so its fingerprint, is the same whatever it was asked before.
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
        """Make sentence vectors, without dropout and without gradients.

        Args:
            texts: a text, or N of them: a list, a column of a dataset, an array and the like.
            task: the task whose adapters are added to the encoder, if it has any.
            batch_size: texts per pass of the encoder.
            max_length: tokens that are read of a text; as many as tokenizer and encoder can when
                left out. How many texts were longer is logged as a warning.
            normalize_embeddings: make every vector one of length 1.
            convert_to_numpy: return a numpy array; if false, a list of tensors.
            convert_to_tensor: return a tensor on the model's device instead of either.
            device: where to read, such as `cuda`; the model is moved there, and stays.
            show_progress_bar: show how many batches have been read.

        Returns:
            Float32 vectors (N, H) in the order of the texts, or (H,) of a lone text.

        Raises:
            ValueError: if something is no text or is empty, saying which, if the model has no task
                of that name, if no tokenizer lies with it or it does not fit the encoder, or if a
                number or the device cannot be.
        """
        _check_counts(batch_size=batch_size, max_length=max_length)
        texts = plain(texts)
        rows = _checked(texts)
        tokenizer = self.open_tokenizer()
        limit = max_length or tokenizer.model_max_length
        limit = min(limit, most_positions(self) or limit)
        self._move(device)
        order = sorted(range(len(rows)), key=lambda i: -len(rows[i]))
        batches = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
        vectors = torch.empty(len(rows), self.config.hidden_size, device=self.device)
        cut = 0
        was_training = self.training
        self.eval()
        try:
            for batch in logging.tqdm(batches, disable=not show_progress_bar):
                tokens = _tokens(tokenizer, [rows[i] for i in batch], limit)
                cut += sum(bool(part.overflowing) for part in tokens.encodings or [])
                # Before they are on a device, where this would have to wait.
                check_ids(self, tokens["input_ids"], tokens.get("token_type_ids"))
                tokens = tokens.to(self.device)
                names = ("input_ids", "attention_mask", "token_type_ids")
                found, _ = self.encode_tokens(*map(tokens.get, names), task)
                vectors[batch] = found.float()
        finally:
            self.train(was_training)
        if cut:
            logger.warning(
                f"{cut} of {len(rows)} texts have more than {limit} tokens; what is beyond these "
                f"is not read"
            )
        if normalize_embeddings:
            vectors = functional.normalize(vectors, dim=-1)
        lone = isinstance(texts, str)
        vectors = vectors[0] if lone else vectors
        if convert_to_tensor:
            return vectors
        if convert_to_numpy:
            return vectors.cpu().numpy()
        return vectors if lone else list(vectors)

    def _move(self, device: Any) -> None:
        if device is None:
            return
        try:
            self.to(torch.device(device))
        except (AssertionError, RuntimeError, TypeError) as error:
            reason = str(error).partition("\n")[0]
            raise ValueError(f"device = {device!r}: {reason}") from error

    def open_tokenizer(self) -> Any:
        """The tokenizer of this model.

        Raises:
            ValueError: if none lies where the model was loaded from, or the model lies nowhere.
        """
        if self.tokenizer is None:
            if not self.name_or_path:
                raise ValueError(
                    "this model lies nowhere yet: set model.tokenizer, or pass a tokenizer"
                )
            try:
                self.tokenizer = AutoTokenizer.from_pretrained(
                    self.name_or_path, config=self.config, trust_remote_code=False, **self._place
                )
            except (OSError, ValueError) as error:
                raise ValueError(
                    f"no tokenizer can be opened in '{self.name_or_path}'; set model.tokenizer"
                ) from error
        return self.tokenizer


def _checked(texts: Any) -> list[str]:
    if isinstance(texts, str):
        rows = [texts]
    elif is_many(texts):
        rows = list(texts)
    else:
        raise ValueError(f"expected a text or a list of texts, got {str(texts)[:80]!r}")
    for index, row in enumerate(rows):
        wrong = wrong_text(row)
        if wrong is not None:
            raise ValueError(f"text {index} {wrong}")
    return rows


def _check_counts(**counts: int | None) -> None:
    for name, value in counts.items():
        left_out = value is None and name == "max_length"
        if not left_out and not is_count(value):
            raise ValueError(f"{name} = {value!r}: must be a positive whole number")


def _tokens(tokenizer: Any, texts: list[str], limit: int) -> Any:
    return tokenizer(texts, padding=True, truncation=True, max_length=limit, return_tensors="pt")
