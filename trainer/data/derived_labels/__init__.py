"""Labels derived from the texts of other tasks."""

from trainer.data.derived_labels.entry import LABEL_GENERATORS, DerivedLabels, complete_entry

__all__ = ["LABEL_GENERATORS", "DerivedLabels", "complete_entry"]
