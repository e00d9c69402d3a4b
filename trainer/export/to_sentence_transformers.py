"""The encoder alone, as a model of sentence-transformers."""

import inspect
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from modeling_hybrid_mtl import HybridMTLModel
from trainer.errors import InputError
from trainer.export.samples import long_text, sample_pairs
from trainer.saving.files import write_json
from trainer.saving.peft_adapters import plain_encoder

# Largest difference between two computations of the same vector, per unit of its largest value.
TOLERANCE = 1e-6


def write_sentence_transformer(
    model: HybridMTLModel, tokenizer: PreTrainedTokenizerBase, folder: Path
) -> dict[str, Any]:
    """Write the encoder, its pooling and the tokenizer.

    Adapters of single tasks are left out; one that all tasks share is folded in. What
    `SentenceTransformer(folder)` gives is compared with the model's own vectors.

    Returns:
        What to say of it: the largest difference found, relative to the largest value.

    Raises:
        InputError: if sentence-transformers cannot express the encoder, or its vectors differ.
    """
    from sentence_transformers import SentenceTransformer

    if own := _own_adapters(model):
        print(f"adapters left out: {', '.join(own)}; --task NAME folds one into the encoder")
    _save(plain_encoder(model), model.config.pooling, tokenizer, folder)
    difference = _difference(
        model, tokenizer, SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    )
    print(f"largest difference of a vector's entries: {difference:.1e}")
    if not difference <= TOLERANCE:
        raise InputError(
            f"sentence-transformers gives other vectors for this encoder: they differ by "
            f"{difference:.1e}, relative to the largest value; nothing was written"
        )
    return {"largest_difference": difference}


def _take_pooler(encoder: Any) -> nn.Linear:
    """The linear layer of an encoder's pooler, which the encoder loses.

    Raises:
        InputError: if the pooler is anything but that layer and a tanh on the first token.
    """
    pooler = encoder.pooler
    dense = getattr(pooler, "dense", None)
    if not isinstance(dense, nn.Linear) or not isinstance(
        getattr(pooler, "activation", None), nn.Tanh
    ):
        kind = encoder.config.model_type
        raise InputError(
            f"pooling = 'pooler': the pooler of an encoder of type {kind} is no "
            f"linear layer with a tanh on the first token, which is all that sentence-transformers "
            f"can express; export it with --format onnx"
        )
    encoder.pooler = None
    return dense


def _save(
    encoder: PreTrainedModel,
    pooling: str,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense, Pooling, Transformer

    width = encoder.config.hidden_size
    parts: list[nn.Module] = [Pooling(width, "mean" if pooling == "mean" else "cls")]
    if pooling == "pooler":
        dense = _take_pooler(encoder)
        parts.append(Dense(width, width, init_weight=dense.weight, init_bias=dense.bias))
    takes_choice = "add_pooling_layer" in inspect.signature(type(encoder)).parameters
    options = {"add_pooling_layer": False} if takes_choice else {}
    with TemporaryDirectory() as place:
        encoder.save_pretrained(place)
        tokenizer.save_pretrained(place)
        transformer = Transformer(place, model_kwargs=dict(options))
    # The one that was read from the folder would be saved with what it remembers of that.
    transformer.processor = tokenizer
    parts.insert(0, transformer)
    whole = SentenceTransformer(modules=parts, device="cpu", similarity_fn_name="cosine")
    whole.save_pretrained(str(folder), create_model_card=False)
    if options:
        # Else a pooler that nothing reads is made anew with every loading, and warned of.
        config = folder / "sentence_bert_config.json"
        write_json(config, {**json.loads(config.read_text()), "model_args": options})


def _own_adapters(model: HybridMTLModel) -> list[str]:
    return [task for task in model.config.tasks if task in model.config.adapters]


@torch.no_grad()
def _difference(model: HybridMTLModel, tokenizer: PreTrainedTokenizerBase, other: Any) -> float:
    """The largest difference of a vector's entries, per unit of the largest value above 1."""
    found = 0.0
    texts = [first for first, _ in sample_pairs(8)]
    for batch in (texts, texts[:1], [long_text(tokenizer)]):
        inputs = tokenizer(batch, padding=True, truncation=True, return_tensors="pt")
        ours = model(**inputs).embeddings
        theirs = other.encode(batch, convert_to_tensor=True, show_progress_bar=False)
        scale = max(1.0, ours.abs().max().item())
        found = max(found, (ours - theirs).abs().max().item() / scale)
    return found
