"""Columns of predictions, and tags for the words that were given."""

import torch

from modeling_hybrid_mtl import HybridMTLPipeline
from tests.modeling.toy_models import toy_model, toy_tokenizer
from trainer.data.tokens import tokenize
from trainer.prediction.predictor import Predictor, find_problem


def predictor(model, tokenizer, *tasks, **options):
    pipe = HybridMTLPipeline(model=model, tokenizer=tokenizer, device="cpu")
    settings = {"prefixed": False, "probabilities": False, "batch_size": 2, **options}
    return Predictor(pipe, tasks, **settings)


def test_every_given_word_gets_the_tag_of_its_first_token():
    from datasets import Dataset

    model, tokenizer = toy_model().eval(), toy_tokenizer()
    rows = [["films", "good", "playing."], ["the", "film"], ["paris", "anna"] * 6]
    tokenizer.model_max_length = 10
    found = predictor(model, tokenizer, "tags")
    answers = found.predict([{"text": words} for words in rows])
    task = model.config.task("tags")
    labeled = Dataset.from_dict({"text": rows, "label": [list(range(len(r))) for r in rows]})
    for tokens, words, answer in zip(
        tokenize("tags", labeled, task, tokenizer, 10), rows, answers, strict=True
    ):
        logits = model(torch.tensor([tokens["input_ids"]]), task="tags").logits[0]
        expected = [None] * len(words)
        for tag, word in zip(logits.argmax(-1).tolist(), tokens["labels"], strict=True):
            if word >= 0:
                expected[word] = tag
        assert answer["word"] == words and answer["index"] == expected
        assert answer["label"] == [None if i is None else task.labels[i] for i in expected]
    assert found.untagged == 4 and found.truncated == 1


def test_columns_begin_with_the_task_where_there_can_be_several():
    found = predictor(
        toy_model(), toy_tokenizer(), "mood", "stars", "tags", prefixed=True, probabilities=True
    )
    (answer,) = found.predict([{"text": "a good film"}])
    assert list(answer) == list(found.types)
    assert [name for name in answer if name.startswith("mood")] == [
        *("mood_label", "mood_index", "mood_score", "mood_probability_bad"),
        *("mood_probability_so-so", "mood_probability_good"),
    ]
    assert answer["mood_score"] == max(
        answer[f"mood_probability_{x}"] for x in ("bad", "so-so", "good")
    )
    assert answer["tags_word"] == ["a", "good", "film"] and "stars_score" in answer


def test_a_list_of_words_is_a_text_for_tags_only():
    words = {"text": ["good", "film"]}
    assert find_problem(words, reads_words=True) is None
    assert find_problem(words, reads_words=False)[0] == "text"
    assert find_problem({"text": ["good", ""]}, reads_words=True)
