"""Opening of a trained model for the commands that ask it."""

from collections.abc import Sequence
from typing import Any


def open_pipeline(
    model: str,
    trust_remote_code: bool = False,
    extensions: Sequence[str] | None = None,
    precision: str | None = None,
) -> Any:
    """Return the pipeline of a trained model, or of an ONNX export of one.

    Args:
        model: its folder or Hub repository.
        trust_remote_code: run the model's own code instead of this project's.
        extensions: files or modules that register its kinds of tasks.
        precision: of an export, `float` or `int8`.

    Raises:
        InputError, OSError, ValueError: if it cannot be loaded.
    """
    from trainer.export.any_model import AnyModel

    return AnyModel(
        model, precision=precision, trust_remote_code=trust_remote_code, extensions=extensions
    ).open()
