"""Streams of rows: their batches, their order, and their state."""

from collections import Counter

import pytest

from modeling_hybrid_mtl import TaskConfig
from tests.toys import WORDS, toy_tokenizer
from trainer.data import StreamedBatches, TaskSource, stream_rows
from trainer.data.readers import blocks
from trainer.errors import InputError

TASK = TaskConfig(kind="classification", labels=["bad", "good"])


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch, tmp_path):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(blocks, "BLOCK", 5)


def files(folder, count=3, rows=13, bad=()):
    """Files of rows, each with a text of its own; `bad` ones have no label."""
    paths = []
    for file in range(count):
        lines = ["text,label"]
        for row in range(rows):
            number = file * rows + row
            words = [WORDS[number % 40]] * (1 + number % 3) + [WORDS[number // 40]]
            lines.append(f"{' '.join(words)},{'' if number in bad else number % 2}")
        paths.append(folder / f"part-{file}.csv")
        paths[-1].write_text("\n".join(lines))
    return paths


def stream(paths, batch_size=4, buffer=8, seed=0, source=None, **options):
    source = source or {}
    source = TaskSource(streaming=True, shuffle_buffer=buffer, **source)
    rows = stream_rows("mood", TASK, source, [str(p) for p in paths], toy_tokenizer(), 16)
    return StreamedBatches(rows, batch_size, [seed, 0], **options)


def ids(batch):
    return [tuple(row) for row in batch["input_ids"]]


def take(batches, numbers):
    return [ids(batches[[number]]) for number in numbers]


def test_a_pass_has_every_row_once_in_full_batches_but_the_last(tmp_path):
    batches = take(stream(files(tmp_path)), range(20))
    assert [len(batch) for batch in batches[:10]] == [4] * 9 + [3]
    first, second = (
        [row for batch in part for row in batch] for part in (batches[:10], batches[10:])
    )
    assert len(set(first)) == 39
    assert set(first) == set(second)
    assert first != second


def test_rows_are_shuffled_within_a_window_and_files_in_each_pass(tmp_path):
    one_file = files(tmp_path, count=1, rows=16)
    rows = [row for batch in take(stream(one_file, seed=1), range(4)) for row in batch]
    in_order = [r for b in take(stream(one_file, buffer=1, batch_size=1), range(16)) for r in b]
    assert set(rows[:8]) == set(in_order[:8])
    assert rows[:8] != in_order[:8]
    firsts = {
        ids(stream(files(tmp_path), buffer=1, batch_size=1, seed=seed)[[0]])[0] for seed in range(9)
    }
    assert len(firsts) == 3


def test_windows_are_sorted_by_length(tmp_path):
    paths = files(tmp_path)
    sorted_batches = take(stream(paths, buffer=36, length_window=9), range(9))
    spread = [len({len(row) for row in batch}) for batch in sorted_batches]
    plain = [len({len(row) for row in b}) for b in take(stream(paths, buffer=36), range(9))]
    assert sum(spread) < sum(plain)


def test_a_stream_continues_exactly_from_its_state(tmp_path):
    paths = files(tmp_path, bad=(3, 17, 18, 38))
    options = {"source": {"bad_rows": "drop"}, "length_window": 2}
    whole = take(stream(paths, **options), range(30))
    stopped = stream(paths, **options)
    before = 0
    for seen in (1, 2, 3, 7, 10, 11, 25):
        take(stopped, range(before, seen))
        before = seen
        again = stream(paths, **options)
        again.load_state_dict(stopped.state_dict())
        assert take(again, range(seen, 30)) == whole[seen:], seen


def test_a_resumed_stream_skips_earlier_windows(tmp_path, monkeypatch):
    paths = files(tmp_path, count=1, rows=40)
    stopped = stream(paths)
    take(stopped, range(9))
    again = stream(paths)
    again.load_state_dict(stopped.state_dict())
    starts = []
    read = again.rows.files[0].read
    monkeypatch.setattr(again.rows.files[0], "read", lambda row: starts.append(row) or read(row))
    again[[9]]
    assert starts == [32]


def test_an_earlier_batch_is_read_again(tmp_path):
    batches = stream(files(tmp_path))
    first = take(batches, range(12))
    assert take(batches, range(12)) == first


def test_ranks_share_the_rows_of_a_batch(tmp_path):
    paths = files(tmp_path)
    ranks = [stream(paths, rank=rank, world_size=2) for rank in (0, 1)]
    whole = stream(paths)
    for number in range(10):
        shares = [ids(rank[[number]]) for rank in ranks]
        assert [len(share) for share in shares] == [2, 2]  # the last batch has 3 rows
        assert {*shares[0], *shares[1]} == {*ids(whole[[number]])}


def test_the_short_batch_of_a_pass_can_be_dropped(tmp_path):
    batches = take(stream(files(tmp_path), drop_last=True), range(18))
    assert {len(batch) for batch in batches} == {4}
    few = stream(files(tmp_path, count=1, rows=3), drop_last=True)
    assert [len(batch) for batch in take(few, range(2))] == [3, 3]


def test_bad_rows_are_dropped_and_counted(tmp_path, capfd):
    paths = files(tmp_path, count=1, rows=12, bad=(1, 5, 6, 7, 8, 9))
    batches = stream(paths, source={"bad_rows": "drop"})
    assert [len(batch) for batch in take(batches, range(2))] == [4, 2]
    assert batches.rows.dropped == Counter({"missing label": 6})
    said = capfd.readouterr().out
    assert said.count(f"task 'mood': {paths[0]}, row 2 is dropped (missing label)") == 1
    batches.rows.print_dropped()
    assert "6 rows dropped (missing label)" in capfd.readouterr().out


def test_a_bad_row_is_named_when_it_is_reached(tmp_path):
    paths = files(tmp_path, count=1, rows=40, bad=(21,))
    batches = stream(paths)
    take(batches, range(4))
    with pytest.raises(InputError, match=rf"{paths[0]}, row 22: column 'label'"):
        take(batches, range(4, 10))


def test_rows_that_do_not_fit_are_an_error_before_training(tmp_path):
    paths = files(tmp_path)
    with pytest.raises(InputError, match="no column 'message'"):
        stream(paths, source={"columns": {"text": "message"}})


def test_files_that_lose_their_rows_are_an_error(tmp_path):
    paths = files(tmp_path, count=1, rows=12)
    batches = stream(paths, source={"bad_rows": "drop"})
    paths[0].write_text("text,label\nw1,\n")
    with pytest.raises(InputError, match=rf"no row is left in {paths[0]} after dropping"):
        batches[[0]]


def test_scores_have_the_decimal_sign_of_the_first_rows(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text;label\n" + "w1;2,5\n" * 6 + "w2;3\n" * 6)
    task = TaskConfig(kind="regression", score_range=[0, 5])
    rows = stream_rows("near", task, TaskSource(streaming=True), str(path), toy_tokenizer(), 16)
    batch = StreamedBatches(rows, 12, [0, 0])[[0]]
    assert sorted(batch["labels"]) == [2.5] * 6 + [3.0] * 6


def test_the_fingerprint_follows_files_and_first_rows(tmp_path):
    paths = files(tmp_path)
    keys = [stream(paths).rows.fingerprint for _ in range(2)]
    paths[2].write_text(paths[2].read_text() + "\nw1,1")
    keys.append(stream(paths).rows.fingerprint)
    paths[0].write_text(paths[0].read_text().replace("w0 w0", "w1 w0"))
    keys.append(stream(paths).rows.fingerprint)
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_a_first_block_without_good_rows_is_passed_over(tmp_path):
    paths = files(tmp_path, count=1, bad=range(7))
    rows = stream(paths, source={"bad_rows": "drop"}).rows
    assert len(rows.sample) == 3  # of the second block
    assert len(list(rows.read([0]))) == 6
    assert len(stream(files(tmp_path, bad=range(13)), source={"bad_rows": "drop"}).rows.sample) == 5
    bad = files(tmp_path, count=1, bad=range(13))
    with pytest.raises(InputError, match="part-0.csv: no row is left for task 'mood'"):
        stream(bad, source={"bad_rows": "drop"})


def test_probabilities_after_classes_are_refused(tmp_path):
    path = tmp_path / "a.jsonl"
    lines = [f'{{"text": "{WORDS[n]}", "label": {n % 2}}}' for n in range(5)]
    lines += [f'{{"text": "{WORDS[n]}", "label": [0.5, 0.5]}}' for n in range(5)]
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match="a.jsonl, from row 6 on: the labels have another form"):
        list(stream([path]).rows.read([0]))
