"""Labels made from the texts of other tasks."""

from trainer.data.derived_labels.entry import LABEL_MAKERS, MadeLabels, complete_entry

__all__ = ["LABEL_MAKERS", "MadeLabels", "complete_entry"]
