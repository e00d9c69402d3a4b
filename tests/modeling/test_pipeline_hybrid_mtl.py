from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch.utils.data import Dataset
from transformers import pipeline
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
    toy_tokenizer,
    with_adapters,
)

TEXTS = [
    "the film was good",
    "dull",
    "Anna plays in Paris, very witty, very very good",
    "a bad play",
    "is Anna playing in Paris",
]
PAIRS = [
    {"text": TEXTS[i], "text_pair": TEXTS[j]} for i, j in [(0, 1), (2, 2), (1, 3), (4, 0), (3, 2)]
]
PAIR_TASKS = (*SIAMESE, *CROSS)


def new_pipeline(model=None, **options: Any) -> HybridMTLPipeline:
    model = model or toy_model()
    return pipeline("hybrid-mtl", model=model, tokenizer=toy_tokenizer(), device="cpu", **options)


@pytest.fixture(scope="module")
def pipe() -> HybridMTLPipeline:
    return new_pipeline()


def inputs_of(task: str) -> list[Any]:
    return PAIRS if task in PAIR_TASKS else TEXTS


def assert_close(found: Any, expected: Any) -> None:
    """The same structure, and floats that agree but for rounding."""
    assert type(found) is type(expected)
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for key, value in expected.items():
            assert_close(found[key], value)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_close(one, other)
    else:
        assert found == (pytest.approx(expected, abs=1e-4) if type(found) is float else expected)


@torch.no_grad()
def logits_by_hand(pipe: HybridMTLPipeline, row: Any, task: str) -> torch.Tensor:
    def tokenize(*texts: str):
        return pipe.tokenizer(*texts, truncation=True, return_tensors="pt")

    if isinstance(row, str):
        return pipe.model(**tokenize(row), task=task).logits[0]
    texts = (row["text"], row["text_pair"])
    if task in CROSS:
        return pipe.model(**tokenize(*texts), task=task).logits[0]
    second = {f"pair_{name}": value for name, value in tokenize(texts[1]).items()}
    return pipe.model(**tokenize(texts[0]), **second, task=task).logits[0]


class TestAnswers:
    @pytest.mark.parametrize("task", TASKS)
    def test_the_answer_is_the_heads(self, pipe, task):
        entry = TASKS[task]
        for row in inputs_of(task):
            answer, logits = pipe(row, task=task), logits_by_hand(pipe, row, task)
            if entry["kind"] == "classification":
                best = logits.softmax(-1).max(-1)
                label = entry["labels"][best.indices]
                assert_close(answer, {"label": label, "score": best.values.item()})
            elif entry["kind"] == "token_classification":
                words = pipe.tokenizer(row).word_ids()
                firsts = [i for i, word in enumerate(words) if word not in (None, words[i - 1])]
                best = logits[firsts].softmax(-1).max(-1)
                assert [a["entity"] for a in answer] == [entry["labels"][i] for i in best.indices]
                assert_close([a["score"] for a in answer], best.values.tolist())
            else:
                assert_close(answer, {"score": logits.clamp(*entry["score_range"]).item()})

    def test_a_text_may_be_a_string_or_a_mapping(self, pipe):
        assert pipe({"text": TEXTS[0]}, task="mood") == pipe(TEXTS[0], task="mood")

    @pytest.mark.parametrize(("top_k", "count"), [(1, None), (2, 2), (3, 3), (9, 3), (None, 3)])
    def test_top_k_classes_best_first(self, pipe, top_k, count):
        answer = pipe(TEXTS[0], task="mood", top_k=top_k)
        if count is None:
            assert answer == pipe(TEXTS[0], task="mood")
            return
        probabilities = logits_by_hand(pipe, TEXTS[0], "mood").softmax(-1)
        order = probabilities.argsort(descending=True)[:count]
        expected = [
            {"label": TASKS["mood"]["labels"][i], "score": probabilities[i].item()} for i in order
        ]
        assert_close(answer, expected)

    def test_top_k_of_the_pipeline_holds_until_a_call_says_otherwise(self):
        pipe = new_pipeline(top_k=None)
        assert len(pipe(TEXTS[0], task="mood")) == 3
        assert len(pipe([TEXTS[0]], task="mood")[0]) == 3
        assert len(pipe(TEXTS[0], task="mood", top_k=2)) == 2

    @pytest.mark.parametrize(("cosine_range", "score"), [([-1, 0.5], 5.0), ([1.5, 2], 0.0)])
    def test_a_similarity_stays_within_its_range(self, cosine_range, score):
        entry = {**TASKS["near"], "cosine_range": cosine_range}
        pipe = new_pipeline(toy_model(tasks={"near": entry}))
        row = {"text": TEXTS[0], "text_pair": TEXTS[0]}
        assert not 0 <= logits_by_hand(pipe, row, "near").item() <= 5
        assert pipe(row, task="near") == {"score": score}

    def test_the_model_is_put_into_evaluation_mode(self):
        model = toy_model().train()
        pipe = new_pipeline(model)
        assert not model.training
        assert pipe(TEXTS[0]) == pipe(TEXTS[0])

    def test_a_half_precision_model_answers(self):
        pipe = new_pipeline(toy_model().bfloat16())
        for row in (TEXTS[2], PAIRS[0]):
            assert len(pipe(row)) > 1


