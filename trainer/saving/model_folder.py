"""The folder of a finished model: for `AutoModel`, and its adapters in other formats."""

from pathlib import Path

from transformers import PreTrainedTokenizerBase

from modeling_hybrid_mtl import HybridMTLModel
from trainer.saving.files import atomic_dir

MERGED = "merged"


def write_model(
    model: HybridMTLModel,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    *,
    merged: bool = False,
) -> None:
    """Save the model, its tokenizer and its adapters in peft's format.

    Args:
        model: the model.
        tokenizer: the encoder's tokenizer.
        folder: the target folder.
        merged: also save a model of each task with an adapter in `merged/TASK`, with the adapter
            merged into the encoder.
    """
    with atomic_dir(folder) as staged:
        model.save_pretrained(staged)
        tokenizer.save_pretrained(staged)
    if not model.config.adapters:
        return
    # Imports peft, which is slow.
    from trainer.saving.peft_adapters import write_peft_adapters

    write_peft_adapters(model, folder)
    for task in model.config.tasks if merged else ():
        if task in model.config.adapters:
            write_model(model.merged(task), tokenizer, folder / MERGED / task)
