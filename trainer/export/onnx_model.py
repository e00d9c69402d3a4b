"""The exported graphs in the place of the model: the same calls, computed by onnxruntime."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from modeling_hybrid_mtl import HybridMTLConfig, HybridMTLModel, HybridMTLOutput
from modeling_hybrid_mtl.heads_hybrid_mtl import HEADS
from modeling_hybrid_mtl.texts_hybrid_mtl import Encoded, stack_texts
from trainer.errors import InputError
from trainer.export.onnx_graph import EMBEDDINGS, SHARED, logits_name

# The outputs of one pass of a graph: (rows, ...) by name.
Outputs = dict[str, Tensor]


class OnnxModel:
    """What `HybridMTLPipeline` and callers of `HybridMTLModel` need, without torch's weights.

    A task with an adapter has a graph of its own; all others, and no task, share one.

    Args:
        folder: the folder of the graphs.
        description: what the export says of itself: `config` and `graphs`.
        precision: `float` or `int8`.
        **session: for `onnxruntime.InferenceSession`, such as `sess_options` or `providers`.

    Raises:
        InputError: if there are no graphs of this precision, or one cannot be loaded.
    """

    def __init__(self, folder: Path, description: dict[str, Any], precision: str, **session: Any):
        self.config: Any = HybridMTLConfig(**description["config"])
        # Only what they make of logits is used: their layers are in the graphs.
        with torch.device("meta"):
            self.heads = {
                name: HEADS[self.config.task(name).kind](
                    self.config.hidden_size, self.config.task(name)
                ).eval()
                for name in self.config.tasks
            }
        self.device = torch.device("cpu")
        self.dtype = torch.float32
        self._sessions = {
            name: _session(folder, graph["files"], precision, session)
            for name, graph in description["graphs"].items()
        }

    def eval(self) -> "OnnxModel":
        """Nothing to do: a graph has no training mode."""
        return self

    def can_generate(self) -> bool:
        """Whether it writes text, which it does not."""
        return False

    def encode_tokens(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        task: str | None = None,
    ) -> tuple[Outputs, Outputs]:
        """Run a graph on token ids (rows, length); every head has answered then.

        Returns:
            The outputs, once in the place of sentence vectors and once in that of token vectors.
        """
        session = self._sessions[task if task in self._sessions else SHARED]
        given = {
            "input_ids": input_ids,
            "attention_mask": torch.ones_like(input_ids)
            if attention_mask is None
            else attention_mask,
            "token_type_ids": torch.zeros_like(input_ids)
            if token_type_ids is None
            else token_type_ids,
        }
        names = [output.name for output in session.get_outputs()]
        values = session.run(names, {i.name: given[i.name].numpy() for i in session.get_inputs()})
        outputs = {name: torch.from_numpy(value) for name, value in zip(names, values, strict=True)}
        return outputs, outputs

    def encode_pair(
        self, first: Encoded, second: Encoded, task: str | None = None
    ) -> tuple[Outputs, Outputs, Outputs]:
        """Run a graph on both texts of pairs, (B, L1) and (B, L2); as `encode_tokens`."""
        padding = getattr(self.config.backbone_config, "pad_token_id", None) or 0
        outputs, _ = self.encode_tokens(*stack_texts([first, second], padding), task)
        return outputs, outputs, outputs

    def logits_of(
        self, task: str, u: Outputs, v: Outputs | None = None, hidden: Outputs | None = None
    ) -> Tensor:
        """One head's logits, from what `encode_tokens` or `encode_pair` returned."""
        return u[logits_name(task)]

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        *,
        pair_input_ids: Tensor | None = None,
        pair_attention_mask: Tensor | None = None,
        pair_token_type_ids: Tensor | None = None,
        task: str | None = None,
    ) -> HybridMTLOutput:
        """As `HybridMTLModel.forward`, without a loss and without token vectors."""
        HybridMTLModel._check_call(self, task, pair_input_ids, None)  # type: ignore[arg-type]
        first = input_ids, attention_mask, token_type_ids
        if pair_input_ids is None:
            outputs, _ = self.encode_tokens(*first, task=task)
            embeddings = outputs[EMBEDDINGS]
        else:
            second = pair_input_ids, pair_attention_mask, pair_token_type_ids
            outputs, _, _ = self.encode_pair(first, second, task)
            embeddings = torch.stack(outputs[EMBEDDINGS].chunk(2), dim=1)
        logits = None if task is None else self.logits_of(task, outputs)
        return HybridMTLOutput(logits=logits, embeddings=embeddings)

    __call__ = forward


def _session(folder: Path, files: dict[str, str], precision: str, options: dict[str, Any]) -> Any:
    import onnxruntime

    if precision not in files:
        raise InputError(f"precision = '{precision}': must be one of {', '.join(files)}")
    path = folder / files[precision]
    try:
        return onnxruntime.InferenceSession(
            str(path), **{"providers": ["CPUExecutionProvider"], **options}
        )
    except Exception as error:  # onnxruntime's own classes have no common base but this
        raise InputError(f"'{path}' cannot be loaded: {error}") from error
