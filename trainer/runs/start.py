"""The start of a training run: its checks, and the files it writes before the first step."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from io import StringIO
from pathlib import Path
from typing import Any

from trainer.config.settings import Settings
from trainer.config.yaml_text import to_yaml
from trainer.data.checked_split import DroppedRow
from trainer.hub.push import check_destination, destination
from trainer.runs.resume import check_same_rows, check_same_run
from trainer.saving.files import write_json, write_text
from trainer.saving.run_folder import (
    CONFIG_FILE,
    DROPPED_FILE,
    ROWS_FILE,
    claim_output_folder,
    clear_leftovers,
    clear_output_folder,
)


class RunStart:
    """Claims the output folder; writes to it once everything before the first step has passed.

    Raises:
        InputError: if the folder holds another run, the run cannot be resumed with these options,
            or it could not be pushed to the Hub at its end.
    """

    def __init__(self, settings: Settings):
        run, args = settings.run, settings.training
        self.folder = Path(args.output_dir)
        self.resumed = run.resume
        self.resolved = settings.resolved
        self.is_first_process = args.process_index == 0
        self.rows: Mapping[str, Any] = {}
        self.dropped: Sequence[DroppedRow] = ()
        if self.is_first_process:
            claim_output_folder(self.folder, resume=run.resume, overwrite=run.overwrite_output_dir)
            if args.push_to_hub:
                # Before training, which would be lost time if the push must fail.
                check_destination(destination(args))
        if run.resume:
            check_same_run(self.folder / CONFIG_FILE, settings.resolved)

    def check_rows(self, rows: Mapping[str, Any], dropped: Sequence[DroppedRow] = ()) -> None:
        """Check that a resumed run has the rows and processes that it began with.

        Args:
            rows: split -> task -> fingerprint, and the values of `launch_environment`.
            dropped: the rows left out, to be listed in the folder.
        """
        self.rows, self.dropped = rows, dropped
        if self.resumed:
            check_same_rows(self.folder / ROWS_FILE, rows)

    def write(self) -> None:
        """Clear the folder, unless the run is resumed, and record how the run began."""
        if not self.is_first_process:
            return
        clear_leftovers(self.folder)
        if not self.resumed:
            clear_output_folder(self.folder)
            # First of all: this file marks the folder as a run's.
            write_text(self.folder / CONFIG_FILE, to_yaml(self.resolved))
        if not (self.folder / ROWS_FILE).is_file():
            write_json(self.folder / ROWS_FILE, self.rows)
        if self.dropped:
            write_dropped_rows(self.dropped, self.folder / DROPPED_FILE)


def write_dropped_rows(rows: Sequence[DroppedRow], path: Path) -> None:
    """Write a csv file of dropped rows: task, file, row (from 1) and reason, and no text."""
    text = StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["task", "file", "row", "reason"])
    writer.writerows(astuple(row) for row in rows)
    write_text(path, text.getvalue())
