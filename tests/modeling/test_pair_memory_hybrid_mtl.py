"""The rows of earlier steps: a ring that is exact after a checkpoint."""

import torch

from modeling_hybrid_mtl.normalization_hybrid_mtl import unrecorded
from modeling_hybrid_mtl.pair_memory_hybrid_mtl import NO_ROW, PairMemory


def batch(first, count):
    numbers = torch.arange(first, first + count)
    vectors = numbers.float()[:, None, None].expand(-1, 2, 3).clone()
    return vectors, numbers[:, None].expand(-1, 3).clone()


def contents(memory):
    vectors, labels = memory.rows()
    kept = labels[:, 2] != NO_ROW
    assert torch.equal(vectors[kept, 0, 0].long(), labels[kept, 0])
    return sorted(labels[kept, 0].tolist())


def test_the_last_rows_are_kept():
    memory = PairMemory(5)
    assert memory.rows() is None
    for first, count, expected in [
        (1, 3, [1, 2, 3]),
        (4, 3, [2, 3, 4, 5, 6]),
        (7, 12, [14, 15, 16, 17, 18]),
        (19, 1, [15, 16, 17, 18, 19]),
    ]:
        memory.record(*batch(first, count))
        assert contents(memory) == expected
        assert memory.rows()[0].shape == (5, 2, 3)


def test_batches_of_a_step_are_added_at_its_end_unless_it_is_skipped():
    memory = PairMemory(5)
    memory.updates = "step"
    for first in (1, 3):
        memory.record(*batch(first, 2))
        assert memory.rows() is None
    memory.update()
    assert contents(memory) == [1, 2, 3, 4]
    memory.record(*batch(5, 2))
    memory.drop()
    memory.update()
    with unrecorded([memory]), torch.enable_grad():
        memory.record(*batch(5, 2))
    with torch.no_grad():
        memory.record(*batch(5, 2))
    memory.update()
    assert contents(memory) == [1, 2, 3, 4]


def test_rows_that_are_not_finite_are_left_empty():
    memory = PairMemory(4)
    vectors, labels = batch(1, 3)
    vectors[1, 0, 2] = torch.nan
    memory.record(vectors, labels)
    assert contents(memory) == [1, 3]
    assert memory.rows()[0].isfinite().all()


def test_a_restored_memory_goes_on_as_the_original():
    memory, other = PairMemory(5), PairMemory(5)
    memory.load_state_dict(other.state_dict())
    assert memory.rows() is None
    memory.record(*batch(1, 7))
    other.load_state_dict({k: v for k, v in memory.state_dict().items()})
    other._vectors, other._labels = (x.clone() for x in memory.rows())
    for part in (memory, other):
        part.record(*batch(8, 3))
    assert contents(memory) == contents(other) == [6, 7, 8, 9, 10]
    assert torch.equal(memory.rows()[1], other.rows()[1])
