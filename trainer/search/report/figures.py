"""The figures of a study."""

from collections.abc import Mapping, Sequence
from typing import Any

from trainer.search.curves import common_curve, curve_file, read_curve
from trainer.search.report.coordinates import draw_coordinates
from trainer.search.report.curve_figure import MAX_CURVES, draw_curves
from trainer.search.report.difference_figure import draw_differences
from trainer.search.report.heat_maps import draw_heat_maps
from trainer.search.report.importance_figure import draw_importance
from trainer.search.report.runs import Run, key_of
from trainer.search.report.tables import best_first
from trainer.search.space import Range
from trainer.search.study import Study

FIGURES = "figures"


def draw_study(study: Study, content: Mapping[str, Any], runs: Sequence[Run]) -> dict[str, str]:
    """Draw the figures for which the study has something to show.

    Args:
        study: the study.
        content: of `study_content`, with the importance of options.
        runs: those with a result.

    Returns:
        Path in the study's folder -> title.
    """
    folder = study.folder / FIGURES
    metric = content["metric"]
    log = [o for o, found in study.space.items() if isinstance(found, Range) and found.log]
    maps = {
        f"heat_map_{name.removeprefix('eval_')}.png": name
        for name in content["shown"]
        if draw_heat_maps(content, name, folder / f"heat_map_{name.removeprefix('eval_')}.png")
    }
    curves = _curves(study, content, runs)
    drawn = {
        "differences.png": draw_differences(content, folder / "differences.png"),
        "curves.png": draw_curves(curves, metric, folder / "curves.png"),
        "coordinates.png": draw_coordinates(content, log, folder / "coordinates.png"),
        "importance.png": draw_importance(content["importance"], folder / "importance.png"),
    }
    titles = {
        "differences.png": "Differences to the baseline, paired by seed",
        "curves.png": f"Learning curves, of at most {MAX_CURVES}: means and their 95% intervals",
        "coordinates.png": "The values and the score of each run",
        "importance.png": "Importance of the options",
        **{file: f"Means of {name}" for file, name in maps.items()},
    }
    files = [file for file, exists in drawn.items() if exists] + list(maps)
    return {f"{FIGURES}/{file}": titles[file] for file in files}


def _curves(
    study: Study, content: Mapping[str, Any], runs: Sequence[Run]
) -> dict[str, dict[int, list[float]]]:
    """Return the curves of the baseline and of the best, by the name of their row."""
    rows = [row for row in best_first(content) if not row["combines"]]
    rows.sort(key=lambda row: row["variant"] != content["baseline"])
    found = {}
    for row in rows[:MAX_CURVES]:
        key = row["variant"], key_of(row["values"])
        trials = [r.trial for r in runs if r.finished and r.key == key]
        curves = [read_curve(curve_file(study.log_of(trial))) for trial in trials]
        found[row["name"]] = common_curve(curves, content["metric"])
    return found
