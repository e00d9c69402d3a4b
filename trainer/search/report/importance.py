"""The importance of options: how well their values predict the score."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from trainer.search.report.runs import Run, key_of

FEWEST_RUNS = 10
_FOLDS = 5
_TREES = 100
_REPEATS = 5


def importance_of(runs: Sequence[Run], options: Sequence[str]) -> dict[str, Any] | None:
    """Return the permutation importance of each option (Breiman 2001), the highest first.

    A random forest predicts the scores of held-out runs; an option's importance is the share of the
    scores' variance by which its squared error grows when the option's values are permuted among
    them. The variant and the seed count as options, if runs differ in them.

    Args:
        runs: those that were trained to the end and have a score count.
        options: of the study's space.

    Returns:
        `options`: option -> importance; `r2`: the share of the variance that the forest predicts;
        `runs`: their number. None with fewer than ten runs, one option or equal scores.
    """
    runs = [run for run in runs if run.finished and run.score is not None]
    columns: dict[str, list[Any]] = {
        "variant": [run.trial.variant for run in runs],
        **{option: [run.trial.values.get(option) for run in runs] for option in options},
    }
    columns = {name: values for name, values in columns.items() if _differ(values)}
    scores = np.array([run.score for run in runs], dtype=float)
    if len(runs) < FEWEST_RUNS or len(columns) < 2 or not np.ptp(scores):
        return None
    seeds = [run.trial.seed for run in runs]
    if _differ(seeds):
        columns["seed"] = seeds
    features = np.column_stack([_numbers(values) for values in columns.values()])
    falls, error = _held_out(features, scores / scores.std())
    order = np.argsort(-falls, kind="stable")
    names = list(columns)
    return {
        "options": {names[i]: float(falls[i]) for i in order},
        "r2": 1 - error,
        "runs": len(runs),
    }


def _differ(values: Sequence[Any]) -> bool:
    return len({key_of({"value": value}) for value in values}) > 1


def _numbers(values: Sequence[Any]) -> list[float]:
    """Return numbers as they are, and other values by their place among the different ones."""
    if all(isinstance(value, (int, float)) for value in values):
        return [float(value) for value in values]
    keys = [key_of({"value": value}) for value in values]
    places = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    return [float(places[key]) for key in keys]


def _held_out(features: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, float]:
    """Return by how much the error grows for each column, (C,), and the error; both held out."""
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance
    from sklearn.model_selection import KFold

    falls, errors = [], []
    for fitted, held in KFold(_FOLDS, shuffle=True, random_state=0).split(features):
        forest = RandomForestRegressor(_TREES, random_state=0).fit(features[fitted], scores[fitted])
        found = permutation_importance(
            forest,
            features[held],
            scores[held],
            scoring="neg_mean_squared_error",
            n_repeats=_REPEATS,
            random_state=0,
        )
        falls.append(found.importances_mean)
        errors.append(float(np.mean((forest.predict(features[held]) - scores[held]) ** 2)))
    return np.mean(falls, axis=0), float(np.mean(errors))
