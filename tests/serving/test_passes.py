import pytest
import torch

from tests.modeling.toy_models import CROSS, SINGLE, TASKS, toy_model, toy_tokenizer, with_adapters
from tests.serving.conftest import toy_pipe
from trainer.prediction.answer_recorder import AnswerRecorder
from trainer.serving.passes import ModelPasses, Row

TEXTS = ["a good film", "dull", "anna is in paris , very very witty"]
PAIRS = [{"text": a, "text_pair": b} for a, b in zip(TEXTS, TEXTS[1:] + TEXTS[:1], strict=True)]


def close(found, expected):
    """Whether predictions are equal up to the last digits, which the other rows may change."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(close(found[k], expected[k]) for k in found)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(close, found, expected))
    return found == (pytest.approx(expected, abs=1e-5) if isinstance(expected, float) else expected)


def rows_of(name, **options):
    texts = [{"text": t} for t in TEXTS] if name in SINGLE else PAIRS
    return [Row(row, name, options or None) for row in texts]


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("options", [{}, {"top_k": None}])
def test_a_batch_has_the_pipelines_predictions(name, options):
    pipe = toy_pipe()
    answers = ModelPasses(pipe).run(rows_of(name, **options))
    for row, answer in zip(rows_of(name), answers, strict=True):
        assert close(answer.result, {name: pipe(dict(row.texts), task=name, **options)})
        assert close(answer.defaults, {name: pipe(dict(row.texts), task=name)})


def test_a_row_without_a_task_gets_all_that_support_it():
    pipe = toy_pipe()
    passes = ModelPasses(pipe)
    for row in (Row({"text": TEXTS[0]}), Row(PAIRS[0])):
        (answer,) = passes.run([row])
        assert close(answer.result, pipe(dict(row.texts)))


def test_rows_of_several_tasks_share_a_batch_where_these_share_a_pass():
    pipe = toy_pipe(toy_model(tasks={name: TASKS[name] for name in SINGLE + ("same", "near")}))
    passes = ModelPasses(pipe)
    rows = [Row({"text": TEXTS[0]}, name) for name in SINGLE] + [Row({"text": TEXTS[2]})]
    assert len({passes.key(row) for row in rows}) == 1
    for row, answer in zip(rows, passes.run(rows), strict=True):
        expected = pipe(dict(row.texts), task=row.task)
        assert close(answer.result, {row.task: expected} if row.task else expected)
    assert passes.key(rows[0]) != passes.key(Row(PAIRS[0], "same"))
    assert passes.key(rows[0]) != passes.key(Row({"text": "a"}, embed=True))


@pytest.mark.parametrize("adapters", [(), ("mood", "near")])
def test_rows_whose_tasks_need_other_passes_have_other_keys(adapters):
    passes = ModelPasses(toy_pipe(with_adapters(toy_model(), *adapters)))
    assert passes.key(Row(PAIRS[0], "near")) != passes.key(Row(PAIRS[0], CROSS[0]))
    same = passes.key(Row({"text": "a"}, "mood")) == passes.key(Row({"text": "a"}, "stars"))
    assert same == (not adapters)


def test_vectors_are_the_models():
    pipe = toy_pipe()
    answers = ModelPasses(pipe).run([Row({"text": text}, embed=True) for text in TEXTS])
    for text, answer in zip(TEXTS, answers, strict=True):
        with torch.inference_mode():
            encoded = toy_tokenizer()(text, truncation=True, return_tensors="pt")
            expected = pipe.model(**encoded).embeddings[0]
        assert answer.result == pytest.approx(expected.numpy(), abs=1e-5)
        assert answer.tokens == encoded["input_ids"].shape[1]


def test_an_answer_counts_its_tokens_and_those_unknown_or_truncated():
    passes = ModelPasses(toy_pipe())
    (short,) = passes.run([Row({"text": "a zebra"}, "mood")])
    assert (short.tokens, short.truncated, short.unknown) == (4, False, 0.5)
    limit = toy_tokenizer().model_max_length
    long = Row({"text": "very " * 99}, "mood"), Row({"text": "very " * 99}, embed=True)
    for row in long:
        (answer,) = passes.run([row])
        assert (answer.tokens, answer.truncated) == (limit, True)
    (pair,) = passes.run([Row({"text": "a film", "text_pair": "a"}, "near")])
    assert pair.tokens == 7


def test_each_task_has_the_tokens_that_it_reads_of_a_pair():
    pipe = toy_pipe()
    (answer,) = ModelPasses(pipe).run([Row(PAIRS[0])])
    recorder = AnswerRecorder(pipe.tokenizer, pipe.model.config, "v")
    for record in recorder.record(PAIRS[0], answer.defaults, with_texts=False):
        expected = {name: record[name] for name in ("tokens", "truncated", "unknown")}
        found = answer.own[record["task"]]
        assert {**found, "unknown": round(found["unknown"], 4)} == expected
    assert len({own["tokens"] for own in answer.own.values()}) > 1
