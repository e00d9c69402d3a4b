from collections.abc import Iterator
from typing import Any

import pytest
from torch.utils.data import Dataset
from transformers.pipelines.pt_utils import KeyDataset, KeyPairDataset

from modeling_hybrid_mtl import HybridMTLPipeline
from tests.modeling.toy_models import (
    BACKBONES,
    CROSS,
    SIAMESE,
    SINGLE,
    TASKS,
    counted_calls,
    toy_model,
)
from tests.modeling.toy_pipelines import (
    PAIR_TASKS,
    PAIRS,
    TEXTS,
    assert_close,
    inputs_of,
    new_pipeline,
)


@pytest.fixture(scope="module")
def pipe() -> HybridMTLPipeline:
    return new_pipeline()


class TestLists:
    @pytest.mark.parametrize("task", TASKS)
    def test_a_list_keeps_its_order(self, pipe, task):
        rows = inputs_of(task)
        assert_close(pipe(rows, task=task), [pipe(row, task=task) for row in rows])

    @pytest.mark.parametrize("kind", BACKBONES)
    def test_batches_agree_with_single_inputs(self, kind):
        pipe = new_pipeline(toy_model(kind))
        rows = [TEXTS[0], PAIRS[0], *TEXTS[1:3], *PAIRS[1:], *TEXTS[3:], PAIRS[0]]
        single = [pipe(row) for row in rows]
        for size in (1, 4, 64):
            assert_close(pipe(rows, batch_size=size), single)

    @pytest.mark.parametrize("task", [None, "mood", "tags"])
    def test_a_batch_is_one_call(self, pipe, task):
        with counted_calls(pipe.model) as calls:
            pipe(TEXTS[:4], task=task, batch_size=4)
        assert len(calls) == 1

    def test_like_lengths_share_a_batch(self, pipe):
        long, short = TEXTS[2], "dull"
        with counted_calls(pipe.model) as calls:
            pipe([long, short, long, short], task="mood", batch_size=2)
        # Twice 14 and twice 3 tokens, rounded up to a multiple of 16.
        assert [shape[1] for shape in calls] == [32, 16]

    def test_the_batch_size_of_the_pipeline_holds(self):
        pipe = new_pipeline(batch_size=3)
        with counted_calls(pipe.model) as calls:
            pipe(TEXTS, task="mood")
        assert len(TEXTS) == 5 and len(calls) == 2

    def test_short_lists(self, pipe):
        assert pipe([]) == pipe([], task="mood") == []
        assert pipe([TEXTS[0]], task="mood") == [pipe(TEXTS[0], task="mood")]

    def test_the_callers_inputs_are_left_alone(self, pipe):
        rows = [dict(PAIRS[0]), TEXTS[0]]
        pipe(rows)
        assert rows == [PAIRS[0], TEXTS[0]]

    def test_long_texts_are_truncated(self, pipe):
        long = "good " * 100
        assert len(pipe(long, task="tags")) == 22
        assert pipe({"text": long, "text_pair": long}).keys() == set(PAIR_TASKS)

    @pytest.mark.parametrize("options", [{}, {"batch_size": 3}, {"task": "mood"}])
    def test_how_many_were_truncated_is_said_once(self, pipe, caplog, options):
        fits, long = "good " * 22, "good " * 23  # with [CLS] and [SEP] 24 tokens, and 25
        pipe([fits, "dull"], **options)
        assert not caplog.messages
        pipe([fits, long, "dull", long], **options)
        assert caplog.messages == [said(2, 4)]
        pipe(long, **options)
        assert caplog.messages[1:] == [said(1, 1)]
        list(pipe(iter([long, "dull"] * 3), **options))
        assert caplog.messages[2:] == [said(3, 6)]

    @pytest.mark.parametrize("task", [*SIAMESE[:1], *CROSS[:1]])
    def test_pairs_with_a_side_that_was_truncated(self, pipe, caplog, task):
        half = "good " * 15  # two of them are too long for one sequence only
        pipe([{"text": half, "text_pair": half}, PAIRS[0]], task=task)
        assert caplog.messages == ([said(1, 2)] if task in CROSS else [])
        pipe({"text": "dull", "text_pair": half * 2}, task=task)
        assert caplog.messages[-1] == said(1, 1)


def said(truncated: int, count: int) -> str:
    return f"{truncated} of {count} inputs have more than 24 tokens and are truncated"


class Rows(Dataset):
    """A map-style data set that, as many do, says `KeyError` rather than `IndexError`."""

    def __init__(self, rows: list[Any]):
        self.rows = dict(enumerate(rows))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Any:
        return self.rows[index]


