"""The measurement of the chosen model on the test split, once, after the search."""

import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from trainer.config.parser import parse_config
from trainer.config.tasks import DEFAULT_TASKS
from trainer.data.task_locations import has_test_rows
from trainer.runs.evaluate import evaluate
from trainer.search.study import Study
from trainer.search.trials import Trial

FOLDER = "test"


def measure_test(study: Study, trial: Trial, folder: Path | None = None) -> dict[str, float]:
    """Measure the model of a trial on the test split; write its metrics and reports.

    No other model of the study is measured there: a second call returns what the first one found.

    Args:
        study: the study, whose search is over.
        trial: the chosen one, whose model is still there.
        folder: in which the configuration's extensions may lie.

    Returns:
        `test_<task>_<metric>`; empty if no task has test rows.
    """
    place = study.folder / FOLDER
    written = place / "metrics.json"
    if written.is_file():
        return json.loads(written.read_text(encoding="utf-8"))
    options = study.options_of(trial) | {
        "mode": "evaluate",
        "eval_split": "test",
        "model_name_or_path": str(study.folder_of(trial)),
        "output_dir": str(place),
        "overwrite_output_dir": True,  # what was left when an earlier attempt was killed
    }
    settings = parse_config(options, "study", folder)
    tested = (
        has_test_rows(
            name, entry.source, settings.run.data_dir, DEFAULT_TASKS.get(name, {}).get("dataset")
        )
        for name, entry in settings.tasks.items()
    )
    if not any(tested):
        return {}
    log = study.folder / "logs" / f"{FOLDER}.txt"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file, redirect_stdout(file), redirect_stderr(file):
        return evaluate(settings)
