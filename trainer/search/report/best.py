"""The best configuration of a study, as a file that `hybrid-mtl train` trains."""

from trainer.search.report.content import best_row, study_rows
from trainer.search.report.measures import Measures
from trainer.search.report.rows import Row
from trainer.search.report.runs import Run
from trainer.search.study import Study
from trainer.search.trials import Trial

BEST = "best"


def best_config(study: Study, measures: Measures, runs: list[Run]) -> str | None:
    """Return the best configuration so far as YAML.

    Return None if no run has a score, or the best one's values changed during training.

    It has the study's first seed, not that of the best run, whose luck would not be repeated on
    other rows.
    """
    import yaml

    row = best_row(study, study_rows(study, measures, runs))
    if row is None or row.scheduled:
        return None
    options = study.options_of(Trial(1, study.seeds[0], row.variant, row.values))
    options["output_dir"] = str(study.folder / BEST)
    return f"{_head(study, row)}{yaml.safe_dump(options, sort_keys=False, allow_unicode=True)}"


def _head(study: Study, row: Row) -> str:
    name = "".join(c if c.isprintable() else " " for c in row.name)
    head = f"# The best configuration of the study {study.name}: {name}\n"
    if study.minutes is not None:
        head += f"# The study's runs were limited to {study.minutes:g} minutes; this is not.\n"
    return head
