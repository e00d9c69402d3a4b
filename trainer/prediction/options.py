"""The options of mode `predict`."""

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from trainer.data.readers.databases import check_no_password
from trainer.errors import InputError
from trainer.options import changed, check_choice, check_output_columns, option, read_mapping
from trainer.prediction.tables import ON_ERROR
from trainer.prediction.writers import WRITERS


def _option(default: Any, help: str) -> Any:
    return option(default, help, group="run", phase="run", resume="free")


@dataclass
class PredictionOptions:
    """The rows to predict, and the file of predictions."""

    predict_file: str | None = _option(
        None,
        "Mode predict: rows to predict, a file, a pattern, a folder or a database's URL as in a "
        "task's train_file, with the columns text and, for pairs, text_pair, or the columns and "
        "the format, separator, quoting, encoding and sheet of predict_task, or of all tasks if "
        "they are the same.",
    )
    predict_task: str | None = _option(
        None,
        "Mode predict: the task; every task that fits the rows if unset, whose columns then begin "
        "with its name.",
    )
    predict_output: str | None = _option(
        None,
        "Mode predict: the csv, jsonl or parquet file to write; predictions.jsonl in output_dir.",
    )
    predict_keep: list[str] | None = _option(
        None,
        "Mode predict: columns of predict_file to write before the predictions, such as id,date.",
    )
    predict_columns: dict[str, str] | str | None = _option(
        None,
        "Mode predict: the columns to write, in order, and their names: a mapping from columns of "
        "predict_file or of the predictions, such as {id: id, index: Predicted_Sentiment}.",
    )
    predict_probabilities: bool = _option(
        False, "Mode predict: also write the probability of every class."
    )
    predict_on_error: str | None = _option(
        None,
        "Mode predict: for a row without text, stop, skip to leave it out, or null to write it "
        "without predictions, with a reason. If unset, null where predict_task has bad_rows: drop, "
        "or else stop.",
    )

    predict_log: str | None = _option(
        None,
        "Mode predict: append a line per answer, without texts, to this log for "
        "hybrid-mtl monitor.",
    )
    predict_log_groups: list[str] | None = _option(
        None,
        "With predict_log: columns of predict_file, such as country,channel, whose values are "
        "logged, so that groups of rows are monitored.",
    )

    def check_predictions(self, mode: str) -> None:
        """Check the options of predictions, and expand `~` in paths.

        Raises:
            InputError: naming the option that is wrong, or has no effect in this mode.
        """
        if mode == "predict" and self.predict_file is None:
            raise InputError("mode = 'predict': name the rows with --predict_file")
        given = changed(self, [declared.name for declared in fields(PredictionOptions)])
        for name, value in given.items():
            if mode != "predict":
                raise InputError(
                    f"{name} = {value!r}: has no effect with mode: {mode}; "
                    f"unset it, or use mode: predict"
                )
        check_no_password("predict_file", self.predict_file or "")
        for name in ("predict_file", "predict_output", "predict_log"):
            if getattr(self, name) is not None:
                setattr(self, name, os.path.expanduser(getattr(self, name)))
        if self.predict_output is not None and Path(self.predict_output).suffix not in WRITERS:
            raise InputError(
                f"predict_output = '{self.predict_output}': expected a name that ends in "
                f"{' or '.join(WRITERS)}"
            )
        if self.predict_on_error is not None:
            check_choice("predict_on_error", self.predict_on_error, ON_ERROR)
        if self.predict_keep is not None:
            self.predict_keep = [name for part in self.predict_keep for name in part.split(",")]
        if self.predict_log_groups is not None:
            names = [name for part in self.predict_log_groups for name in part.split(",")]
            self.predict_log_groups = names
        self._check_columns()

    def _check_columns(self) -> None:
        if self.predict_columns is None:
            return
        columns = read_mapping("predict_columns", self.predict_columns, "column -> its name")
        check_output_columns("predict_columns", columns)
        if self.predict_keep:
            raise InputError(
                "predict_keep and predict_columns: choose one of the two; predict_columns names "
                "all columns"
            )
        self.predict_columns = columns
