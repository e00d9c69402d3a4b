"""The one loader of trained models: for evaluation, prediction, export, the app and the Hub.

Incomplete models, and tokenizers that do not fit, are refused.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from transformers import AutoConfig, AutoTokenizer, PretrainedConfig, PreTrainedTokenizerBase

from modeling_hybrid_mtl import HybridMTLConfig, HybridMTLModel, TaskConfig
from modeling_hybrid_mtl.embedding_checks_hybrid_mtl import check_tokenizer
from modeling_hybrid_mtl.weights_hybrid_mtl import DamagedModelError
from trainer.config.extensions import load_extensions
from trainer.errors import InputError
from trainer.loading.model_version import EXPORT
from trainer.saving.model_folder import MERGED

# Patterns, of all tokenizers of transformers.
_TOKENIZER_FILES = ("tokenizer*", "vocab*", "*.vocab", "*.model", "*.txt", "*.bpe*")


class UnreachableError(InputError):
    """A model, tokenizer or configuration could not be found, reached or read."""


def open_config(name: str, revision: str | None = None) -> PretrainedConfig:
    """Return the configuration of the encoder or trained model in a folder or Hub repository.

    Raises:
        InputError: if there is none, or it cannot be reached.
    """
    if name.startswith((".", "/")) and not Path(name).is_dir():
        raise InputError(f"there is no folder '{name}'")
    if (Path(name) / EXPORT).is_file() and not (Path(name) / "config.json").is_file():
        raise InputError(f"'{name}' is an export; name the model that was exported")
    load_extensions(None)  # for kinds of tasks of installed packages
    try:
        return AutoConfig.from_pretrained(name, revision=revision, trust_remote_code=False)
    except Exception as error:  # a foreign configuration can raise anything
        raise unreachable(f"'{name}'", error) from error


def open_model(
    name: str, revision: str | None = None, config: PretrainedConfig | None = None, **options: Any
) -> HybridMTLModel:
    """Return a trained model, with this project's own code, not the code in its folder.

    Args:
        name: the folder or Hub repository.
        revision: of a repository.
        config: to use in place of its own.
        **options: of `from_pretrained`.

    Raises:
        InputError: if it is missing or cannot be reached, is another kind of model, or some of
            its weights are missing or not finite.
    """
    config = open_config(name, revision) if config is None else config
    if not isinstance(config, HybridMTLConfig):
        raise InputError(
            f"'{name}' is a {config.model_type} model; name the folder or repository of a model "
            f"that hybrid-mtl trained"
        )
    try:
        return HybridMTLModel.from_pretrained(
            name, config=config, revision=revision or "main", **options
        )
    except DamagedModelError as error:
        raise InputError(str(error)) from error
    except Exception as error:  # as for the configuration
        raise unreachable(f"the weights of '{name}'", error) from error


def open_tokenizer(name: str, revision: str | None = None) -> PreTrainedTokenizerBase:
    """Return a tokenizer as it was saved, without the name of its folder.

    Raises:
        InputError: if there is none, or it cannot pad.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, revision=revision, trust_remote_code=False)
    except Exception as error:  # the tokenizers library raises nothing more specific
        if Path(name).is_dir() and not any(map(list, map(Path(name).glob, _TOKENIZER_FILES))):
            raise InputError(f"'{name}' holds no tokenizer") from error
        raise unreachable(f"the tokenizer of '{name}'", error) from error
    # For a folder without tokenizer files transformers returns an empty one, without an error.
    if len(tokenizer) < len(set(tokenizer.all_special_ids)) + 3:
        raise InputError(f"'{name}' holds no tokenizer")
    if tokenizer.pad_token_id is None:
        raise InputError(f"the tokenizer of '{name}' has no padding token")
    tokenizer.name_or_path = ""
    for key in ("name_or_path", "is_local", "local_files_only"):
        tokenizer.init_kwargs.pop(key, None)
    return tokenizer


def open_trained(
    name: str, revision: str | None = None, **options: Any
) -> tuple[HybridMTLModel, PreTrainedTokenizerBase]:
    """Return a trained model, in evaluation mode, and its tokenizer.

    The tokenizer truncates as in training, and at most to the positions of the encoder.

    Args:
        name: the folder or repository.
        revision: of a repository.
        **options: of the model's `from_pretrained`.

    Raises:
        InputError: as `open_model` and `open_tokenizer` do, or if the two do not fit.
    """
    model = open_model(name, revision, **options)
    tokenizer = open_tokenizer(name, revision)
    config: HybridMTLConfig = model.config
    check_fitting(f"'{name}'", tokenizer, config, map(config.task, config.tasks))
    limit = position_limit(model.config)
    if limit is not None:
        tokenizer.model_max_length = min(tokenizer.model_max_length, limit)
    return model.eval(), tokenizer


def check_whole_models(folder: Path) -> None:
    """Check that a model's folder, and the merged models in it, can be opened.

    Raises:
        InputError: as `open_trained` does.
    """
    for model_folder in (folder, *sorted((folder / MERGED).glob("*/"))):
        open_trained(str(model_folder.absolute()))


def check_fitting(
    place: str,
    tokenizer: PreTrainedTokenizerBase,
    config: PretrainedConfig,
    tasks: Iterable[TaskConfig],
) -> None:
    """Check that an encoder has embeddings for all ids of a tokenizer.

    Args:
        place: where they come from, for the message.
        tokenizer: the tokenizer.
        config: of the encoder, or of a trained model.
        tasks: whose inputs are encoded.

    Raises:
        InputError: naming the ids beyond the encoder's, and what to do.
    """
    cross = any(task.pair_encoding == "cross" for task in tasks)
    try:
        check_tokenizer(tokenizer, getattr(config, "backbone_config", config), cross)
    except ValueError as error:
        raise InputError(f"{place}: {error}") from error


def position_limit(config: PretrainedConfig) -> int | None:
    """Return the longest sequence of an encoder, in tokens; None if there is no limit."""
    encoder = getattr(config, "backbone_config", config)
    limit = getattr(encoder, "max_position_embeddings", None)
    # RoBERTa and similar encoders count positions from the padding index.
    offset = (encoder.pad_token_id or 0) + 1 if encoder.model_type in _OFFSET_POSITIONS else 0
    # XLNet has -1 for no limit.
    return None if limit is None or limit < 1 else limit - offset


_OFFSET_POSITIONS = {
    "camembert",
    "data2vec-text",
    "ibert",
    "longformer",
    "luke",
    "mpnet",
    "roberta",
    "roberta-prelayernorm",
    "xlm-roberta",
    "xlm-roberta-xl",
    "xmod",
}


def unreachable(item: str, error: Exception) -> UnreachableError:
    """Return the error for an item that cannot be loaded."""
    return UnreachableError(f"cannot load {item}: {str(error).partition(chr(10))[0]}")
