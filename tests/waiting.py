"""Which lines of the project would make the host wait for an accelerator, found on a CPU.

The host waits where it reads a number of a tensor, and where a shape depends on numbers. Both pass
torch's dispatcher on every device. What is done to attention masks, which stay on the CPU, is not
counted.
"""

import traceback
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

ROOT = Path(__file__).resolve().parents[1]
OWN = (
    f"{ROOT / 'trainer'}/",
    f"{ROOT / 'modeling_hybrid_mtl'}/",
    __file__.replace("waiting", "test_waiting"),
)
READS = {
    torch.ops.aten._local_scalar_dense,
    torch.ops.aten.is_nonzero,
    torch.ops.aten.equal,
    torch.ops.aten.masked_select,
    torch.ops.aten.nonzero,
    torch.ops.aten._unique2,
    torch.ops.aten.unique_dim,
}
# Masks of the CPU are read, and what became of a step some steps ago.
ALLOWED = ("packing_hybrid_mtl.py", "attention_hybrid_mtl.py", ":_read_packed", ":was_left_out")


class Waiting(TorchDispatchMode):
    """Notes the lines that read a tensor's numbers, while `watching`.

    Attributes:
        found: the innermost line of the project of each.
    """

    def __init__(self) -> None:
        super().__init__()
        self.watching = False
        self.found: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        packet = func.overloadpacket
        by_mask = packet is torch.ops.aten.index and any(
            index is not None and index.dtype in (torch.bool, torch.uint8) for index in args[1]
        )
        if self.watching and (packet in READS or by_mask):
            self._note()
        return func(*args, **(kwargs or {}))

    def _note(self) -> None:
        stack = traceback.extract_stack()
        own = [frame for frame in stack if frame.filename.startswith(OWN)]
        last = own[-1] if own else stack[-3]
        place = f"{Path(last.filename).name}:{last.name}"
        if not any(name in place for name in ALLOWED):
            self.found.add(f"{place}: {last.line}")
