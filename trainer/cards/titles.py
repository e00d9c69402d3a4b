"""The title of a model that has no name yet: its tasks and its encoder."""

from collections.abc import Sequence

_MAX_TASKS = 3
# In the code of a card, until a push puts the repository in its place.
THIS_MODEL = "THIS_FOLDER_OR_REPOSITORY"


def model_title(tasks: Sequence[str], base_model: str | None = None) -> str:
    """Return a title such as `sentiment, paraphrase and similarity with all-MiniLM-L6-v2`.

    Args:
        tasks: names of the model's tasks, one or more; the first three are listed.
        base_model: Hub id of the encoder, if it has one.
    """
    shown = list(tasks[:_MAX_TASKS])
    rest = len(tasks) - len(shown)
    if rest:
        shown.append(f"{rest} more {'task' if rest == 1 else 'tasks'}")
    listed = " and ".join([part for part in (", ".join(shown[:-1]), shown[-1]) if part])
    return listed if base_model is None else f"{listed} with {base_model.rpartition('/')[2]}"
