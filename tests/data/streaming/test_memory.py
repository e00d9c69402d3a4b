"""The memory of a stream does not grow with the rows that were read."""

import psutil

from modeling_hybrid_mtl import TaskConfig
from tests.toys import toy_tokenizer
from trainer.data import StreamedBatches, TaskSource, stream_rows

TASK = TaskConfig(kind="classification", labels=["bad", "good"])
ROWS, LETTERS = 5_120, 6_000  # 30 MB in all


def test_the_memory_of_a_stream_is_that_of_a_window(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    path = tmp_path / "train.csv"
    with path.open("w") as file:
        file.write("text,label\n")
        file.writelines(f"w{i % 40} {'x' * LETTERS},{i % 2}\n" for i in range(ROWS))
    source = TaskSource(streaming=True, shuffle_buffer=512, quoting="standard")
    rows = stream_rows("mood", TASK, source, str(path), toy_tokenizer(), 8)
    batches = StreamedBatches(rows, 32, [0, 0], length_window=50)
    sizes = []
    for number in range(ROWS // 32):
        batches[[number]]
        if number % 16 == 15:  # at the end of each window
            sizes.append(psutil.Process().memory_info().rss / 2**20)
    assert len(sizes) == 10
    assert max(sizes[2:]) - sizes[1] < 10, sizes
