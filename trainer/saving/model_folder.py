"""A finished model on disk: what `AutoModel` opens, and its adapters in other forms."""

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
    """Write the model and its tokenizer, and its adapters in peft's format.

    Args:
        model: the model.
        tokenizer: the encoder's.
        folder: where.
        merged: write besides, in `merged/TASK`, a model of each task that has an adapter, alone and
            with the adapter folded into the encoder.
    """
    with atomic_dir(folder) as staged:
        model.save_pretrained(staged)
        tokenizer.save_pretrained(staged)
    if not model.config.adapters:
        return
    # With peft, which takes a while to import.
    from trainer.saving.peft_adapters import write_peft_adapters

    write_peft_adapters(model, folder)
    for task in model.config.tasks if merged else ():
        if task in model.config.adapters:
            write_model(model.merged(task), tokenizer, folder / MERGED / task)
