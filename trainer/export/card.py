"""The card of an export, which names the exported model."""

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
({tasks}){adapters}. It maps a text of up to {length} tokens (longer texts are truncated) to a
vector of {width} numbers, {pooling} of the token vectors of an encoder of type {kind}{shared}. For
its training data, see that model's card.

```python
from sentence_transformers import SentenceTransformer

encoder = SentenceTransformer("THIS_FOLDER_OR_REPOSITORY")
vectors = encoder.encode(["A plane is taking off.", "An airplane leaves the runway."])
similarity = encoder.similarity(vectors, vectors)  # cosines
```
""",
    ONNX: """# {name}: ONNX graphs

The model {model}, which hybrid-mtl trained, as ONNX graphs: the encoder, of type {kind}, and
the heads of its tasks ({tasks}), in `float/` and, with weights of eight bits, in `int8/`. Texts
have up to {length} tokens (longer texts are truncated), and a sentence vector has {width} numbers.
For the model's training data and limitations, see its card. `export.json` lists the inputs and
outputs of the graphs, and the differences of the int8 predictions from the model's.

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
    """The model that is exported.

    Attributes:
        name: the name of its folder or Hub repository.
        base_model: its Hub repository, or else that of the encoder it was trained from.
        metadata: the metadata of its card.
    """

    name: str
    base_model: str | None
    metadata: dict[str, Any]


def read_origin(source: str, revision: str | None = None) -> Origin:
    """Read the metadata of a model's card, if any, from its folder or Hub repository."""
    folder = Path(source)
    try:
        card = folder / "README.md"
        if not folder.is_dir():
            card = Path(hf_hub_download(source, "README.md", revision=revision))
        metadata = metadata_load(card) or {}
    except Exception:  # a missing or unreadable card raises unrelated types
        metadata = {}
    if folder.is_dir():
        return Origin(folder.resolve().name, metadata.get("base_model"), metadata)
    return Origin(source, source, metadata)


def export_card(
    format: str, origin: Origin, model: HybridMTLModel, tokenizer: PreTrainedTokenizerBase
) -> str:
    """Render an export's README.md."""
    config = model.config
    adapted = [task for task in config.tasks if task in config.adapters]
    inherited: dict[str, Any] = {key: origin.metadata.get(key) for key in ("license", "language")}
    data = ModelCardData(base_model=origin.base_model, **inherited, **METADATA[format])
    on_hub = origin.base_model == origin.name
    text = TEXTS[format].format(
        name=origin.name,
        model=f"[{origin.name}](https://huggingface.co/{origin.name})" if on_hub else origin.name,
        tasks=", ".join(config.tasks) or "none",
        adapters=f" and without the adapters of {', '.join(adapted)}" if adapted else "",
        length=tokenizer.model_max_length,
        width=config.sentence_vector_size,
        shared=" and layers that all tasks share" if config.shared_hidden_sizes else "",
        pooling=POOLINGS[config.pooling],
        kind=config.backbone_config.model_type,
    )
    return f"---\n{data.to_yaml()}\n---\n\n{text}"
