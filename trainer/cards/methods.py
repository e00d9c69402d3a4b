"""The published methods, encoders and data that a run used, for the card's citations."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from trainer.cards.citations import KNOWN
from trainer.config.freezing_options import WITH_ADAPTERS
from trainer.config.settings import Phase
from trainer.config.tasks import TaskEntry
from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.data.origin import DataOrigin

MINILM = "sentence-transformers/all-MiniLM-L6-v2"


def methods_used(
    encoder: str,
    tasks: Mapping[str, TaskEntry],
    origins: Mapping[str, DataOrigin],
    phases: Iterable[Phase],
    *,
    has_adapters: bool,
    is_calibrated: bool = False,
) -> list[str]:
    """Return keys of `trainer.cards.citations`, each once.

    Args:
        encoder: its name or type.
        tasks: of the run.
        origins: of their rows.
        phases: of training, or one that stands for a run without phases.
        has_adapters: whether the trained model has some.
        is_calibrated: whether its temperatures were fitted.
    """
    keys = ["minilm", "sbert"] if encoder in ("minilm", MINILM) else [encoder]
    for name, entry in tasks.items():
        keys += _of_task(entry)
        keys += _of_data(origins[name])
    for phase in phases:
        # Masked-language modeling is BERT's.
        keys += (
            _of_training(phase.training, phase.tasks) if phase.objective == "tasks" else ["bert"]
        )
    if has_adapters:
        keys.append("lora")
    if is_calibrated:
        keys.append("temperature_scaling")
    return [key for key in dict.fromkeys(keys) if key in KNOWN]


def _of_task(entry: TaskEntry) -> Iterator[str]:
    if entry.model.is_siamese:
        yield "sbert"
    if entry.training.auxiliary:
        yield "mtrec"
    # A loss, or an option of a head, may be named after a method.
    yield from map(str, (entry.model.loss, *entry.model.head_options.values()))
    if entry.model.head_options.get("negatives"):
        yield "xbm"
    yield from (method.citation for method in entry.augmentation.methods())


def _of_data(origin: DataOrigin) -> Iterator[str]:
    if origin.dataset == "SetFit/sst5":
        yield "sst5"
    if origin.dataset == "nyu-mll/glue":
        yield "glue"
        if origin.dataset_config == "stsb":
            yield "stsb"


def _of_training(args: HybridMTLTrainingArguments, tasks: Sequence[str]) -> Iterator[str]:
    yield args.aggregator
    yield from (regularizer.citation for regularizer in args.make_regularizers(tasks))
    schedules = {args.lr_scheduler_type, *(args.task_training(t).lr_scheduler_type for t in tasks)}
    yield from map(str, schedules)
    yield args.task_sampling
    yield args.loss_weights
    if args.trainable in WITH_ADAPTERS:
        yield "lora"
