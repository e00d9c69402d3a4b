"""A drop-in replacement for the model that runs the exported graphs in onnxruntime."""

import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from modeling_hybrid_mtl import HybridMTLConfig, HybridMTLModel, HybridMTLOutput
from modeling_hybrid_mtl.heads_hybrid_mtl import build_head
from modeling_hybrid_mtl.texts_hybrid_mtl import Encoded, stack_texts
from trainer.errors import InputError
from trainer.export.onnx_graph import EMBEDDINGS, SHARED, logits_name

# The outputs of one pass of a graph: (rows, ...) by name.
Outputs = dict[str, Tensor]


class OnnxModel:
    """The interface of `HybridMTLModel` for inference, without torch weights.

    A task with an adapter has its own graph; all other tasks, and no task, share one.

    Args:
        folder: the folder of the graphs.
        description: the export's description, with `config` and `graphs`.
        precision: `float` or `int8`.
        **session: options of `onnxruntime.InferenceSession`, such as `providers`.

    Attributes:
        fingerprint: a hash of the graphs' files.

    Raises:
        InputError: if there are no graphs of this precision, or one cannot be loaded.
    """

    def __init__(self, folder: Path, description: dict[str, Any], precision: str, **session: Any):
        self.config: Any = HybridMTLConfig(**description["config"])
        # Heads only postprocess logits here: their layers are in the graphs.
        with torch.device("meta"):
            self.heads = {name: build_head(self.config, name).eval() for name in self.config.tasks}
        self.device = torch.device("cpu")
        self.dtype = torch.float32
        self._sessions = {
            name: _session(folder, graph["files"], precision, session)
            for name, graph in description["graphs"].items()
        }
        self.fingerprint = _fingerprint(folder, description["graphs"], precision)

    def eval(self) -> "OnnxModel":
        """Return the model: a graph has no training mode."""
        return self

    def can_generate(self) -> bool:
        """Return False: the model does not generate text."""
        return False

    def encode_tokens(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        task: str | None = None,
    ) -> tuple[Outputs, Outputs]:
        """Run a graph, heads included, on token ids (rows, length).

        Returns:
            All outputs twice, in place of the sentence vectors and of the token vectors.
        """
        session = self._sessions[task if task in self._sessions else SHARED]
        inputs = {
            "input_ids": input_ids,
            "attention_mask": torch.ones_like(input_ids)
            if attention_mask is None
            else attention_mask,
            "token_type_ids": torch.zeros_like(input_ids)
            if token_type_ids is None
            else token_type_ids,
        }
        names = [output.name for output in session.get_outputs()]
        values = session.run(names, {i.name: inputs[i.name].numpy() for i in session.get_inputs()})
        outputs = {name: torch.from_numpy(value) for name, value in zip(names, values, strict=True)}
        return outputs, outputs

    def encode_pair(
        self, first: Encoded, second: Encoded, task: str | None = None
    ) -> tuple[Outputs, Outputs, Outputs, None]:
        """Run a graph on the texts of pairs, (B, L1) and (B, L2), as `encode_tokens` does."""
        padding = getattr(self.config.backbone_config, "pad_token_id", None) or 0
        outputs, _ = self.encode_tokens(*stack_texts([first, second], padding), task)
        return outputs, outputs, outputs, None

    def logits_of(
        self,
        task: str,
        u: Outputs,
        v: Outputs | None = None,
        hidden: Outputs | None = None,
        attention_mask: Tensor | None = None,
    ) -> Tensor:
        """Return a head's logits from the outputs of `encode_tokens` or `encode_pair`."""
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
        """Run `HybridMTLModel.forward` without loss and token vectors."""
        HybridMTLModel._check_call(self, task, pair_input_ids, None)  # type: ignore[arg-type]
        first = input_ids, attention_mask, token_type_ids
        if pair_input_ids is None:
            outputs, _ = self.encode_tokens(*first, task=task)
            embeddings = outputs[EMBEDDINGS]
        else:
            second = pair_input_ids, pair_attention_mask, pair_token_type_ids
            outputs, *_ = self.encode_pair(first, second, task)
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
    except Exception as error:  # onnxruntime's errors have no other common base
        raise InputError(f"'{path}' cannot be loaded: {error}") from error


def _fingerprint(folder: Path, graphs: dict[str, Any], precision: str) -> str:
    digest = hashlib.sha256()
    for name, graph in sorted(graphs.items()):
        # Weights may be in a file beside the graph.
        for path in sorted(folder.glob(f"{graph['files'][precision]}*")):
            with path.open("rb") as file:
                digest.update(f"{name} {hashlib.file_digest(file, 'sha256').hexdigest()}".encode())
    return digest.hexdigest()
