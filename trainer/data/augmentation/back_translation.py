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


@dataclass(frozen=True)
class BackTranslation(Method):
    """Translates texts and translates them back; the same text always comes back the same.

    A text whose numbers, names or negations did not come back stays as it was, and so does one
    that is longer than the model reads.

    Attributes:
        models: the model to the other language and the one back, Hub names or folders.
        batch_size: texts that are translated at a time.
        prefix: what the first model wants in front of each text, such as `>>fr<<`.
    """

    keeps_meaning = True
    is_random = False

    models: list[str] = field(default_factory=list)
    batch_size: int = 32
    prefix: str = ""

    def __post_init__(self):
        if len(self.models) != 2:
            raise InputError(
                "models: name two MarianMT models, there and back, such as "
                "[Helsinki-NLP/opus-mt-en-fr, Helsinki-NLP/opus-mt-fr-en]"
            )
        if self.batch_size < 1:
            raise InputError(f"batch_size = {self.batch_size}: must be 1 or more")

    def __call__(self, columns, draws, lookup):
        cache = TranslationCache(self.models, self.prefix)
        texts = [text for column in columns.values() for text in column]
        # By length, so that little of a batch is padding.
        missing = sorted({text for text in texts if text not in cache}, key=lambda t: (len(t), t))
        if missing:
            self._fill(cache, missing, lookup)
        return {name: [_checked(t, cache[t]) for t in column] for name, column in columns.items()}

    def _fill(self, cache: TranslationCache, texts: Sequence[str], lookup: Lookup) -> None:
        there, back = (Translator(name, lookup.device) for name in self.models)
        with tqdm(total=len(texts), desc=f"back translation for {lookup.task}") as progress:
            for start in range(0, len(texts), self.batch_size):
                batch = texts[start : start + self.batch_size]
                sources = [self.prefix + " " + text if self.prefix else text for text in batch]
                cache.add(batch, back.translate(there.translate(sources)))
                progress.update(len(batch))


def _checked(text: str, back: str | None) -> str:
    return back if back and keeps_facts(text, back) else text


class Translator:
    """One MarianMT model with its tokenizer.

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
            hint = "Without a network, name a folder with the model and its tokenizer."
            if find_spec("sentencepiece") is None:
                install = ".venv/bin/pip install -e '.[augment]'"
                hint += f" MarianMT's tokenizers need sentencepiece: {install}"
            raise InputError(
                f"back_translation: cannot load the model '{name}': {reason}\n{hint}"
            ) from error
        self.limit = min(self.tokenizer.model_max_length, self.model.config.max_position_embeddings)

    def translate(self, texts: Sequence[str | None]) -> list[str | None]:
        """Each text's translation by the model's own beam search; None stays None.

        A text of more tokens than the model has positions for becomes None, too.
        """
        ids = [self.tokenizer(text).input_ids if text else [] for text in texts]
        kept = [place for place, tokens in enumerate(ids) if 0 < len(tokens) <= self.limit]
        found: list[str | None] = [None] * len(texts)
        if kept:
            inputs = self.tokenizer.pad({"input_ids": [ids[p] for p in kept]}, return_tensors="pt")
            longest = inputs["input_ids"].shape[1]
            with torch.inference_mode():
                made = self.model.generate(
                    **inputs.to(self.model.device),
                    do_sample=False,
                    # A model that repeats itself must come to an end.
                    max_new_tokens=min(2 * longest + 10, self.limit - 1),
                )
            for place, text in zip(
                kept, self.tokenizer.batch_decode(made, skip_special_tokens=True), strict=True
            ):
                found[place] = text
        return found
