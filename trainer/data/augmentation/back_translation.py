"""Back translation by two MarianMT models, as in UDA (Xie et al. 2019, arXiv:1904.12848)."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec

import torch
from datasets.utils import tqdm
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from modeling_hybrid_mtl.weights_hybrid_mtl import check_weights
from trainer.data.augmentation.methods import Lookup, Method
from trainer.data.augmentation.translation_cache import TranslationCache
from trainer.data.augmentation.words import keeps_facts
from trainer.errors import InputError
from trainer.registry import AUGMENTATIONS


@AUGMENTATIONS.register("back_translation")
@dataclass(frozen=True)
class BackTranslation(Method):
    """Translates texts to another language and back, deterministically.

    A text stays unchanged if its back translation lacks its numbers, names or negations, or if it
    exceeds the model's maximum length.

    Attributes:
        models: the models for both directions, Hub names or folders.
        batch_size: number of texts per batch.
        prefix: prefix of the first model's inputs, such as `>>fr<<`.
    """

    citation = "back_translation"
    keeps_meaning = True
    is_random = False

    models: list[str] = field(default_factory=list)
    batch_size: int = 32
    prefix: str = ""

    def __post_init__(self):
        if len(self.models) != 2:
            raise InputError(
                "models: name two MarianMT models, for both directions, such as "
                "[Helsinki-NLP/opus-mt-en-fr, Helsinki-NLP/opus-mt-fr-en]"
            )
        if self.batch_size < 1:
            raise InputError(f"batch_size = {self.batch_size}: must be 1 or more")

    def __call__(self, columns, rngs, lookup):
        cache = TranslationCache(self.models, self.prefix)
        texts = [text for column in columns.values() for text in column]
        # Sorted by length to reduce padding.
        missing = sorted({text for text in texts if text not in cache}, key=lambda t: (len(t), t))
        if missing:
            self._fill(cache, missing, lookup)
        return {name: [_checked(t, cache[t]) for t in column] for name, column in columns.items()}

    def _fill(self, cache: TranslationCache, texts: Sequence[str], lookup: Lookup) -> None:
        forward, backward = (Translator(name, lookup.device) for name in self.models)
        with tqdm(total=len(texts), desc=f"back translation for {lookup.task}") as progress:
            for start in range(0, len(texts), self.batch_size):
                batch = texts[start : start + self.batch_size]
                sources = [self.prefix + " " + text if self.prefix else text for text in batch]
                cache.add(batch, backward.translate(forward.translate(sources)))
                progress.update(len(batch))


def _checked(text: str, translation: str | None) -> str:
    return translation if translation and keeps_facts(text, translation) else text


class Translator:
    """A MarianMT model with its tokenizer.

    Raises:
        InputError: if it cannot be loaded.
    """

    def __init__(self, name: str, device: str | torch.device):
        name = os.path.expanduser(name)
        try:
            check_weights(name)
            self.tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
            model = AutoModelForSeq2SeqLM.from_pretrained(
                name, use_safetensors=True, trust_remote_code=False
            )
            self.model = model.to(device).eval()
        except Exception as error:  # no network, no such folder, no sentencepiece, ...
            reason = str(error).strip().partition("\n")[0]
            hint = "Without a network, use a folder with the model and its tokenizer."
            if find_spec("sentencepiece") is None:
                install = "pip install 'hybrid-mtl[augment]'"
                hint += f" MarianMT's tokenizers need sentencepiece: {install}"
            raise InputError(
                f"back_translation: cannot load the model '{name}': {reason}\n{hint}"
            ) from error
        self.limit = min(self.tokenizer.model_max_length, self.model.config.max_position_embeddings)

    def translate(self, texts: Sequence[str | None]) -> list[str | None]:
        """Return the translations by the model's default beam search.

        The translation of None, and of a text with more tokens than the model's positions, is None.
        """
        ids = [self.tokenizer(text).input_ids if text else [] for text in texts]
        kept = [index for index, tokens in enumerate(ids) if 0 < len(tokens) <= self.limit]
        translations: list[str | None] = [None] * len(texts)
        if kept:
            inputs = self.tokenizer.pad({"input_ids": [ids[i] for i in kept]}, return_tensors="pt")
            longest = inputs["input_ids"].shape[1]
            with torch.inference_mode():
                outputs = self.model.generate(
                    **inputs.to(self.model.device),
                    do_sample=False,
                    # Limits the output of a model that repeats itself.
                    max_new_tokens=min(2 * longest + 10, self.limit - 1),
                )
            decoded = self.tokenizer.batch_decode(outputs, skip_special_tokens=True)
            for index, text in zip(kept, decoded, strict=True):
                translations[index] = text
        return translations
