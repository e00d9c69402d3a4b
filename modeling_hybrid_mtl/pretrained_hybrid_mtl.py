"""Loading and saving of a model."""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModel
from transformers.utils import logging

from .configuration_hybrid_mtl import HybridMTLConfig, TaskConfig
from .embedding_checks_hybrid_mtl import check_text_encoder
from .extension_files_hybrid_mtl import extension_files, write_extensions
from .pipeline_hybrid_mtl import HybridMTLPipeline
from .standard_hybrid_mtl import STANDARDS
from .tasks_hybrid_mtl import SENTENCE_OPTIONS, TaskMixin
from .vectors_hybrid_mtl import EmbeddingMixin
from .weights_hybrid_mtl import HUB_KWARGS, check_complete, check_shapes, check_weights, model_type

logger = logging.get_logger(__name__)


class PretrainedMixin(EmbeddingMixin, TaskMixin):
    """The methods of `HybridMTLModel` that load and save it."""

    heads: Any

    @classmethod
    def from_backbone(
        cls,
        name_or_path: str,
        tasks: dict[str, dict[str, Any] | TaskConfig],
        *,
        backbone_dropout: float | None = None,
        **kwargs,
    ) -> Any:
        """Start from a pretrained encoder with newly initialized heads, or from a trained model.

        From a trained model of this class, the encoder is taken, with the adapters shared by all
        tasks merged. Heads and adapters of requested tasks are kept if the head's shape is
        unchanged. The log lists them.

        No code of the encoder's repository is run, and no pickle is loaded.

        Args:
            name_or_path: a Hub repository or a folder that `AutoModel` can load.
            tasks: task name -> fields of `TaskConfig`.
            backbone_dropout: if given, replaces all dropout probabilities of the encoder.
            **kwargs: `pooling`, `pooled_dropout`, `shared_hidden_sizes`, `shared_activation` and
                `shared_dropout` of `HybridMTLConfig`, if None, the trained model's, or the
                default; others are passed to `from_pretrained` (`dtype`, `device_map`,
                `revision`, ...). Without `dtype`, the weights are at least float32, since half
                precision loses small updates in training.

        Raises:
            ValueError: naming the task and field, or the option, that is invalid; if the encoder
                needs other inputs than text; if a trained model is incomplete.
        """
        given = {name: kwargs.pop(name, None) for name in SENTENCE_OPTIONS}
        options = {name: value for name, value in given.items() if value is not None}
        hub = {name: kwargs.pop(name) for name in HUB_KWARGS if name in kwargs}
        check_weights(name_or_path, **hub)
        if model_type(name_or_path, **hub) == cls.config_class.model_type:
            trained = cls.from_pretrained(name_or_path, dtype=kwargs.get("dtype", "auto"), **hub)
            if backbone_dropout is not None:
                set_encoder_dropout(trained.config.backbone_config, backbone_dropout)
            return trained._with_new_tasks(tasks, options, **kwargs)
        hub["trust_remote_code"] = False
        backbone_config = AutoConfig.from_pretrained(name_or_path, **hub)
        if backbone_dropout is not None:
            set_encoder_dropout(backbone_config, backbone_dropout)
        config = HybridMTLConfig(backbone_config, tasks, **options)
        # AutoModel handles the key prefixes of checkpoints with a language model head.
        encoder = AutoModel.from_pretrained(
            name_or_path,
            config=backbone_config,
            dtype=kwargs.get("dtype", "auto"),
            use_safetensors=True,
            **hub,
        )
        if "dtype" not in kwargs:
            kwargs["dtype"] = _dtype_for_training(encoder, name_or_path)
        weights = {f"backbone.{name}": weight for name, weight in encoder.state_dict().items()}
        model = cls.from_pretrained(None, config=config, state_dict=weights, **kwargs)
        model.name_or_path = model.config.name_or_path = str(name_or_path)
        model.config.backbone_config.dtype = model.dtype
        check_text_encoder(model)
        model.set_origin(**hub)
        return model

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args, **kwargs) -> Any:
        """Load a model from safetensors only, never from a pickle.

        A trained model that lacks weights is only loaded with `output_loading_info=True`, which
        lists them; they are initialized randomly.

        Raises:
            ValueError: if an index lists other files, or weights of a trained model are missing,
                not finite or of another shape than configured.
        """
        kwargs["use_safetensors"] = True
        name = pretrained_model_name_or_path
        if name is None:
            return super().from_pretrained(None, *args, **kwargs)
        hub = {option: kwargs[option] for option in HUB_KWARGS if option in kwargs}
        check_weights(name, **hub)
        is_trained = model_type(name, **hub) == cls.config_class.model_type
        if not is_trained or kwargs.get("output_loading_info"):
            return super().from_pretrained(name, *args, **kwargs)
        ignore_mismatched = kwargs.get("ignore_mismatched_sizes", False)
        # The checks below raise short errors instead of a report and a traceback.
        kwargs |= {"output_loading_info": True, "ignore_mismatched_sizes": True}
        model, loading = super().from_pretrained(name, *args, **kwargs)
        if not ignore_mismatched:
            check_shapes(name, loading["mismatched_keys"])
        check_complete(name, model, loading["missing_keys"])
        return model

    def save_pretrained(self, save_directory: Any, is_main_process: bool = True, **kwargs) -> None:
        """Save weights, configuration and all code needed to load the model without this project.

        Raises:
            ValueError: if the code of an extension cannot be saved with the model.
        """
        # transformers saves the files of relative imports with the model.
        from .handler import EndpointHandler  # noqa: F401

        files = extension_files(self.config.tasks.values())
        if files and kwargs.get("push_to_hub"):
            raise ValueError(
                "push_to_hub: would omit the extension files of this model; call model.push_to_hub "
                "instead"
            )
        if files:
            self.config.extensions = list(files)
        standards = {head.standard for head in self.heads.values()}
        names = [name for name, standard in STANDARDS.items() if standard in standards]
        self.config.custom_pipelines = {
            name: {
                "impl": f"pipeline_hybrid_mtl.{HybridMTLPipeline.__name__}",
                "pt": ["AutoModel"],
                "type": "text",
            }
            for name in ("hybrid-mtl", *names)
        }
        super().save_pretrained(save_directory, is_main_process=is_main_process, **kwargs)
        if files and is_main_process:
            write_extensions(Path(save_directory), files)


def _dtype_for_training(encoder: Any, name: str) -> torch.dtype:
    """Return the dtype of an encoder's weights, or float32 if that is less precise; then warn."""
    dtype = torch.promote_types(encoder.dtype, torch.float32)
    if encoder.dtype != dtype:
        logger.warning(
            "The weights of '%s' are converted from %s to %s for training.",
            name,
            encoder.dtype,
            dtype,
        )
    return dtype


def set_encoder_dropout(config: Any, probability: float) -> None:
    """Set all dropout probabilities of an encoder's configuration.

    Raises:
        ValueError: if the configuration has no dropout field.
    """
    fields = [
        name
        for name, value in config.to_dict().items()
        if ("dropout" in name or name == "attention_probs_dropout_prob")
        and "classifier" not in name
        and name != "seq_classif_dropout"
        and isinstance(value, (int, float))
    ]
    if not fields:
        raise ValueError(f"a {config.model_type} configuration has no dropout to set")
    for name in fields:
        setattr(config, name, probability)
