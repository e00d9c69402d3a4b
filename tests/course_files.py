"""Files of the shape of a course's: tables between tabs, row numbers without a name, an id."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.toys import WORDS

TEST_ROWS = 7


def write_course(folder: Path, train_rows: int, dev_rows: int) -> Path:
    """Write training, validation and test files of the paper's three tasks.

    The last training pair of questions lacks its label; some texts are quoted.

    Returns:
        The folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pair, counts = ["sentence1", "sentence2"], (train_rows, dev_rows)
    _write_table(folder, "ids-sst", ["sentence"], "sentiment", lambda i: i % 5, counts)
    _write_table(folder, "quora", pair, "is_duplicate", lambda i: i % 2, counts)
    _write_table(folder, "sts", pair, "similarity", lambda i: (i % 11) / 2, counts)
    with (folder / "quora-train.csv").open("a") as lines:
        lines.write(f"{train_rows}\t{_id('quora', train_rows)}\tw1 w2\tw3\t\n")
    return folder


def _write_table(
    folder: Path,
    name: str,
    texts: Sequence[str],
    label: str,
    labels: Callable[[int], float],
    counts: tuple[int, int],
) -> None:
    splits = zip(("train", "dev", "test-student"), (*counts, TEST_ROWS), strict=True)
    for seed, (split, count) in enumerate(splits):
        has_label = split != "test-student"
        lines = ["\t".join(["", "id", *texts, *([label] if has_label else [])])]
        for i in range(count):
            label_cell = [f"{float(labels(i))}"] if has_label else []
            cells = [_text(i, seed + side) for side in range(len(texts))]
            lines.append("\t".join([str(i), _id(f"{name}-{split}", i), *cells, *label_cell]))
        (folder / f"{name}-{split}.csv").write_text("\n".join(lines) + "\n")


def ids_of(name: str) -> list[str]:
    """Return the ids of a test file, in its order."""
    return [_id(f"{name}-test-student", i) for i in range(TEST_ROWS)]


def _id(name: str, row: int) -> str:
    return hashlib.md5(f"{name}-{row}".encode()).hexdigest()[:25]


def _text(row: int, seed: int) -> str:
    """Return a text, quoted as a program would; its first word gives the sentiment."""
    noise = [WORDS[5 + (row + (j + 7 * seed) * j) % 35] for j in range(1, 2 + row % 3)]
    words = " ".join([WORDS[row % 5]] * 3 + noise)
    return f'"{words}, ""{WORDS[5 + seed]}"""' if row % 6 == 5 else words
