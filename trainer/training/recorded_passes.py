"""Replay of an encoder's training passes as CUDA graphs.

The host needs longer to launch the kernels of a small encoder one by one than a GPU to run them. A
recorded pass is launched as a whole, and so is its backward pass.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from modeling_hybrid_mtl.attention_hybrid_mtl import round_up
from modeling_hybrid_mtl.unpadding_hybrid_mtl import Unpadding
from modeling_hybrid_mtl.varlen_attention_hybrid_mtl import Ragged

logger = logging.getLogger(__name__)

# Passes of an optimizer step that may be recorded; each has memory of its own.
MAX_PASSES = 4
# Recorded shapes of each of them.
MAX_SHAPES = 32
# Texts up to a multiple of this length share a recording: kernels work on blocks of so many tokens.
LONGEST_STEP = 64


class Recording:
    """A forward and backward pass of an encoder on a row of one size, and their replay.

    Args:
        encoder: the encoder.
        row: its inputs by name; tensors are copied.
        unpadding: the layout of the row.
        parameters: the trained parameters of the encoder.
        gradients: tensors for their gradients, which recordings may share if a gradient is used
            before the next one is computed.
        pool: memory for activations, which recordings may share if each pass is backpropagated
            before the next one begins.

    Attributes:
        outputs: token vectors of the last pass, (1, T, H).
        gradients: the gradients of the last backward pass; None for parameters without an effect.
    """

    def __init__(
        self,
        encoder: nn.Module,
        row: dict[str, Any],
        unpadding: Unpadding,
        parameters: Sequence[nn.Parameter],
        gradients: Sequence[Tensor],
        pool: Any,
    ):
        assert isinstance(unpadding.attention, Ragged)
        self._row = {k: v.clone() if isinstance(v, Tensor) else v for k, v in row.items()}
        self._starts = unpadding.attention.starts.clone()
        attention = Ragged(self._starts, round_up(unpadding.attention.longest, LONGEST_STEP))
        unpadding = replace(unpadding, attention=attention)

        def run() -> Tensor:
            return encoder(**self._row, unpadding=unpadding).last_hidden_state

        def backpropagate(outputs: Tensor, output_gradients: Tensor) -> list[Tensor | None]:
            found = torch.autograd.grad(outputs, parameters, output_gradients, allow_unused=True)
            pairs = list(zip(gradients, found, strict=True))
            reached = [(to, new) for to, new in pairs if new is not None]
            torch._foreach_copy_([to for to, _ in reached], [new for _, new in reached])
            return [None if new is None else to for to, new in pairs]

        generator_state = torch.cuda.get_rng_state()
        self._warm_up(run, backpropagate)
        self._forward, self._backward = torch.cuda.CUDAGraph(), torch.cuda.CUDAGraph()
        options: dict[str, Any] = {"pool": pool, "capture_error_mode": "thread_local"}
        with torch.cuda.graph(self._forward, **options):
            outputs = run()
        self._output_gradients = torch.zeros_like(outputs)
        with torch.cuda.graph(self._backward, **options):
            self.gradients = backpropagate(outputs, self._output_gradients)
        self.outputs = outputs.detach()
        # A replayed pass then draws the numbers that this pass would have drawn.
        torch.cuda.set_rng_state(generator_state)

    @staticmethod
    def _warm_up(run: Any, backpropagate: Any) -> None:
        """Run both passes once: what kernels do when first called cannot be recorded."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            outputs = run()
            backpropagate(outputs, torch.zeros_like(outputs))
        torch.cuda.current_stream().wait_stream(stream)

    def run(self, row: dict[str, Any], starts: Tensor) -> None:
        """Compute the outputs of a row."""
        for name, table in self._row.items():
            if isinstance(table, Tensor):
                table.copy_(row[name])
        self._starts.copy_(starts)
        self._forward.replay()

    def backpropagate(self, output_gradients: Tensor) -> None:
        """Compute the gradients of the last pass."""
        self._output_gradients.copy_(output_gradients)
        self._backward.replay()


