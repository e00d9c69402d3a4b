"""Subsets of the validation rows for the evaluations during training."""

import logging
import zlib
from collections.abc import Mapping

import numpy as np
from datasets import Dataset

logger = logging.getLogger(__name__)


def limit_validation_rows(
    datasets: Mapping[str, Dataset], max_rows: Mapping[str, int | None], seed: int
) -> dict[str, Dataset]:
    """Draw at most `max_rows` rows of each task, deterministically for a seed.

    Args:
        datasets: task -> rows.
        max_rows: task -> maximum number of rows, or None for all.
        seed: the run's data seed.
    """
    subsets = dict(datasets)
    for name, rows in datasets.items():
        limit = max_rows[name]
        if limit is not None and limit < len(rows):
            random = np.random.default_rng([seed, zlib.crc32(name.encode())])
            subsets[name] = rows.select(np.sort(random.choice(len(rows), limit, replace=False)))
            logger.warning(
                "Task '%s': evaluations during training use a random %d of its %d validation rows; "
                "those before the first step and after the last use all rows.",
                *(name, limit, len(rows)),
            )
    return subsets
