"""Export of the encoder as a sentence-transformers model."""

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

# Largest difference between two computations of a vector, relative to its largest value.
TOLERANCE = 1e-6
_POOLING_FLAGS = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens")


def write_sentence_transformer(
    model: HybridMTLModel, tokenizer: PreTrainedTokenizerBase, folder: Path
) -> dict[str, Any]:
    """Write the encoder, its pooling, the shared layers and the tokenizer.

    Task adapters are omitted; a shared adapter is merged. The vectors of
    `SentenceTransformer(folder)` are compared with the model's.

    Returns:
        The largest difference relative to the largest value, for the export's description.

    Raises:
        InputError: if sentence-transformers cannot represent the encoder, or its vectors differ.
    """
    from sentence_transformers import SentenceTransformer

    if adapted := [task for task in model.config.tasks if task in model.config.adapters]:
        print(f"adapters omitted: {', '.join(adapted)}; --task NAME merges one into the encoder")
    _save(model, tokenizer, folder)
    difference = _difference(
        model, tokenizer, SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    )
    print(f"largest difference of a vector's entries: {difference:.1e}")
    if not difference <= TOLERANCE:
        raise InputError(
            f"the vectors of sentence-transformers differ from the model's by {difference:.1e}, "
            f"relative to the largest value; nothing was written"
        )
    return {"largest_difference": difference}


def _pop_pooler(encoder: Any) -> nn.Linear:
    """Remove the pooler of an encoder and return its linear layer.

    Raises:
        InputError: if the pooler is not a linear layer and a tanh on the first token.
    """
    pooler = encoder.pooler
    dense = getattr(pooler, "dense", None)
    if not isinstance(dense, nn.Linear) or not isinstance(
        getattr(pooler, "activation", None), nn.Tanh
    ):
        kind = encoder.config.model_type
        raise InputError(
            f"pooling = 'pooler': the pooler of an encoder of type {kind} is not a linear layer "
            "with a tanh on the first token, the only kind that sentence-transformers can "
            "represent; export it with --format onnx"
        )
    encoder.pooler = None
    return dense


def _layers_after_encoder(model: HybridMTLModel, encoder: PreTrainedModel) -> list[nn.Module]:
    """Return the pooling and the shared layers, without dropout, as sentence-transformers has
    them."""
    from sentence_transformers.sentence_transformer.modules import Dense, Pooling

    def dense(linear: nn.Linear, activation: nn.Module) -> nn.Module:
        sizes, weights = (linear.in_features, linear.out_features), (linear.weight, linear.bias)
        return Dense(*sizes, True, activation, *weights)

    pooling = model.config.pooling
    width = encoder.config.hidden_size
    modules: list[nn.Module] = [Pooling(width, "mean" if pooling == "mean" else "cls")]
    if pooling == "pooler":
        modules.append(dense(_pop_pooler(encoder), nn.Tanh()))
    layers = [layer for layer in model.shared_layers if not isinstance(layer, nn.Dropout)]
    return modules + [dense(*pair) for pair in zip(layers[::2], layers[1::2], strict=True)]


def _save(model: HybridMTLModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Transformer

    encoder = plain_encoder(model)
    modules = _layers_after_encoder(model, encoder)
    has_option = "add_pooling_layer" in inspect.signature(type(encoder)).parameters
    options = {"add_pooling_layer": False} if has_option else {}
    with TemporaryDirectory() as temporary:
        encoder.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
        transformer = Transformer(temporary, model_kwargs=dict(options))
    # A tokenizer loaded from the temporary folder would be saved with that path.
    transformer.processor = tokenizer
    modules.insert(0, transformer)
    exported = SentenceTransformer(modules=modules, device="cpu", similarity_fn_name="cosine")
    exported.save_pretrained(str(folder), create_model_card=False)
    # Without `model_args`, loading initializes an unused pooler and warns of it.
    _extend(folder / "sentence_bert_config.json", {"model_args": options} if options else {})
    _add_fields_of_other_readers(folder, tokenizer.model_max_length)


def _add_fields_of_other_readers(folder: Path, max_length: int) -> None:
    """Add the fields of older versions of the format, which text-embeddings-inference requires.

    It does not start without the maximum length and the four flags of pooling.
    """
    _extend(folder / "sentence_bert_config.json", {"max_seq_length": max_length})
    path = folder / "1_Pooling" / "config.json"
    mode = json.loads(path.read_text())["pooling_mode"]
    _extend(
        path,
        {
            f"pooling_mode_{flag}": flag in (f"{mode}_token", f"{mode}_tokens")
            for flag in _POOLING_FLAGS
        },
    )


def _extend(path: Path, fields: dict[str, Any]) -> None:
    write_json(path, {**json.loads(path.read_text()), **fields})


@torch.no_grad()
def _difference(model: HybridMTLModel, tokenizer: PreTrainedTokenizerBase, other: Any) -> float:
    """Return the largest difference of a vector entry, relative to the largest value above 1."""
    largest = 0.0
    texts = [first for first, _ in sample_pairs(8)]
    for batch in (texts, texts[:1], [long_text(tokenizer)]):
        inputs = tokenizer(batch, padding=True, truncation=True, return_tensors="pt")
        ours = model(**inputs).embeddings
        theirs = other.encode(batch, convert_to_tensor=True, show_progress_bar=False)
        scale = max(1.0, ours.abs().max().item())
        largest = max(largest, (ours - theirs).abs().max().item() / scale)
    return largest
