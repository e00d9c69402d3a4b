"""Metrics, report and figure of ranking tasks."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modeling_hybrid_mtl.ranking_hybrid_mtl import FIRST, SECOND
from trainer.evaluation.figure_files import BLUE, new_figure, save_figure
from trainer.evaluation.match_ranks import RANK_VALUES, match_ranks
from trainer.registry import METRICS

_CUTOFFS = (1, 2, 3, 5, 10, 20, 50, 100)


def _mean(name: str, ranks: NDArray[np.float64], true: Any, _: None) -> float:
    return float(RANK_VALUES[name](ranks).mean())


for _name in RANK_VALUES:
    METRICS.register(_name, partial(_mean, _name))


def ranking_report(vectors: ArrayLike, labels: ArrayLike) -> dict[str, Any]:
    """Return the recall at several ranks.

    Args:
        vectors: of both texts, (N, 2, D).
        labels: hashes of both texts and whether they match, (N, 3).

    Returns:
        A JSON-serializable report. `matches`: the number of rows that match; `queries` and
        `candidates`: the number of different first texts, and second texts; `median_rank` of the
        matching candidates; `recall_at`: k -> the share of them with at most that rank.

    Raises:
        ValueError: as `match_ranks`.
    """
    ranks, keys = match_ranks(vectors, labels), np.asarray(labels)
    candidates = len(np.unique(keys[:, SECOND]))
    return {
        "matches": len(ranks),
        "queries": len(np.unique(keys[:, FIRST])),
        "candidates": candidates,
        "median_rank": float(np.median(ranks)),
        "recall_at": {str(k): float((ranks <= k).mean()) for k in _CUTOFFS if k <= candidates},
    }


def draw_recall(report: Mapping[str, Any], title: str, path: str | Path) -> None:
    """Draw the recall at several ranks.

    Args:
        report: the result of `ranking_report`.
        title: the title above the plot.
        path: the PNG file to write; missing folders are created.
    """
    figure = new_figure(5.6, 4.2)
    axes = figure.subplots()
    names, values = list(report["recall_at"]), list(report["recall_at"].values())
    axes.plot(range(len(names)), values, color=BLUE, marker="o")
    axes.set_xticks(range(len(names)), names)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel(f"rank k among {report['candidates']:,} candidates")
    axes.set_ylabel(f"recall at k ({report['matches']:,} matches)")
    axes.grid(alpha=0.25)
    axes.set_title(title, parse_math=False)
    save_figure(figure, path)
