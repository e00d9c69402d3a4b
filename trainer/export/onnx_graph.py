"""One graph: an encoder and the heads that read it."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from modeling_hybrid_mtl import HybridMTLModel
from modeling_hybrid_mtl.configuration_hybrid_mtl import SHARED_ADAPTER

EMBEDDINGS = "embeddings"
# The graph of all tasks without an adapter of their own. No task with an adapter has this name.
SHARED = SHARED_ADAPTER
INPUTS = {
    "input_ids": "token ids, (rows, length)",
    "attention_mask": "1 for tokens to read, 0 for padding, (rows, length)",
    "token_type_ids": "0 for the first and 1 for the second text of a sequence, (rows, length)",
}
ROWS = (
    "A row is a text, or both texts of a pair for a task with pair_encoding 'cross'. For a task "
    "with pair_encoding 'siamese' the rows are all first texts and then, in the same order, all "
    "second ones; its output has half as many rows. Outputs of tasks that read other rows mean "
    "nothing."
)


def logits_name(task: str) -> str:
    """The name of a task's output: logits over classes, or scores in the units of its range."""
    return f"logits_{task}"


def readers(model: HybridMTLModel) -> Iterator[tuple[str, HybridMTLModel]]:
    """Models without adapters, one for each graph, by the graph's name.

    The first has all tasks without an adapter of their own, the others one task each.
    """
    own = [task for task in model.config.tasks if task in model.config.adapters]
    plain = model.without_tasks(own)
    for name in list(plain.config.adapters):
        plain.merge_adapter(name)
    yield SHARED, plain.eval()
    for task in own:
        yield task, model.merged(task).eval()


class Graph(nn.Module):
    """Sentence vectors and every task's logits, from one pass of the encoder; see `ROWS`."""

    def __init__(self, model: HybridMTLModel):
        super().__init__()
        self.model: Any = model

    @property
    def inputs(self) -> list[str]:
        """The names of what `forward` takes, in order."""
        return list(INPUTS)[: 3 if self.model._takes_token_types else 2]

    @property
    def outputs(self) -> list[str]:
        """The names of what `forward` returns, in order."""
        return [EMBEDDINGS, *map(logits_name, self.model.config.tasks)]

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        vectors, hidden = self.model.encode_tokens(input_ids, attention_mask, token_type_ids)
        half = vectors.shape[0] // 2
        found = [vectors]
        for name in self.model.config.tasks:
            if self.model.config.task(name).is_siamese:
                sides = vectors[:half], vectors[half : 2 * half]
                found.append(self.model.logits_of(name, *sides))
            else:
                found.append(self.model.logits_of(name, vectors, None, hidden))
        return tuple(found)

    def example(self) -> tuple[Tensor, ...]:
        """Inputs to trace: four rows of six tokens, two of which are padding in the last row."""
        ids = torch.arange(24).reshape(4, 6) % self.model.config.backbone_config.vocab_size
        mask = torch.ones_like(ids)
        mask[-1, -2:] = 0
        return (ids, mask, torch.zeros_like(ids))[: len(self.inputs)]
