from collections import Counter

import numpy as np
import pytest
import torch
from datasets import Dataset
from torch.utils.data import DataLoader

from modeling_hybrid_mtl import TaskConfig
from trainer.data.batches import Collator, MultitaskDataset, TaskBatchSampler, TaskStream, pad
from trainer.data.sampling import STOPPING_STRATEGIES, RoundRobin, Sampled, shares_of_tasks

LENGTHS = np.random.default_rng(0).integers(3, 60, 103)


def stream(rows=103, size=8, seed=(1, 0), window=0, drop_last=False):
    return TaskStream(LENGTHS[:rows], size, seed, window, drop_last)


def one_pass(found, which=0):
    count = found.batches_per_pass
    return [found.batch(which * count + i).tolist() for i in range(count)]


@pytest.mark.parametrize("window", [0, 1, 4, 50])
@pytest.mark.parametrize("rows, size", [(103, 8), (96, 8), (5, 8), (1, 1), (103, 1)])
def test_a_pass_has_every_row_once(rows, size, window):
    found = stream(rows, size, window=window)
    for which in range(3):
        batches = one_pass(found, which)
        assert sorted(sum(batches, [])) == list(range(rows))
        assert [len(batch) for batch in batches[:-1]] == [size] * (len(batches) - 1)
        assert len(batches[-1]) == (rows % size or size)  # the short one comes last


@pytest.mark.parametrize("window", [0, 4])
def test_drop_last_leaves_out_the_short_batch_only(window):
    found = stream(window=window, drop_last=True)
    batches = one_pass(found)
    assert found.batches_per_pass == 12
    assert {len(batch) for batch in batches} == {8}
    assert len(set(sum(batches, []))) == 96
    assert one_pass(stream(96, drop_last=True, window=window)) == one_pass(
        stream(96, window=window)
    )


def test_drop_last_keeps_the_only_batch():
    assert [len(batch) for batch in one_pass(stream(5, drop_last=True))] == [5]


@pytest.mark.parametrize("window", [0, 4])
def test_a_batch_is_the_same_whenever_it_is_asked_for(window):
    found = stream(window=window)
    numbers = list(range(3 * found.batches_per_pass))
    in_turn = {number: found.batch(number).tolist() for number in numbers}
    np.random.default_rng(5).shuffle(numbers)
    again = stream(window=window)
    assert {number: again.batch(number).tolist() for number in numbers} == in_turn


@pytest.mark.parametrize("window", [0, 4, 50])
def test_passes_and_seeds_differ_and_the_same_seed_gives_the_same(window):
    first = stream(window=window)
    orders = [one_pass(first, which) for which in range(3)]
    orders.append(one_pass(stream(seed=(2, 0), window=window)))
    orders.append(one_pass(stream(seed=(1, 1), window=window)))
    for i, order in enumerate(orders):
        for other in orders[:i]:
            assert order != other
            assert sorted(map(sorted, order)) != sorted(map(sorted, other))  # other batches, too
    assert one_pass(stream(window=window), 2) == orders[2]


def test_batches_of_a_window_hold_rows_of_like_length():
    def padding(window):
        lengths = [LENGTHS[batch] for batch in one_pass(stream(window=window))]
        padded = sum(len(batch) * batch.max() for batch in lengths)
        return 1 - LENGTHS.sum() / padded

    assert padding(4) < padding(0) / 2
    assert padding(50) < 0.12 < 0.35 < padding(0)


@pytest.mark.parametrize("window", [0, 4, 50])
@pytest.mark.parametrize("rows, size", [(33, 32), (103, 8), (47, 16)])
def test_every_row_is_in_the_short_batch_as_often_as_any_other(rows, size, window):
    found = TaskStream(np.arange(rows) + 3, size, (1, 0), window)
    passes = 1200
    last = found.batches_per_pass
    count = Counter()
    for which in range(passes):
        count.update(found.batch(which * last + last - 1).tolist())
    share = rows % size / rows
    spread = (passes * share * (1 - share)) ** 0.5
    assert max(abs(count[row] - passes * share) for row in range(rows)) < 5 * spread


@pytest.mark.parametrize("window", [0, 4, 50])
@pytest.mark.parametrize("rows, size", [(33, 32), (103, 8)])
def test_what_drop_last_leaves_out_is_drawn_anew_in_each_pass(rows, size, window):
    found = TaskStream(np.arange(rows) + 3, size, (1, 0), window, drop_last=True)
    left_out = Counter()
    for which in range(15 * rows):
        left_out.update(set(range(rows)) - set(sum(one_pass(found, which), [])))
    expected = 15 * (rows % size)
    assert min(left_out[row] for row in range(rows)) > 0
    assert max(left_out[row] for row in range(rows)) < expected * 3


