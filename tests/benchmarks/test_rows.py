"""The rows that everyone trains on."""

from benchmarks.peers.plain_trainer import in_turns
from benchmarks.speed.inference import some_texts
from benchmarks.speed.rows import Task, draw


def task(count: int, pair: bool = False) -> Task:
    rows = [
        {"text": f"t{i}", "label": i, **({"text_pair": f"p{i}"} if pair else {})}
        for i in range(count)
    ]
    return Task("classification", pair, 2, None, rows)


def labels(drawn: Task) -> list[int]:
    return [row["label"] for row in drawn.rows]


def test_each_pass_has_every_row_once():
    drawn = labels(draw({"a": task(5)}, 12, seed=1)["a"])
    assert sorted(drawn[:5]) == sorted(drawn[5:10]) == list(range(5))
    assert len(drawn) == 12


def test_the_same_seed_draws_the_same_rows():
    tasks = {"a": task(50), "b": task(50)}
    first, again, other = (draw(tasks, 20, seed) for seed in (1, 1, 2))
    assert labels(first["a"]) == labels(again["a"]) != labels(other["a"])
    assert labels(first["a"]) != labels(first["b"])


def test_rows_alternate_between_tasks_by_batch():
    rows = {"a": [{"labels": i} for i in range(4)], "b": [{"labels": i} for i in range(10, 14)]}
    found = in_turns(rows, 2)
    assert [row["labels"] for row in found] == [0, 1, 10, 11, 2, 3, 12, 13]
    assert [row["task"] for row in found] == ["a", "a", "b", "b"] * 2


def test_texts_are_of_all_tasks_and_pairs_of_those_that_have_them():
    texts, pairs = some_texts({"a": task(30), "b": task(30, pair=True)}, 20, seed=1)
    assert len(texts) == 20
    assert len(pairs) == 10
    assert all(set(pair) == {"text", "text_pair"} for pair in pairs)
