"""Classification of texts by the task whose rows contain them."""

from collections.abc import Sequence

from datasets import Dataset, Features, Value

from trainer.data.checked_split import CheckedSplit
from trainer.data.derived_labels.base import LabelGenerator, Texts


def _make(texts: Texts, labels: Sequence[str], desc: str) -> CheckedSplit:
    index = {task: i for i, task in enumerate(labels)}
    unique = {text: tasks[0] for text, tasks in texts.items() if len(tasks) == 1}
    table = {"text": list(unique), "label": [index[task] for task in unique.values()]}
    shared = len(texts) - len(unique)
    rows = Dataset.from_dict(
        table, features=Features({"text": Value("string"), "label": Value("int64")})
    )
    return CheckedSplit(rows, {"text of several tasks": shared} if shared else {})


SOURCE = LabelGenerator("classification", list, _make)
