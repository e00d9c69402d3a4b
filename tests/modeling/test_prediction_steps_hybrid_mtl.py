"""The predictions for one input: by one task, by all, and entities in a text."""

import pytest
import torch

from modeling_hybrid_mtl import HybridMTLPipeline
from tests.modeling.toy_models import (
    SINGLE,
    TASKS,
    counted_calls,
    toy_model,
    toy_tokenizer,
    with_adapters,
)
from tests.modeling.toy_pipelines import (
    PAIR_TASKS,
    PAIRS,
    TEXTS,
    assert_close,
    inputs_of,
    logits_by_hand,
    new_pipeline,
)


@pytest.fixture(scope="module")
def pipe() -> HybridMTLPipeline:
    return new_pipeline()


class TestAnswers:
    @pytest.mark.parametrize("task", TASKS)
    def test_the_answer_is_the_heads(self, pipe, task):
        entry = TASKS[task]
        for row in inputs_of(task):
            answer, logits = pipe(row, task=task), logits_by_hand(pipe, row, task)
            if entry["kind"] in ("classification", "ordinal"):
                best = logits.softmax(-1).max(-1)
                label = entry["labels"][best.indices]
                assert_close(answer, {"label": label, "score": best.values.item()})
            elif entry["kind"] == "multi_label":
                scores = dict(zip(entry["labels"], logits.sigmoid().tolist(), strict=True))
                chosen = sorted((s, n) for n, s in scores.items() if s >= 0.5)[::-1]
                assert_close(answer, [{"label": n, "score": s} for s, n in chosen])
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