class TestStreams:
    @pytest.mark.parametrize("batch_size", [None, 1, 2, 64])
    def test_a_generator_gives_an_iterator_in_the_same_order(self, pipe, batch_size):
        rows = [TEXTS[0], PAIRS[0], TEXTS[1], TEXTS[2], PAIRS[1]]
        answers = pipe((row for row in rows), batch_size=batch_size)
        assert isinstance(answers, Iterator)
        assert_close(list(answers), pipe(rows))

    @pytest.mark.parametrize("wrap", [iter, Rows, lambda rows: map(str, rows)])
    def test_iterators_and_data_sets_are_streams_too(self, pipe, wrap):
        answers = pipe(wrap(TEXTS), task="mood", batch_size=2)
        assert_close(list(answers), pipe(TEXTS, task="mood"))

    def test_columns_of_a_data_set(self, pipe):
        rows = [{"a": pair["text"], "b": pair["text_pair"], "label": 1} for pair in PAIRS]
        texts = list(pipe(KeyDataset(rows, "a"), task="mood"))
        assert_close(texts, [pipe(row["a"], task="mood") for row in rows])
        pairs = list(pipe(KeyPairDataset(rows, "a", "b"), task="near", batch_size=2))
        assert_close(pairs, pipe(PAIRS, task="near"))

    def test_no_more_is_read_than_one_batch(self, pipe):
        read = []
        endless = (read.append(i) or TEXTS[i % 5] for i in range(10**9))
        answers = pipe(endless, task="mood", batch_size=3)
        for count in (3, 3, 3, 6):
            next(answers)
            assert len(read) == count

    def test_an_empty_stream_gives_nothing(self, pipe):
        assert list(pipe(iter(()))) == []

    def test_a_wrong_input_is_named_by_its_place_in_the_stream(self, pipe):
        answers = pipe(iter([*TEXTS, "", "dull"]), task="mood", batch_size=2)
        with pytest.raises(ValueError, match="input 5: 'text' must be a non-empty text"):
            list(answers)

    def test_a_wrong_task_is_refused_before_anything_is_read(self, pipe):
        with pytest.raises(ValueError, match="no task 'nope'"):
            pipe(iter(TEXTS), task="nope")


WRONG_INPUTS = [
    ("", "'text' must be a non-empty text"),
    (" \n", "'text' must be a non-empty text"),
    ({"text": ""}, "'text' must be a non-empty text"),
    ({"text": "good", "text_pair": ""}, "'text_pair' must be a non-empty text"),
    ({"text": "good", "text_pair": None}, "'text_pair' must be a non-empty text"),
    ({"text": 3}, "'text' must be a non-empty text"),
    ("a \ud83d", "'text' contains half a character"),
    (3, "expected a string"),
    (None, "expected a string"),
    (b"good", "expected a string"),
    ({"good", "dull"}, "expected a string"),
    (("good", ""), "'text_pair' must be a non-empty text"),
    ({}, "expected a string"),
    ({"text_pair": "good"}, "expected a string"),
    ({"text": "good", "label": 1}, "expected a string"),
]


class TestWrongCalls:
    @pytest.mark.parametrize("task", [None, "mood"])
    @pytest.mark.parametrize(("row", "message"), WRONG_INPUTS)
    def test_a_wrong_input_is_refused(self, pipe, row, message, task):
        with pytest.raises(ValueError, match=f"^{message}"):
            pipe(row, task=task)
        with pytest.raises(ValueError, match=f"^input 2: {message}"):
            pipe([TEXTS[0], TEXTS[1], row], task=task)

    def test_a_list_in_a_list_is_refused(self, pipe):
        with pytest.raises(ValueError, match="^input 0: expected a string"):
            pipe([["good", "dull"]])
        with pytest.raises(ValueError, match="^input 1: expected a string"):
            pipe([("good", "dull"), ("good", "dull", "bad")])
        with pytest.raises(ValueError, match="^input 2: expected a string"):
            pipe(("good", "dull", None))

    def test_a_tuple_of_two_texts_is_no_two_texts_for_a_task_of_one(self, pipe):
        with pytest.raises(ValueError, match=r"requires one text \(a tuple of two is a pair"):
            pipe(("good", "dull"), task="mood")

    @pytest.mark.parametrize("inputs", [TEXTS[0], TEXTS, PAIRS[0], []])
    def test_an_unknown_task_is_refused(self, pipe, inputs):
        with pytest.raises(ValueError, match="no task 'nope'.*mood, stars"):
            pipe(inputs, task="nope")

    @pytest.mark.parametrize("task", SINGLE)
    def test_a_pair_is_refused_by_a_task_for_one_text(self, pipe, task):
        with pytest.raises(ValueError, match=f"^task '{task}' requires one text"):
            pipe(PAIRS[0], task=task)
        with pytest.raises(ValueError, match=f"^input 1: task '{task}' requires one text"):
            pipe([TEXTS[0], PAIRS[0]], task=task)

    @pytest.mark.parametrize("task", PAIR_TASKS)
    def test_a_text_is_refused_by_a_task_for_pairs(self, pipe, task):
        with pytest.raises(ValueError, match=f"^task '{task}' requires .*text_pair"):
            pipe(TEXTS[0], task=task)
        with pytest.raises(ValueError, match=f"^input 1: task '{task}' requires .*text_pair"):
            pipe([PAIRS[0], TEXTS[0]], task=task)

    def test_an_input_that_no_task_takes_is_refused(self):
        pipe = new_pipeline(toy_model(tasks={"mood": TASKS["mood"]}))
        with pytest.raises(ValueError, match="input 1: .*no task for pair input"):
            pipe([TEXTS[0], PAIRS[0]])

    def test_a_second_text_as_an_argument_is_not_silently_ignored(self, pipe):
        with pytest.raises(TypeError):
            pipe(TEXTS[0], TEXTS[1])