class TestAllTasks:
    def test_a_text_is_answered_by_every_task_for_one_text(self, pipe):
        for text in TEXTS:
            assert_close(pipe(text), {task: pipe(text, task=task) for task in SINGLE})

    def test_a_pair_is_answered_by_every_task_for_pairs(self, pipe):
        for pair in PAIRS:
            assert_close(pipe(pair), {task: pipe(pair, task=task) for task in PAIR_TASKS})

    def test_a_text_is_one_call_of_the_backbone(self, pipe):
        with counted_calls(pipe.model) as calls:
            pipe(TEXTS[0])
        assert len(calls) == 1

    def test_tasks_with_adapters_have_a_pass_of_their_own(self):
        model = with_adapters(toy_model(), "stars", "near", "follows")
        pipe = new_pipeline(model)
        with counted_calls(model) as calls:
            pipe(TEXTS[0])
            assert len(calls) == 2
            pipe(PAIRS[0])
            assert len(calls) == 2 + 4
        for rows, tasks in ((TEXTS, SINGLE), (PAIRS, PAIR_TASKS)):
            for row in rows:
                assert_close(pipe(row), {task: pipe(row, task=task) for task in tasks})

    def test_each_answer_is_that_of_the_task_s_own_adapter(self):
        model = with_adapters(toy_model(), "stars", "mood")
        tokens = toy_tokenizer()(TEXTS[0], return_tensors="pt")
        answers = new_pipeline(model)(TEXTS[0])
        stars = model(**tokens, task="stars").logits.clamp(1, 5).item()
        assert answers["stars"]["score"] == pytest.approx(stars, abs=1e-5)
        mood = model(**tokens, task="mood").logits.softmax(-1).max().item()
        assert answers["mood"]["score"] == pytest.approx(mood, abs=1e-5)

    def test_a_pair_is_one_call_for_the_siamese_tasks_and_one_for_the_cross_ones(self, pipe):
        with counted_calls(pipe.model) as calls:
            pipe({"text": "dull", "text_pair": "a bad play"})
        assert len(calls) == 2

    @pytest.mark.parametrize("task", PAIR_TASKS)
    def test_one_pair_task_is_one_call(self, pipe, task):
        with counted_calls(pipe.model) as calls:
            pipe(PAIRS[0], task=task)
        assert len(calls) == 1

    def test_a_lone_task_is_answered_under_its_name_unless_asked_for(self):
        pipe = new_pipeline(toy_model(tasks={"mood": TASKS["mood"]}))
        answer = pipe(TEXTS[0], task="mood")
        assert answer.keys() == {"label", "score"}
        assert pipe(TEXTS[0]) == {"mood": answer}
        assert pipe(TEXTS[:3], batch_size=2) == [pipe(text) for text in TEXTS[:3]]


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


