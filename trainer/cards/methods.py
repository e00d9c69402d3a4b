"""Which published methods, encoders and data a run made use of, for the card's citations."""

from collections.abc import Iterator

from modeling_hybrid_mtl import HybridMTLModel
from trainer.cards.citations import KNOWN
from trainer.config.freezing_options import WITH_ADAPTERS
from trainer.config.settings import Settings
from trainer.config.tasks import TaskEntry
from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.data.sources import local_folder

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
_EDA = {"synonyms", "insertion", "swap", "deletion"}


def methods_used(settings: Settings, model: HybridMTLModel) -> list[str]:
    """Keys of `trainer.cards.citations`, each once."""
    found = [*_of_encoder(settings, model)]
    for name, entry in settings.tasks.items():
        found += _of_task(entry)
        found += _of_data(name, settings)
    if settings.phases:
        for phase in settings.phases:
            if phase.objective == "tasks":
                found += _of_training(phase.training, phase.tasks)
            else:
                found.append("bert")  # masked-language modelling is its
    else:
        found += _of_training(settings.training, list(settings.tasks))
    if model.config.adapters:
        found.append("lora")
    return [key for key in dict.fromkeys(found) if key in KNOWN]


def _of_encoder(settings: Settings, model: HybridMTLModel) -> Iterator[str]:
    if settings.run.model_name_or_path in ("minilm", MINILM):
        yield from ("minilm", "sbert")
    else:
        yield model.config.backbone_config.model_type


def _of_task(entry: TaskEntry) -> Iterator[str]:
    if entry.model.is_siamese:
        yield "sbert"
    if entry.training.auxiliary:
        yield "mtrec"
    methods = {step["method"] for step in entry.augmentation.augmentation}
    if methods & _EDA:
        yield "eda"
    yield from methods & {"back_translation"}


def _of_data(name: str, settings: Settings) -> Iterator[str]:
    entry = settings.tasks[name]
    if entry.derived.label_generator is not None:
        return
    source = entry.source
    in_files = local_folder(name, source, settings.run.data_dir) is not None
    dataset = source.data_name if in_files else source.dataset
    if dataset == "SetFit/sst5":
        yield "sst5"
    if dataset == "nyu-mll/glue":
        yield "glue"
        if source.dataset == dataset and source.dataset_config == "stsb":
            yield "stsb"


def _of_training(args: HybridMTLTrainingArguments, tasks: list[str]) -> Iterator[str]:
    yield args.aggregator
    trained = [args.task_training(task) for task in tasks]
    if any(task.smart_weight or task.bregman_weight for task in trained):
        yield "smart"
    if any(task.rdrop_weight for task in trained):
        yield "rdrop"
    schedules = {args.lr_scheduler_type, *(task.lr_scheduler_type for task in trained)}
    if "cyclic" in map(str, schedules):
        yield "cyclic"
    if args.task_sampling == "annealed":
        yield "annealed"
    if args.loss_weights == "uncertainty":
        yield "uncertainty"
    if args.trainable in WITH_ADAPTERS:
        yield "lora"