class _Replay(torch.autograd.Function):
    """Connects a replayed pass to the parameters of the encoder."""

    @staticmethod
    def forward(ctx: Any, recording: Recording, *parameters: Tensor) -> Tensor:
        ctx.recording = recording
        return recording.outputs.detach()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *output_gradients: Tensor) -> tuple[Tensor | None, ...]:
        ctx.recording.backpropagate(output_gradients[0])
        gradients = ctx.recording.gradients
        return (None, *(None if g is None else g.detach() for g in gradients))


class RecordedPasses:
    """Runs the training passes of an encoder, from the second of a shape on by replay.

    The n-th passes of all optimizer steps share memory. So each pass must be backpropagated once,
    and in its step. Passes that cannot be recorded are left to the caller: those beyond
    `MAX_PASSES` and `MAX_SHAPES`, and with hooks at the embeddings, as for adversarial noise. After
    a failure to record, all are.

    Args:
        encoder: the encoder, prepared for unpadded passes.
        record: creates a recording.
    """

    def __init__(self, encoder: Any, record: Any = Recording):
        self._encoder = encoder
        self._record = record
        self._pass = 0
        self._failed = False
        self._state: tuple = ()
        self._forget()

    def begin_step(self) -> None:
        """Begin an optimizer step: the gradients of the last one are not needed any more."""
        self._pass = 0

    def __call__(self, row: dict[str, Any], unpadding: Unpadding) -> Tensor | None:
        """Return the token vectors (1, T, H) of a row; None if the caller must run the encoder."""
        if self._failed or not torch.is_grad_enabled() or not self._encoder.training:
            return None
        if self._encoder.get_input_embeddings()._forward_hooks:
            return None
        if self._pass == 0:
            self._forget_if_changed()
        number, self._pass = self._pass, self._pass + 1
        if number >= MAX_PASSES or not self._parameters:
            return None
        recording = self._recording(number, row, unpadding)
        if recording is None:
            return None
        recording.run(row, unpadding.attention.starts)  # type: ignore[union-attr]
        return _Replay.apply(recording, *self._parameters)

    def _recording(
        self, number: int, row: dict[str, Any], unpadding: Unpadding
    ) -> Recording | None:
        attention = unpadding.attention
        assert isinstance(attention, Ragged)
        precision = torch.get_autocast_dtype("cuda") if torch.is_autocast_enabled("cuda") else None
        longest = round_up(attention.longest, LONGEST_STEP)
        shape = (len(unpadding.slots), len(attention.starts), longest, precision)
        recordings = self._recordings[number]
        self._seen[number, shape] += 1
        if shape not in recordings and self._seen[number, shape] > 1:
            if len(recordings) == MAX_SHAPES:
                return None
            recordings[shape] = self._new_recording(number, row, unpadding, precision)
        return recordings.get(shape)

    def _new_recording(
        self, number: int, row: dict[str, Any], unpadding: Unpadding, precision: Any
    ) -> Recording | None:
        if self._gradients[number] is None:
            self._gradients[number] = [torch.empty_like(p) for p in self._parameters]
        # Copies of the weights that autocast keeps are not the recording's own.
        autocast = torch.autocast(
            "cuda", precision, enabled=precision is not None, cache_enabled=False
        )
        try:
            with autocast:
                return self._record(
                    self._encoder,
                    row,
                    unpadding,
                    self._parameters,
                    self._gradients[number],
                    self._pools[number],
                )
        except RuntimeError as error:  # also if memory is not enough
            self._failed = True
            self._forget()
            reason = str(error).partition("\n")[0]
            logger.warning("CUDA graphs: passes of the encoder run without them: %s", reason)
            return None

    def _forget_if_changed(self) -> None:
        """Drop all recordings if the encoder has other weights, trained parts or modes."""
        state = (
            *((p.data_ptr(), p.requires_grad) for p in self._encoder.parameters()),
            *(module.training for module in self._encoder.modules()),
        )
        if state != self._state:
            self._state = state
            self._forget()

    def _forget(self) -> None:
        self._parameters = [p for p in self._encoder.parameters() if p.requires_grad]
        self._seen: Counter[tuple] = Counter()
        self._recordings: list[dict[tuple, Recording | None]] = [{} for _ in range(MAX_PASSES)]
        self._gradients: list[list[Tensor] | None] = [None] * MAX_PASSES
        self._pools = [
            torch.cuda.graph_pool_handle() if torch.cuda.is_available() else None
            for _ in range(MAX_PASSES)
        ]