def said(cut: int, count: int) -> str:
    return f"{cut} of {count} inputs have more than 24 tokens and are truncated"


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


class TestEntities:
    @staticmethod
    def spans(pipe, text: str) -> list[tuple[str, int, int]]:
        return [(a["word"], a["start"], a["end"]) for a in pipe(text, task="tags")]

    def test_offsets_are_places_in_the_text(self, pipe):
        text = "  Anna plays in PARIS, good"
        words = ["Anna", "plays", "in", "PARIS", ",", "good"]
        starts = [2, 7, 13, 16, 21, 23]
        expected = [(w, s, s + len(w)) for w, s in zip(words, starts, strict=True)]
        assert self.spans(pipe, text) == expected
        batch = pipe(["dull", text, "is good"], task="tags", batch_size=3)
        assert [(a["word"], a["start"], a["end"]) for a in batch[1]] == expected
        assert [len(entities) for entities in batch] == [1, 6, 2]

    def test_a_word_of_several_pieces_is_one_entity_with_the_class_of_its_first(self, pipe):
        text = "anna plays plays"  # plays is two pieces
        found = pipe(text, task="tags")
        assert [entity["word"] for entity in found] == ["anna", "plays", "plays"]
        best = logits_by_hand(pipe, text, "tags")[1:-1].softmax(-1).max(-1)
        firsts = [0, 1, 3]
        labels = TASKS["tags"]["labels"]
        assert [a["entity"] for a in found] == [labels[best.indices[i]] for i in firsts]
        assert_close([a["score"] for a in found], best.values[firsts].tolist())

    def test_a_special_token_written_in_the_text_shifts_nothing(self, pipe):
        text = "good [SEP][SEP] dull"
        expected = [("good", 0, 4), ("[SEP]", 5, 10), ("[SEP]", 10, 15), ("dull", 16, 20)]
        assert self.spans(pipe, text) == expected
        scores = [a["score"] for a in pipe(text, task="tags")]
        best = logits_by_hand(pipe, text, "tags")[1:-1].softmax(-1).max(-1).values
        assert_close(scores, best.tolist())

    def test_unknown_words_keep_their_text(self, pipe):
        assert self.spans(pipe, "good 电影") == [("good", 0, 4), ("电", 5, 6), ("影", 6, 7)]

    def test_padding_on_the_left_shifts_nothing(self):
        pipe = new_pipeline()
        pipe.tokenizer.padding_side = "left"
        rows = ["dull", TEXTS[0]]
        batch = pipe(rows, task="tags", batch_size=2)
        words = [[entity["word"] for entity in entities] for entities in batch]
        assert words == [["dull"], ["the", "film", "was", "good"]]
        tokens = pipe.tokenizer(rows, padding=True, return_tensors="pt")
        with torch.no_grad():
            best = pipe.model(**tokens, task="tags").logits[0].softmax(-1).max(-1).values
        assert_close(batch[0][0]["score"], best[-2].item())


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

    @pytest.mark.parametrize("top_k", [0, -1, 1.5, "all"])
    def test_a_wrong_top_k_is_refused(self, pipe, top_k):
        with pytest.raises(ValueError, match="top_k"):
            pipe(TEXTS[0], task="mood", top_k=top_k)

    def test_an_unknown_argument_is_refused(self, pipe):
        with pytest.raises(ValueError, match="temperature"):
            pipe(TEXTS[0], temperature=1)

    def test_a_second_text_as_an_argument_is_not_silently_ignored(self, pipe):
        with pytest.raises(TypeError):
            pipe(TEXTS[0], TEXTS[1])
