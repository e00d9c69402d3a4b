"""The trained model that is exported."""

from pathlib import Path

import torch
from transformers import AutoConfig, AutoTokenizer, PreTrainedTokenizerBase

from modeling_hybrid_mtl import HybridMTLConfig, HybridMTLModel
from trainer.errors import InputError
from trainer.prepare import position_limit


def open_trained(
    name: str, revision: str | None = None
) -> tuple[HybridMTLModel, PreTrainedTokenizerBase]:
    """A trained model and its tokenizer, from a folder or Hub repository.

    The model is in evaluation mode and in float32. The tokenizer cuts texts off where training did,
    at the latest where the encoder ends.

    They are opened by this project's own code, whatever code lies beside them.

    Raises:
        InputError: if there is none, it cannot be reached, or it is another kind of model.
    """
    if name.startswith((".", "/")) and not Path(name).is_dir():
        raise InputError(f"there is no folder '{name}'")
    try:
        config = AutoConfig.from_pretrained(name, revision=revision, trust_remote_code=False)
    except Exception as error:  # a configuration of anyone's makes transformers raise anything
        raise _cannot_open(name, error) from error
    if not isinstance(config, HybridMTLConfig):
        raise InputError(
            f"'{name}' is a {config.model_type} model; name the folder or repository of a model "
            f"that run_mtl.py trained"
        )
    try:
        model = HybridMTLModel.from_pretrained(
            name, config=config, revision=revision or "main", dtype=torch.float32
        )
    except Exception as error:  # as for the configuration
        raise _cannot_open(name, error) from error
    tokenizer = _open_tokenizer(name, revision)
    limit = position_limit(config)
    if limit is not None:
        tokenizer.model_max_length = min(tokenizer.model_max_length, limit)
    return model.eval(), tokenizer


def _open_tokenizer(name: str, revision: str | None) -> PreTrainedTokenizerBase:
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, revision=revision, trust_remote_code=False)
    except Exception as error:  # the tokenizers library raises nothing more specific
        raise _cannot_open(name, error) from error
    # A folder without tokenizer files gives an empty one, to which every word is unknown.
    if len(tokenizer) < len(set(tokenizer.all_special_ids)) + 3:
        raise InputError(f"'{name}' holds no tokenizer")
    # The name is a path when the tokenizer came from a folder.
    tokenizer.name_or_path = ""
    for key in ("name_or_path", "is_local", "local_files_only"):
        tokenizer.init_kwargs.pop(key, None)
    return tokenizer


def _cannot_open(name: str, error: Exception) -> InputError:
    reason = str(error).partition("\n")[0]
    return InputError(f"cannot open a trained model in '{name}': {reason}")