def test_batches_of_a_window_come_in_random_order_of_length():
    longest = [LENGTHS[batch].max() for batch in one_pass(stream(96, window=50))]
    assert longest != sorted(longest) and longest != sorted(longest, reverse=True)


SIZES = {"a": (103, 8), "b": (30, 4), "c": (9, 3)}  # 13, 8 and 3 batches


def sampler(
    step_every="cycle", stopping_strategy="first_exhausted", rank=0, world=1, seed=1, **options
):
    streams = {
        task: stream(rows, size, (seed, i), **options)
        for i, (task, (rows, size)) in enumerate(SIZES.items())
    }
    cycles = STOPPING_STRATEGIES[stopping_strategy](
        {task: s.batches_per_pass for task, s in streams.items()}
    )
    return TaskBatchSampler(RoundRobin(list(SIZES), cycles, step_every), streams, rank, world)


def epochs(found, count):
    steps = []
    for epoch in range(count):
        found.set_epoch(epoch)
        steps.append(list(found))
    return steps


@pytest.mark.parametrize("window", [0, 4])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize(
    "stopping_strategy, cycles", [("first_exhausted", 3), ("all_exhausted", 13)]
)
@pytest.mark.parametrize("step_every, steps", [("cycle", 1), ("batch", 3)])
def test_the_declared_length_is_the_number_of_steps(
    step_every, steps, stopping_strategy, cycles, drop_last, window
):
    if drop_last:
        cycles = {3: 3, 13: 12}[cycles]
    found = sampler(step_every, stopping_strategy, window=window, drop_last=drop_last)
    assert len(found) == cycles * steps
    assert [len(steps) for steps in epochs(found, 4)] == [len(found)] * 4


@pytest.mark.parametrize("stopping_strategy", list(STOPPING_STRATEGIES))
@pytest.mark.parametrize("step_every", ["cycle", "batch"])
def test_epochs_go_on_where_the_one_before_stopped(step_every, stopping_strategy):
    found = sampler(step_every, stopping_strategy)
    drawn = {task: [] for task in SIZES}
    for steps in epochs(found, 5):
        for step in steps:
            for task, rows, _ in step:
                drawn[task].append(rows)
    for task, batches in drawn.items():
        expected = [found.streams[task].batch(i).tolist() for i in range(len(batches))]
        assert batches == expected
    # So no row of the larger tasks is left out for good.
    assert set(sum(drawn["b"], [])) == set(range(30))


def test_an_epoch_can_be_entered_without_those_before():
    for step_every in ("cycle", "batch"):
        expected = epochs(sampler(step_every), 4)[3]
        found = sampler(step_every)
        found.set_epoch(3)
        assert list(found) == expected
        assert list(found) == expected  # and again


def test_epochs_differ_and_the_seed_decides():
    first, again, other = (epochs(sampler(seed=seed), 2) for seed in (1, 1, 2))
    assert first == again
    assert first[0] != first[1]
    assert first != other


def test_sampled_steps_are_the_same_on_every_rank_and_go_on_over_epochs():
    def drawn(rank=0, world=1):
        found = sampler("batch", rank=rank, world=world)
        batches = {task: stream.batches_per_pass for task, stream in found.streams.items()}
        steps = Sampled(list(batches), 6, shares_of_tasks(batches, [1.0, 0.2]), seed=1)
        return TaskBatchSampler(steps, found.streams, rank, world)

    whole = epochs(drawn(), 3)
    assert [len(steps) for steps in whole] == [18] * 3
    tasks = [[task for ((task, *_),) in steps] for steps in whole]
    assert tasks[0] != tasks[1] != tasks[2]
    for rank in range(2):
        shares = epochs(drawn(rank, 2), 3)
        assert [[task for ((task, *_),) in steps] for steps in shares] == tasks
    for task, found in drawn().streams.items():
        batches = [rows for steps in whole for ((name, rows, _),) in steps if name == task]
        assert batches == [found.batch(i).tolist() for i in range(len(batches))]
    last = drawn()
    last.set_epoch(2)
    assert list(last) == whole[2]


