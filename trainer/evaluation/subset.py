"""The rows that are measured while a run trains, where all would take too long."""

import logging
import zlib
from collections.abc import Mapping

import numpy as np
from datasets import Dataset

logger = logging.getLogger(__name__)


def measured_in_training(
    datasets: Mapping[str, Dataset], most: Mapping[str, int | None], seed: int
) -> dict[str, Dataset]:
    """Draw some rows of each task that has more than it is to have; the same for the same seed.

    Args:
        datasets: task -> rows.
        most: task -> rows at most; None for all.
        seed: of the run's data.
    """
    chosen = dict(datasets)
    for name, rows in datasets.items():
        limit = most[name]
        if limit is not None and limit < len(rows):
            random = np.random.default_rng([seed, zlib.crc32(name.encode())])
            chosen[name] = rows.select(np.sort(random.choice(len(rows), limit, replace=False)))
            logger.warning(
                "Task '%s': while training goes on, %d of its %d validation rows are measured, "
                "drawn by the seed; before its first step and after its last all of them are.",
                *(name, limit, len(rows)),
            )
    return chosen
