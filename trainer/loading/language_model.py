"""A masked language model of a model's encoder."""

import logging
from copy import deepcopy
from typing import Any

import torch
from transformers import MODEL_FOR_MASKED_LM_MAPPING, AutoModelForMaskedLM
from transformers.utils.logging import get_verbosity, set_verbosity, set_verbosity_error

from modeling_hybrid_mtl.weights_hybrid_mtl import check_weights
from trainer.errors import InputError

logger = logging.getLogger(__name__)


def language_model(
    backbone: Any, start_from: str | None, revision: str | None = None, warn: bool = True
) -> Any:
    """Return a masked language model that shares an encoder.

    Args:
        backbone: the encoder.
        start_from: name or folder of a checkpoint that may have a language-model head.
        revision: its branch, tag or commit on the Hub.
        warn: log a warning if the head is new.

    Raises:
        InputError: if transformers has no such model for this type of encoder, or the checkpoint
            cannot be loaded.
    """
    config = deepcopy(backbone.config)  # transformers modifies the configuration
    if type(config) not in MODEL_FOR_MASKED_LM_MAPPING:
        raise InputError(
            f"masked language modeling: transformers has no such model for an encoder of type "
            f"'{config.model_type}'; remove the phase, or use another encoder"
        )
    missing: set[str] | None = None
    if start_from is None:
        model = AutoModelForMaskedLM.from_config(
            config, dtype=backbone.dtype, trust_remote_code=False
        )
    else:
        model, loading = _load_language_model(start_from, config, backbone.dtype, revision)
        missing = set(loading["missing_keys"])
    body = model.base_model_prefix
    setattr(model, body, backbone)
    model.tie_weights()
    if warn and (missing is None or any(not name.startswith(f"{body}.") for name in missing)):
        logger.warning(
            "Masked language modeling: '%s' has no language-model head; a new one is trained.",
            start_from or config.model_type,
        )
    return model


def _load_language_model(
    start_from: str, config: Any, dtype: torch.dtype, revision: str | None
) -> tuple[Any, dict[str, Any]]:
    """Return a pretrained language model, and transformers' report on its weights."""
    level = get_verbosity()
    set_verbosity_error()  # a missing head would be reported as an error
    try:
        check_weights(start_from, revision=revision or "main")
        return AutoModelForMaskedLM.from_pretrained(
            start_from,
            config=config,
            dtype=dtype,
            revision=revision or "main",
            output_loading_info=True,
            use_safetensors=True,
            trust_remote_code=False,
        )
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"masked language modeling: '{start_from}': {error}") from error
    finally:
        set_verbosity(level)