@pytest.mark.parametrize("world", [2, 3, 8])
@pytest.mark.parametrize("stopping_strategy", list(STOPPING_STRATEGIES))
def test_ranks_train_the_same_tasks_on_equal_shares_of_each_batch(stopping_strategy, world):
    whole = epochs(sampler(stopping_strategy=stopping_strategy), 2)
    ranks = [
        epochs(sampler(stopping_strategy=stopping_strategy, rank=rank, world=world), 2)
        for rank in range(world)
    ]
    for epoch in range(2):
        for number, step in enumerate(whole[epoch]):
            shares = [rank[epoch][number] for rank in ranks]
            for place, (task, batch, _) in enumerate(step):
                assert {share[place][0] for share in shares} == {task}
                rows = [share[place][1] for share in shares]
                assert len({len(share) for share in rows}) == 1
                together = Counter(sum(rows, []))
                assert set(together) == set(batch)
                # Rows are used twice only to fill up a batch that does not divide.
                filled = -len(batch) % world
                assert together.total() == len(batch) + filled
                if not filled:
                    assert max(together.values()) == 1


def test_only_labeled_rows_are_drawn():
    labeled = np.arange(103) % 3 > 0
    found = TaskStream(LENGTHS, 8, (1, 0), labeled=labeled)
    assert sorted(sum(one_pass(found), [])) == np.flatnonzero(labeled).tolist()


def test_the_mean_of_the_ranks_losses_is_the_mean_over_the_labeled_rows_of_a_batch():
    random = np.random.default_rng(0)
    labeled, losses = random.random(103) < 0.4, random.random(103)
    streams = {"a": TaskStream(LENGTHS, 8, (1, 0), labeled=labeled, rows=np.arange(103))}

    def steps(rank=0, world=1):
        return list(TaskBatchSampler(RoundRobin(["a"], 13, "cycle"), streams, rank, world))

    def mean_loss(rows, scale):
        rows = [row for row in rows if labeled[row]]
        return losses[rows].mean() * scale if rows else 0.0

    ranks = [steps(rank, 2) for rank in range(2)]
    for number, ((_, batch, scale),) in enumerate(steps()[:-1]):  # the last does not divide
        assert scale == 1
        of_ranks = [mean_loss(*rank[number][0][1:]) for rank in ranks]
        assert np.mean(of_ranks) == pytest.approx(mean_loss(batch, 1.0))


TASKS = {
    "one": TaskConfig("classification", labels=["x", "y"]),
    "two": TaskConfig("similarity", "pair", "siamese", score_range=[0.0, 5.0]),
    "tag": TaskConfig("token_classification", labels=["O", "N"]),
}


def test_a_batch_is_padded_to_its_longest_row_and_no_further():
    rows = {"input_ids": [[5, 6], [7, 8, 9], [4]], "labels": [1, 0, 1], "length": [2, 3, 1]}
    rows["token_type_ids"] = [[1, 1], [1, 1, 1], [1]]
    batch = Collator(TASKS, pad_token_id=99)({"one": rows})["one"]
    assert batch["input_ids"].tolist() == [[5, 6, 99], [7, 8, 9], [4, 99, 99]]
    assert batch["attention_mask"].tolist() == [[1, 1, 0], [1, 1, 1], [1, 0, 0]]
    assert batch["token_type_ids"].tolist() == [[1, 1, 0], [1, 1, 1], [1, 0, 0]]
    assert batch["labels"].tolist() == [1, 0, 1]
    assert {tensor.dtype for tensor in batch.values()} == {torch.int64}
    assert set(batch) == {"input_ids", "attention_mask", "token_type_ids", "labels"}


def test_the_two_sides_of_a_pair_are_padded_apart():
    rows = {
        "input_ids": [[5, 6], [7]],
        "pair_input_ids": [[1, 2, 3, 4], [1]],
        "pair_token_type_ids": [[0, 0, 0, 0], [0]],
        "labels": [2.5, 5],
        "length": [4, 1],
    }
    batch = Collator(TASKS, pad_token_id=0)({"two": rows})["two"]
    assert batch["input_ids"].shape == batch["attention_mask"].shape == (2, 2)
    assert batch["pair_input_ids"].shape == batch["pair_attention_mask"].shape == (2, 4)
    assert batch["pair_attention_mask"].tolist() == [[1, 1, 1, 1], [1, 0, 0, 0]]
    assert batch["pair_token_type_ids"].shape == (2, 4)
    assert "length" not in batch
    assert batch["labels"].dtype == torch.float32
    assert batch["labels"].tolist() == [2.5, 5.0]


