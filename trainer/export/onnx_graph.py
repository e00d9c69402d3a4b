"""The module that is traced into an ONNX graph: an encoder and its heads."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from modeling_hybrid_mtl import HybridMTLModel
from modeling_hybrid_mtl.configuration_hybrid_mtl import SHARED_ADAPTER

EMBEDDINGS = "embeddings"
# The graph of all tasks without a task adapter; no task with an adapter has this name.
SHARED = SHARED_ADAPTER
INPUTS = {
    "input_ids": "token ids, (rows, length)",
    "attention_mask": "1 for tokens, 0 for padding, (rows, length)",
    "token_type_ids": "0 for the first and 1 for the second text of a sequence, (rows, length)",
}
ROWS = (
    "A row is a text, or both texts of a pair for a task with pair_encoding 'cross'. For a task "
    "with pair_encoding 'siamese' the rows are all first texts and then, in the same order, all "
    "second ones; its output has half as many rows. Ignore the outputs of tasks with other inputs."
)


def logits_name(task: str) -> str:
    """Return the name of a task's output: logits, or scores in the units of its range."""
    return f"logits_{task}"


def graph_models(model: HybridMTLModel) -> Iterator[tuple[str, HybridMTLModel]]:
    """Yield each graph's name and its model with merged adapters.

    The first has all tasks without a task adapter, the others one task each.
    """
    adapted = [task for task in model.config.tasks if task in model.config.adapters]
    shared = model.without_tasks(adapted)
    for name in list(shared.config.adapters):
        shared.merge_adapter(name)
    yield SHARED, shared.eval()
    for task in adapted:
        yield task, model.merged(task).eval()


class Graph(nn.Module):
    """A model that returns sentence vectors and the logits of all tasks from one encoder pass.

    `ROWS` describes the rows of its inputs and outputs.
    """

    def __init__(self, model: HybridMTLModel):
        super().__init__()
        self.model: Any = model

    @property
    def inputs(self) -> list[str]:
        """Return the names of the inputs of `forward`, in order."""
        return list(INPUTS)[: 3 if self.model._takes_token_types else 2]

    @property
    def outputs(self) -> list[str]:
        """Return the names of the outputs of `forward`, in order."""
        return [EMBEDDINGS, *map(logits_name, self.model.config.tasks)]

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        vectors, hidden = self.model.encode_tokens(input_ids, attention_mask, token_type_ids)
        half = vectors.shape[0] // 2
        outputs = [vectors]
        for name in self.model.config.tasks:
            if self.model.config.task(name).is_siamese:
                sides = vectors[:half], vectors[half : 2 * half]
                tokens = hidden[: 2 * half], attention_mask[: 2 * half]
            else:
                sides, tokens = (vectors, None), (hidden, attention_mask)
            outputs.append(self.model.logits_of(name, *sides, *tokens))
        return tuple(outputs)

    def example(self) -> tuple[Tensor, ...]:
        """Return inputs for tracing: four rows of six tokens, the last row with two of padding."""
        ids = torch.arange(24).reshape(4, 6) % self.model.config.backbone_config.vocab_size
        mask = torch.ones_like(ids)
        mask[-1, -2:] = 0
        return (ids, mask, torch.zeros_like(ids))[: len(self.inputs)]
