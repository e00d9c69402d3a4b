"""Find the lines at which the host waits for an accelerator.

The host waits for the numbers of a tensor, and for shapes that depend on numbers. Both operations
pass torch's dispatcher on every device, so a CPU can detect them, too. Operations on attention
masks, which stay on the CPU, are not counted, nor are reads of the outcome of an earlier step. On a
GPU, torch itself reports every wait.
"""

import traceback
import warnings
from collections import Counter
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import TrainerCallback

ROOT = Path(__file__).resolve().parents[2]
OWN = tuple(f"{ROOT / name}/" for name in ("trainer", "modeling_hybrid_mtl", "tests", "benchmarks"))
READS = {
    torch.ops.aten._local_scalar_dense,
    torch.ops.aten.is_nonzero,
    torch.ops.aten.equal,
    torch.ops.aten.masked_select,
    torch.ops.aten.nonzero,
    torch.ops.aten._unique2,
    torch.ops.aten.unique_dim,
}
ALLOWED = (
    "unpadding_hybrid_mtl.py",
    "attention_hybrid_mtl.py",
    ":_encode_unpadded",
    ":was_skipped",
)


class HostReads(TorchDispatchMode):
    """Records the lines that read a tensor's numbers, while `watching`.

    Attributes:
        found: the innermost line of the project -> count.
    """

    def __init__(self) -> None:
        super().__init__()
        self.watching = False
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        packet = func.overloadpacket
        by_mask = packet is torch.ops.aten.index and any(
            index is not None and index.dtype in (torch.bool, torch.uint8) for index in args[1]
        )
        if self.watching and (packet in READS or by_mask):
            place = innermost_line()
            if not any(name in place for name in ALLOWED):
                self.found[place] += 1
        return func(*args, **(kwargs or {}))


class Synchronizations(AbstractContextManager):
    """Records the lines at which torch waits for a GPU, while `watching`."""

    def __init__(self) -> None:
        self.found: Counter[str] = Counter()
        self._inside = ExitStack()

    @property
    def watching(self) -> bool:
        return torch.cuda.get_sync_debug_mode() != 0

    @watching.setter
    def watching(self, value: bool) -> None:
        torch.cuda.set_sync_debug_mode("warn" if value else "default")

    def __enter__(self) -> "Synchronizations":
        self._inside.enter_context(warnings.catch_warnings())
        warnings.simplefilter("always")
        warnings.showwarning = self._note
        return self

    def __exit__(self, *raised: object) -> None:
        self.watching = False
        self._inside.close()

    def _note(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: Any = None,
        line: str | None = None,
    ) -> None:
        if "called a synchronizing" in str(message):
            self.found[f"{innermost_line()} <- {Path(filename).name}:{lineno}"] += 1


def innermost_line() -> str:
    """Return the innermost line of the project on the stack, or else the last line."""
    stack = [f for f in traceback.extract_stack() if f.filename != __file__]
    own = [frame for frame in stack if frame.filename.startswith(OWN)]
    last = (own or stack)[-1]
    return f"{Path(last.filename).name}:{last.name}: {last.line}"


class Watch(TrainerCallback):
    """Watches a trainer's steps, except the first ones, with one-time initialization, and those
    that log or measure.

    Args:
        reads: the recorder to switch on and off.
        first: the first watched step, from 0.
    """

    def __init__(self, reads: Any, first: int = 1):
        self.reads = reads
        self.first = first

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        measured = state.global_step % state.logging_steps == 0
        self.reads.watching = state.global_step >= self.first and not measured

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if control.should_log or control.should_evaluate or control.should_save:
            self.reads.watching = False

    def on_epoch_end(self, *args: Any, **_: Any) -> None:
        self.reads.watching = False