def test_padded_tags_are_ignored_by_the_loss():
    rows = {"input_ids": [[2, 5, 3], [2, 3]], "labels": [[-100, 1, -100], [-100, 0]]}
    batch = Collator(TASKS, pad_token_id=0)({"tag": rows})["tag"]
    assert batch["labels"].tolist() == [[-100, 1, -100], [-100, 0, -100]]
    assert batch["labels"].dtype == torch.int64


def test_a_token_that_equals_the_padding_is_not_masked():
    table, mask = pad([[0, 0], [0]], 0)
    assert table.tolist() == [[0, 0], [0, 0]]
    assert mask.tolist() == [[1, 1], [1, 0]]


@pytest.mark.parametrize("step_every", ["cycle", "batch"])
def test_a_loader_gives_as_many_batches_as_it_declares_with_the_rows_of_its_steps(step_every):
    sizes = {"one": 11, "two": 7}
    data = {
        task: Dataset.from_dict(
            {
                "input_ids": [[row] * (row % 3 + 1) for row in range(count)],
                "labels": [row % 2 for row in range(count)],
                "length": [row % 3 + 1 for row in range(count)],
            }
        )
        for task, count in sizes.items()
    }
    streams = {t: TaskStream(d["length"][:], 2, (1, i)) for i, (t, d) in enumerate(data.items())}
    steps = TaskBatchSampler(RoundRobin(list(data), 6, step_every), streams)
    dataset = MultitaskDataset(data)
    assert len(dataset) == 18
    loader = DataLoader(dataset, batch_sampler=steps, collate_fn=Collator(TASKS, pad_token_id=99))
    for epoch in range(2):
        steps.set_epoch(epoch)
        batches, wanted = list(loader), list(steps)
        assert len(batches) == len(loader) == len(wanted)
        for batch, step in zip(batches, wanted, strict=True):
            assert list(batch) == [task for task, *_ in step]
            for task, rows, _ in step:
                assert batch[task]["input_ids"][:, 0].tolist() == rows
                widths = batch[task]["attention_mask"].sum(1).tolist()
                assert widths == [row % 3 + 1 for row in rows]
                assert batch[task]["input_ids"].shape[1] == max(widths)


def test_tasks_of_one_table_share_the_tensors_of_their_inputs():
    table = Dataset.from_dict(
        {
            "input_ids": [[1], [2, 3], [4]],
            "length": [1, 2, 1],
            "labels_one": [1, None, 0],
            "labels_three": [None, 0.5, float("nan")],
        }
    )
    tasks = {**TASKS, "three": TaskConfig("regression", score_range=[0.0, 1.0])}
    columns = MultitaskDataset({"one": table, "three": table}).__getitems__(
        [("one", [2, 1], 1.0), ("three", [2, 1], 0.5)]
    )
    batch = Collator(tasks, pad_token_id=9)(columns)
    assert batch["one"]["input_ids"] is batch["three"]["input_ids"]
    assert batch["one"]["label_mask"].tolist() == [True, False]
    assert batch["three"]["label_mask"].tolist() == [False, True]
    assert batch["one"]["labels"].tolist() == [0, 0]
    assert batch["three"]["labels"].tolist() == [0, 0.5]
    assert batch["three"]["loss_scale"] == 0.5 and "loss_scale" not in batch["one"]


@pytest.mark.parametrize("missing", [None, -100])
def test_a_mask_marks_missing_labels(missing):
    batch = Collator(TASKS, 0).collate("one", {"input_ids": [[1], [2]], "labels": [1, missing]})
    assert batch["label_mask"].tolist() == [True, False]


def test_missing_tags_are_ignored_at_every_token():
    batch = Collator(TASKS, 0).collate("tag", {"input_ids": [[1, 2], [3]], "labels": [None, [1]]})
    assert batch["labels"].tolist() == [[-100, -100], [1, -100]]


def test_labels_of_ranking_identify_equal_texts():
    tasks = {"search": TaskConfig("ranking", "pair", "siamese")}
    columns = {
        "input_ids": [[1, 2], [3], [1, 2]],
        "pair_input_ids": [[3], [1, 2], [4, 5]],
        "labels": [1.0, 0.0, None],
    }
    batch = Collator(tasks, 0).collate("search", columns)
    first, second, match = batch["labels"].T
    assert first[0] == first[2] == second[1] and first[1] == second[0]
    assert len({*first.tolist(), *second.tolist()}) == 3
    assert match.tolist() == [1, 0, 0] and batch["label_mask"].tolist() == [True, True, False]
    again = Collator(tasks, 0).collate("search", {k: v[::-1] for k, v in columns.items()})
    assert torch.equal(again["labels"], batch["labels"].flip(0))
