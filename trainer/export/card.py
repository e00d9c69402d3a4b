"""The card of an export: what it is, and which model it was taken from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCardData, hf_hub_download
from huggingface_hub.repocard import metadata_load
from transformers import PreTrainedTokenizerBase

from modeling_hybrid_mtl import HybridMTLModel

SENTENCE_TRANSFORMERS, ONNX = "sentence-transformers", "onnx"
METADATA: dict[str, dict[str, Any]] = {
    SENTENCE_TRANSFORMERS: {
        "library_name": "sentence-transformers",
        "pipeline_tag": "sentence-similarity",
        "tags": ["sentence-transformers", "feature-extraction", "sentence-similarity"],
    },
    ONNX: {"pipeline_tag": "sentence-similarity", "tags": ["hybrid-mtl", "multitask", "onnx"]},
}
TEXTS = {
    SENTENCE_TRANSFORMERS: """# {name}: the sentence encoder

The encoder of the model {model}, which hybrid-mtl trained, without the heads of its tasks
({tasks}){adapters}. It maps a text of up to {length} tokens (longer ones are cut off) to a
vector of {width} numbers, by {pooling} of the token vectors of an encoder of type {kind}. What
it was trained on is told by that model's card.

```python
from sentence_transformers import SentenceTransformer

encoder = SentenceTransformer("THIS_FOLDER_OR_REPOSITORY")
vectors = encoder.encode(["A plane is taking off.", "An aeroplane leaves the runway."])
similarity = encoder.similarity(vectors, vectors)  # cosines
```
""",
    ONNX: """# {name}: ONNX graphs

The model {model}, which hybrid-mtl trained, as ONNX graphs: the encoder, of type {kind}, and
the heads of its tasks ({tasks}), in `float/` and, with weights of eight bits, in `int8/`. Texts
have up to {length} tokens (longer ones are cut off), and a sentence vector has {width} numbers.
What the model was trained on, and what it is not for, is told by its card. `export.json` says
what goes into a graph and comes out, and how far the int8 answers are from the model's.

With hybrid-mtl, from a folder on this machine:

```python
from trainer.export import onnx_pipeline

pipe = onnx_pipeline("THIS_FOLDER", precision="int8")  # or "float"
pipe("A plane is taking off.")
```
""",
}
POOLINGS = {
    "mean": "the mean",
    "cls": "the first",
    "pooler": "a linear layer and a tanh on the first",
}


@dataclass(frozen=True)
class Origin:
    """The model that an export is taken from.

    Attributes:
        name: as readers know it.
        base_model: the Hub's name of that model, or else of the encoder that it began with.
        metadata: of its card.
    """

    name: str
    base_model: str | None
    metadata: dict[str, Any]


def origin_of(source: str, revision: str | None = None) -> Origin:
    """What the card of a model's folder or Hub repository says of it, if it has one."""
    folder = Path(source)
    try:
        card = folder / "README.md"
        if not folder.is_dir():
            card = Path(hf_hub_download(source, "README.md", revision=revision))
        metadata = metadata_load(card) or {}
    except Exception:  # there is no card, or it cannot be had or read: of unrelated types
        metadata = {}
    if folder.is_dir():
        return Origin(folder.resolve().name, metadata.get("base_model"), metadata)
    return Origin(source, source, metadata)


def export_card(
    format: str, origin: Origin, model: HybridMTLModel, tokenizer: PreTrainedTokenizerBase
) -> str:
    """The text of an export's README.md."""
    config = model.config
    own = [task for task in config.tasks if task in config.adapters]
    known: dict[str, Any] = {key: origin.metadata.get(key) for key in ("license", "language")}
    data = ModelCardData(base_model=origin.base_model, **known, **METADATA[format])
    on_hub = origin.base_model == origin.name
    text = TEXTS[format].format(
        name=origin.name,
        model=f"[{origin.name}](https://huggingface.co/{origin.name})" if on_hub else origin.name,
        tasks=", ".join(config.tasks) or "none",
        adapters=f" and without the adapters of {', '.join(own)}" if own else "",
        length=tokenizer.model_max_length,
        width=config.hidden_size,
        pooling=POOLINGS[config.pooling],
        kind=config.backbone_config.model_type,
    )
    return f"---\n{data.to_yaml()}\n---\n\n{text}"
