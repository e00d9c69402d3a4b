"""Examples of a finished run, for its card, the app and `hybrid-mtl ask`."""

from pathlib import Path

from trainer.app.recorded_examples import EXAMPLES_FILE
from trainer.cards import CardFacts
from trainer.config.settings import Settings
from trainer.data.origin import DataOrigin
from trainer.loading.datasets import PreparedData
from trainer.prediction.examples import choose_rows, predict_examples
from trainer.runs.trained_pipeline import trained_pipeline
from trainer.saving.files import write_json
from trainer.training.hybrid_trainer import HybridMTLTrainer

# Examples of a task on the shipped sample, which is public.
EXAMPLES_OF_SAMPLE = 3


def add_examples(
    facts: CardFacts, settings: Settings, data: PreparedData, trainer: HybridMTLTrainer
) -> None:
    """Add short validation rows with the model's predictions to the facts, and write them.

    Nothing is written unless the option `examples`, or the shipped sample, allows it.

    Args:
        facts: of the run's card, with the tasks of its model.
        settings: of the run.
        data: its rows.
        trainer: the trainer, after training.
    """
    chosen = {}
    for task in facts.tasks:
        count = _count(settings.run.examples, data.origins[task.name])
        rows, config = data.validation_texts[task.name], settings.tasks[task.name].model
        found = choose_rows(rows, config, count) if count else []
        if found:
            chosen[task.name] = found
    if not chosen:
        return
    examples = predict_examples(trained_pipeline(trainer), chosen)
    path = Path(settings.training.output_dir) / EXAMPLES_FILE
    write_json(path, examples)
    for task in facts.tasks:
        task.examples = examples.get(task.name, [])
    count = sum(map(len, examples.values()))
    print(f"{count} validation rows are examples, in {path} and on the card")


def _count(examples: int | None, origin: DataOrigin) -> int:
    if examples is not None:
        return examples
    return EXAMPLES_OF_SAMPLE if origin.is_sample else 0
