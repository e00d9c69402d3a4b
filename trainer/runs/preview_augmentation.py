"""A preview of a task's augmented training rows."""

from trainer.config.settings import Settings
from trainer.data.augmentation import Copier
from trainer.errors import InputError, did_you_mean
from trainer.loading.shared_tables import group_by_table
from trainer.loading.task_splits import load_table


def preview(settings: Settings, name: str, count: int = 10) -> str:
    """Return the first rows that augmentation changes, each beside the copy that training adds.

    Args:
        settings: of the run.
        name: the task.
        count: pairs of a row and a copy of it.

    Raises:
        InputError: if there is no such task, or nothing to show for it.
    """
    if name not in settings.tasks:
        known = ", ".join(settings.tasks)
        raise InputError(f"no task '{name}' ({known}).{did_you_mean(name, settings.tasks)}")
    options = settings.tasks[name].augmentation
    if not options.augmentation:
        raise InputError(
            f"task '{name}' has no augmentation; name methods with --tasks.{name}.augmentation"
        )
    seed, data_dir = settings.training.seed_of_data, settings.run.data_dir
    tables = group_by_table(settings.tasks, "train", data_dir)
    table = next(tasks for tasks in tables if name in tasks)
    rows = load_table(table, ["train"], data_dir, seed)[name]["train"].labeled().rows
    copier = Copier(name, rows, options, settings.training.seed_of_data, settings.training.device)
    chosen, shown = copier.sample_rows(), list[str]()
    # A few at a time: a model that translates need not read them all.
    while chosen and len(shown) < count:
        part, chosen = chosen[: 2 * count], chosen[2 * count :]
        for row, texts in copier.copies(part):
            lines = [f"row {row + 1}"]
            for before, after in zip(copier.texts(row), texts, strict=True):
                lines += [f"  before: {before}", f"  after:  {after}"]
            shown.append("\n".join(lines))
    if not shown:
        raise InputError(f"task '{name}': no row has a word that its augmentation may change")
    return "\n".join(shown[:count])
