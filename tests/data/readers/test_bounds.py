"""Files that would fill the memory are refused with little of it, and leave nothing behind."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.data.readers import read_rows
from trainer.data.sources import load_split
from trainer.data.task_source import TaskSource
from trainer.errors import InputError

ROOT = Path(__file__).parents[3]
# Reads a file within 300 MB more than a process has after its imports.
READER = """
import resource, sys
from pathlib import Path
import datasets
from trainer.data.readers import read_rows
from trainer.errors import InputError
import pyarrow.dataset, datasets.packaged_modules.parquet.parquet
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + (300 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
datasets.config.HF_DATASETS_CACHE = Path(sys.argv[2])
try:
    print(len(read_rows(Path(sys.argv[1]))), "rows")
except InputError as error:
    print("refused:", error)
"""


def read_within_bounds(path: Path, cache: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", READER, str(path), str(cache)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def one_long_line(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.write({".jsonl": b'{"text": "', ".json": b"[\n"}.get(path.suffix, b"text,label\n"))
        file.truncate(size)  # a billion NULs that take no room on the disk


def compressed(path: Path) -> None:
    with gzip.open(path, "wb") as file:
        for _ in range(400):
            file.write(b'{"text": "' + b"x" * 1_000_000 + b'", "label": 0}\n')


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, write, message",
    [
        ("a.csv", lambda p: one_long_line(p, 10**9), "line 2: is longer than 16,777,216 bytes"),
        ("a.tsv", lambda p: one_long_line(p, 10**9), "line 2: is longer than 16,777,216 bytes"),
        ("a.jsonl", lambda p: one_long_line(p, 10**9), "line 1: is longer than 16,777,216 bytes"),
        ("a.json", lambda p: one_long_line(p, 10**9), "line 2: is longer than 16,777,216 bytes"),
        ("b.jsonl", compressed, "save the file as UTF-8, uncompressed"),
        ("b.parquet", compressed, "cannot be read as parquet"),
    ],
)
def test_a_bomb_is_refused_within_bounds(tmp_path, name, write, message):
    write(tmp_path / name)
    said = read_within_bounds(tmp_path / name, tmp_path / "cache")
    assert said.startswith("refused: ") and str(tmp_path / name) in said and message in said
    left = [path for path in (tmp_path / "cache").rglob("*") if path.suffix != ".lock"]
    assert not [path for path in left if path.is_file() and path.stat().st_size > 10_000]


def test_a_cell_that_never_ends_is_refused_with_its_line(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('text,label\n"a, a",0\n"b,0\n' + "c,1\n" * 50_000)
    with pytest.raises(InputError, match=r"a.csv, line \d+: .*a quote above it that is not closed"):
        read_rows(path)


@pytest.mark.parametrize("depth", [100, 600, 100_000])
@pytest.mark.parametrize("opened, closed", [('{"text":', "}"), ('[{"text":', "}]"), ("[", "]")])
def test_brackets_inside_one_another_never_crash_a_reader(tmp_path, depth, opened, closed):
    path = tmp_path / "a.json"
    path.write_text(f"{opened}{'[' * depth}{']' * depth}{closed}\n")
    if depth < 1000 and "text" in opened:  # kept as it stands, as other values without a type are
        assert read_rows(path).num_rows == 1
    else:
        with pytest.raises(
            InputError, match=r"a.json, line 1: (expected an object|cannot be read)"
        ):
            read_rows(path)


def test_links_are_followed_to_files_and_to_nothing_else(tmp_path):
    folder, elsewhere = tmp_path / "mood", tmp_path / "elsewhere"
    folder.mkdir(), elsewhere.mkdir()
    (elsewhere / "rows.csv").write_text("text,label\na,0\n")
    source = TaskSource(dataset=str(folder))
    (folder / "train.csv").symlink_to(elsewhere / "rows.csv")
    assert load_split("mood", source, "train", None).rows["text"][:] == ["a"]
    for target in (elsewhere / "none.csv", "/dev/zero", elsewhere, folder / "train.csv"):
        (folder / "train.csv").unlink()
        (folder / "train.csv").symlink_to(target)
        with pytest.raises(InputError, match="holds no train file"):
            load_split("mood", source, "train", None)
