"""One description for trained models and their exports, which opens either as a pipeline."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from modeling_hybrid_mtl import HybridMTLPipeline
from trainer.config.extensions import load_extensions
from trainer.errors import InputError
from trainer.export.folder import DESCRIPTION
from trainer.export.pipeline import onnx_pipeline
from trainer.loading.trained_model import open_trained

PRECISIONS = ("float", "int8")


@dataclass(frozen=True)
class AnyModel:
    """A trained model, or an ONNX export of one. It can be sent to another process.

    Attributes:
        name: the folder or Hub repository.
        revision: branch, tag or commit of a repository.
        precision: of an export, `float` or `int8`.
        device: such as `cuda`; if None, an accelerator if there is one.
        threads: of an export's graphs; all cores if None.
        trust_remote_code: run the Python code in the folder or repository.
        extensions: files or modules that register the model's kinds of tasks.
    """

    name: str
    revision: str | None = None
    precision: str | None = None
    device: str | None = None
    threads: int | None = None
    trust_remote_code: bool = False
    extensions: Sequence[str] | None = None

    def open(self) -> HybridMTLPipeline:
        """Return the pipeline.

        Raises:
            InputError: if the model cannot be opened, or an option does not apply to it.
        """
        load_extensions(self.extensions)
        if (Path(self.name) / DESCRIPTION).is_file():
            return self._open_export()
        self._check_machine()
        if self.precision not in (None, "float"):
            raise InputError(
                f"precision = '{self.precision}': '{self.name}' is not an ONNX export; write one "
                f"with hybrid-mtl export"
            )
        if self.trust_remote_code:
            return self._open_with_own_code()
        model, tokenizer = open_trained(self.name, self.revision)
        return HybridMTLPipeline(model=model, tokenizer=tokenizer, device=self.device)

    def _check_machine(self) -> None:
        if self.revision is not None and Path(self.name).is_dir():
            raise InputError(f"revision = '{self.revision}': '{self.name}' is a folder; unset it")
        try:
            if self.device is not None:
                torch.empty(0, device=self.device)
        except (RuntimeError, AssertionError) as error:  # unknown, or absent on this machine
            reason = str(error).splitlines()[0]
            raise InputError(f"device = '{self.device}': cannot be used here: {reason}") from error

    def _open_export(self) -> HybridMTLPipeline:
        for name in ("revision", "device"):
            if getattr(self, name) not in (None, "cpu"):
                raise InputError(f"{name}: does not apply to an ONNX export; unset it")
        session: dict[str, Any] = {}
        if self.threads is not None:
            from onnxruntime import SessionOptions

            session["sess_options"] = SessionOptions()
            session["sess_options"].intra_op_num_threads = self.threads
        return onnx_pipeline(self.name, self.precision or "float", **session)

    def _open_with_own_code(self) -> HybridMTLPipeline:
        from transformers import pipeline

        options = {"revision": self.revision, "device": self.device}
        try:
            return pipeline("hybrid-mtl", model=self.name, trust_remote_code=True, **options)
        except (OSError, ValueError) as error:
            reason = str(error).strip()
            if "Traceback" in reason:  # `pipeline` puts the reason at its end
                reason = reason.splitlines()[-1]
            raise InputError(f"cannot load a model from '{self.name}': {reason}") from error
