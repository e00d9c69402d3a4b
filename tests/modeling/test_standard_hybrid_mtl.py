"""Under a standard name, the pipeline's options and answers are transformers' own."""

import pickle
from types import SimpleNamespace
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from datasets.fingerprint import Hasher
from transformers import (
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    pipeline,
)
from transformers.pipelines import TextClassificationPipeline, TokenClassificationPipeline

from modeling_hybrid_mtl import HybridMTLModel, HybridMTLPipeline
from tests.modeling.toy_models import TASKS, toy_backbone_config, toy_model, toy_tokenizer

TEXTS = ["the film was good", "dull", "Anna plays in Paris, very witty", "a bad play"]
PAIRS = [{"text": TEXTS[i], "text_pair": TEXTS[j]} for i, j in [(0, 1), (2, 2), (3, 0)]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("standard")
    toy_model().save_pretrained(folder)
    toy_tokenizer().save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def pipes(folder) -> dict[str, HybridMTLPipeline]:
    names = ("hybrid-mtl", "text-classification", "token-classification", "sentence-similarity")
    return {
        name: pipeline(name, model=folder, trust_remote_code=True, device="cpu") for name in names
    }


def theirs(kind: type, pipe: HybridMTLPipeline, task: str, **options: Any) -> Any:
    """transformers' own pipeline on the logits of one head."""
    own = pipe.model

    class OneHead(torch.nn.Module):
        config = SimpleNamespace(
            id2label=dict(enumerate(TASKS[task]["labels"])),
            num_labels=len(TASKS[task]["labels"]),
            problem_type=None,
        )
        device = torch.device("cpu")

        def can_generate(self) -> bool:
            return False

        def forward(self, input_ids, attention_mask=None, token_type_ids=None):
            return {"logits": own(input_ids, attention_mask, token_type_ids, task=task).logits}

    return kind(model=OneHead(), tokenizer=pipe.tokenizer, device="cpu", **options)


def assert_same(found: Any, expected: Any) -> None:
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for name, value in expected.items():
            assert_same(found[name], value)
    elif isinstance(expected, list):
        assert isinstance(found, list) and len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    elif isinstance(expected, (float, np.floating)):
        assert type(found) is float and found == pytest.approx(float(expected), abs=1e-5)
    else:
        assert found == expected


@pytest.mark.parametrize("inputs", [TEXTS[0], TEXTS, PAIRS[0], PAIRS, {"text": "dull"}, []])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"top_k": 1},
        {"top_k": 2},
        {"top_k": None},
        {"function_to_apply": "sigmoid"},
        {"function_to_apply": "NONE", "top_k": None},
        {"function_to_apply": "softmax"},
        {"truncation": True, "max_length": 4},
        {"padding": True, "batch_size": 2},
    ],
)
def test_texts_are_classified_as_by_transformers(pipes, inputs, options):
    pipe = pipes["text-classification"]
    is_pair = inputs in (PAIRS, PAIRS[0])
    if inputs == []:
        assert pipe(inputs, **options) == []
        return
    known = theirs(TextClassificationPipeline, pipe, "follows" if is_pair else "mood")
    named = {"task": "follows"} if is_pair else {}
    if is_pair and "max_length" in options:
        options = {"truncation": True, "max_length": 8}
    assert_same(pipe(inputs, **named, **options), known(inputs, **options))


def test_options_of_the_pipeline_hold_until_a_call_says_otherwise(folder):
    pipe = pipeline(
        "text-classification", model=folder, trust_remote_code=True, device="cpu", top_k=2
    )
    known = theirs(TextClassificationPipeline, pipe, "mood", top_k=2)
    for options in ({}, {"top_k": 1}, {"function_to_apply": "sigmoid"}):
        assert_same(pipe(TEXTS[0], **options), known(TEXTS[0], **options))
        assert_same(pipe(TEXTS, **options), known(TEXTS, **options))


def test_all_scores_in_the_model_s_order(pipes):
    pipe = pipes["text-classification"]
    (found,) = pipe(TEXTS[0], return_all_scores=True)
    assert [answer["label"] for answer in found] == TASKS["mood"]["labels"]
    assert pipe(TEXTS, return_all_scores=True)[0] == found
    assert pipe(TEXTS[0], return_all_scores=False) == pipe(TEXTS[0])


def test_the_task_named_or_else_the_first_that_fits(pipes):
    pipe = pipes["text-classification"]
    assert pipe(TEXTS[0]) == pipe(TEXTS[0], task="mood")
    assert pipe(PAIRS[0]) == pipe(PAIRS[0], task="same") != pipe(PAIRS[0], task="follows")
    mixed = pipe([TEXTS[0], PAIRS[0], TEXTS[1]])
    assert mixed == [*pipe(TEXTS[0]), pipe(PAIRS[0]), *pipe(TEXTS[1])]
    assert list(pipe(iter(TEXTS))) == pipe(TEXTS)
    assert pipes["sentence-similarity"](PAIRS[0]) == pipes["hybrid-mtl"](PAIRS[0], task="near")


@pytest.mark.parametrize("strategy", ["none", "simple", "first", "average", "max", "FIRST", None])
@pytest.mark.parametrize("ignore", [None, [], ["PERSON"]])
def test_tokens_are_tagged_as_by_transformers(pipes, strategy, ignore):
    pipe = pipes["token-classification"]
    options = {"aggregation_strategy": strategy, "ignore_labels": ignore}
    options = {name: value for name, value in options.items() if value is not None}
    known = theirs(TokenClassificationPipeline, pipe, "tags")
    for inputs in (TEXTS[2], TEXTS):
        assert_same(pipe(inputs, **options), known(inputs, **options))
    assert_same(pipe(TEXTS, batch_size=3, **options), known(TEXTS, **options))


def test_entities_are_grouped_under_our_own_name_if_asked_to(pipes):
    options = {"aggregation_strategy": "simple", "ignore_labels": []}
    found = pipes["hybrid-mtl"](TEXTS[2], task="tags", **options)
    assert found == pipes["token-classification"](TEXTS[2], **options)
    assert "entity_group" in found[0]


def test_sentences_are_compared_as_the_hub_s_widget_asks(pipes):
    row = {"source_sentence": TEXTS[0], "sentences": TEXTS[1:]}
    pairs = [(TEXTS[0], other) for other in TEXTS[1:]]
    expected = [answer["score"] for answer in pipes["hybrid-mtl"](pairs, task="near")]
    assert pipes["sentence-similarity"](row) == expected
    with pytest.raises(ValueError, match="'sentences' must be a list"):
        pipes["sentence-similarity"]({**row, "sentences": "a text"})


@pytest.mark.parametrize(("name", "standard"), [
    ("sentiment-analysis", "text-classification"), ("ner", "token-classification"),
])  # fmt: skip
def test_other_names_of_the_same(folder, pipes, name, standard):
    pipe = pipeline(name, model=folder, trust_remote_code=True, device="cpu")
    assert pipe(TEXTS) == pipes[standard](TEXTS)


def test_a_loaded_model_answers_under_every_name_as_its_folder(folder, pipes):
    model, tokenizer = HybridMTLModel.from_pretrained(folder), toy_tokenizer()
    for name in (*pipes, "sentiment-analysis", "ner"):
        pipe = pipeline(name, model=model, tokenizer=tokenizer, device="cpu")
        known = {"sentiment-analysis": "text-classification", "ner": "token-classification"}
        inputs = PAIRS if name == "sentence-similarity" else TEXTS
        assert pipe(inputs) == pipes[known.get(name, name)](inputs)


@pytest.mark.parametrize("name", ["hybrid-mtl", "sentence-similarity"])
def test_a_loaded_model_s_tokenizer_lies_with_it(folder, pipes, name):
    pipe = pipeline(name, model=HybridMTLModel.from_pretrained(folder), device="cpu")
    assert pipe(PAIRS) == pipes[name](PAIRS)
    with pytest.raises(ValueError, match=r"is not saved yet: .*tokenizer"):
        pipeline(name, model=toy_model(), device="cpu")


def test_under_transformers_names_a_loaded_model_is_given_with_its_tokenizer(folder):
    for name in ("text-classification", "ner"):
        with pytest.raises(Exception, match="Please provide a PreTrainedTokenizer"):
            pipeline(name, model=HybridMTLModel.from_pretrained(folder), device="cpu")


def test_other_models_have_transformers_own_pipelines():
    for name, auto, kind in (
        ("sentiment-analysis", AutoModelForSequenceClassification, TextClassificationPipeline),
        ("ner", AutoModelForTokenClassification, TokenClassificationPipeline),
    ):
        model = auto.from_config(toy_backbone_config())
        pipe = pipeline(name, model=model, tokenizer=toy_tokenizer(), device="cpu")
        assert type(pipe) is kind and pipe("the film was good") is not None


def test_a_model_without_such_a_task_says_so():
    pipe = HybridMTLPipeline(
        model=toy_model(tasks={"near": TASKS["near"]}),
        tokenizer=toy_tokenizer(),
        task="text-classification",
        device="cpu",
    )
    for inputs in (TEXTS[0], PAIRS):
        with pytest.raises(ValueError, match="no task for .* in a 'text-classification' pipeline"):
            pipe(inputs)


WRONG = [
    ({"truncation": "some"}, "truncation = 'some': must be one of"),
    ({"max_length": 0}, "max_length = 0: must be a number from 1 to 40"),
    ({"max_length": 41}, "max_length = 41: must be a number from 1 to 40"),
    ({"max_length": "8"}, "max_length = '8'"),
    ({"function_to_apply": "relu"}, "function_to_apply = 'relu': must be one of softmax"),
    ({"aggregation_strategy": "last"}, "aggregation_strategy = 'last': must be one of none"),
    *(({"top_k": k}, f"top_k = {k!r}: must be a positive") for k in (True, 0, -1, 1.5, "all")),
    ({"stride": 3}, "unknown pipeline arguments: stride; must be some of truncation"),
]


@pytest.mark.parametrize(("options", "message"), WRONG)
def test_a_wrong_option_is_named(pipes, options, message):
    for pipe in pipes.values():
        with pytest.raises(ValueError, match=message):
            pipe(TEXTS if pipe.standard != "sentence-similarity" else PAIRS, **options)


class TestLength:
    def test_max_length_counts_tokens_and_is_in_the_warning(self, pipes, caplog):
        pipe = pipes["hybrid-mtl"]
        assert len(pipe("good " * 9, task="tags", max_length=8)) == 6
        assert "1 of 1 inputs have more than 8 tokens" in caplog.messages[-1]
        assert len(pipe("good " * 40, task="tags", max_length=38)) == 36

    def test_a_text_beyond_the_encoder_without_truncation_is_refused(self, pipes):
        pipe = pipes["hybrid-mtl"]
        assert len(pipe("good " * 30, task="tags", truncation=False)) == 30
        with pytest.raises(ValueError, match="has 52 tokens, more than the model's maximum of 40"):
            pipe("good " * 50, task="tags", truncation=False)

    def test_a_tokenizer_without_a_limit_has_the_encoder_s(self, caplog):
        tokenizer = toy_tokenizer()
        tokenizer.model_max_length = int(1e30)
        pipe = HybridMTLPipeline(model=toy_model("roberta"), tokenizer=tokenizer, device="cpu")
        assert len(pipe("good " * 50, task="tags")) == 36
        assert "more than 38 tokens" in caplog.messages[-1]


COLUMNS = {
    "column": lambda texts: datasets.Dataset.from_dict({"t": texts})["t"],
    "numpy column": lambda texts: datasets.Dataset.from_dict({"t": texts}).with_format("numpy")[
        "t"
    ],
    "series": pd.Series,
    "series with other labels": lambda texts: pd.Series(texts, index=range(9, 9 + len(texts))),
    "objects": lambda texts: np.array(texts, dtype=object),
    "array": np.array,
    "tuple": tuple,
    "arrow": pa.array,
    "arrow in chunks": lambda texts: pa.chunked_array([texts[:1], texts[1:]]),
}
ONE = {
    "text": np.array(TEXTS[0]),
    "object": np.array(TEXTS[0], dtype=object),
    "row": np.array({"text": TEXTS[0]}, dtype=object),
}
TABLES = {
    "frame": pd.DataFrame({"text": TEXTS}),
    "a frame whose columns are texts": pd.DataFrame([[1, 2]], columns=TEXTS[:2]),
    "arrow's table": pa.table({"text": TEXTS}),
    "arrow's batch": pa.RecordBatch.from_pydict({"text": TEXTS}),
}


class TestColumns:
    @pytest.mark.parametrize("wrap", COLUMNS.values(), ids=COLUMNS)
    def test_whatever_holds_texts_is_a_list_of_them(self, pipes, wrap):
        for pipe in (pipes["hybrid-mtl"], pipes["text-classification"]):
            assert pipe(wrap(TEXTS), task="mood") == pipe(TEXTS, task="mood")

    @pytest.mark.parametrize("one", ONE.values(), ids=ONE)
    def test_an_array_of_one_value_is_one_input(self, pipes, one):
        assert pipes["hybrid-mtl"](one, task="mood") == pipes["hybrid-mtl"](TEXTS[0], task="mood")

    @pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
    def test_a_table_is_not_gone_through_by_its_columns(self, pipes, table):
        for ask in (*pipes.values(), pipes["hybrid-mtl"].model.encode):
            with pytest.raises(
                ValueError, match=f"a {type(table).__name__} is not a list of texts"
            ):
                ask(table)

    def test_sentences_are_compared_from_any_column(self, pipes):
        pipe = pipes["sentence-similarity"]
        row = {"source_sentence": TEXTS[0], "sentences": TEXTS[1:]}
        assert pipe({**row, "sentences": pa.array(TEXTS[1:])}) == pipe(row)

    def test_a_whole_data_set_of_texts_or_pairs(self, pipes):
        rows = datasets.Dataset.from_list(PAIRS)
        assert pipes["hybrid-mtl"](rows) == pipes["hybrid-mtl"](PAIRS)
        streamed = pipes["hybrid-mtl"](rows.to_iterable_dataset(), task="near")
        assert not isinstance(streamed, list)
        assert list(streamed) == pipes["hybrid-mtl"](PAIRS, task="near")

    def test_a_gap_in_a_column_is_named(self, pipes):
        with pytest.raises(ValueError, match="input 1: expected a string"):
            pipes["hybrid-mtl"](pd.Series(["good", None]), task="mood")

    def test_tuples_are_pairs(self, pipes):
        pipe, pairs = pipes["hybrid-mtl"], [tuple(pair.values()) for pair in PAIRS]
        assert pipe(pairs) == pipe(PAIRS)
        assert pipe(pairs[0], task="near") == pipe(PAIRS[0], task="near")
        assert list(pipe(iter(pairs), task="near")) == pipe(PAIRS, task="near")


class TestPickles:
    def test_what_was_asked_before_changes_no_fingerprint(self, folder):
        pipe = pipeline("hybrid-mtl", model=folder, trust_remote_code=True, device="cpu")
        before = [Hasher.hash(x) for x in (pipe, pipe.model, pipe.model.config)]
        pipe(TEXTS)
        pipe(PAIRS, task="near")
        pipe.model.encode(TEXTS)
        assert [Hasher.hash(x) for x in (pipe, pipe.model, pipe.model.config)] == before
        pipe.model.heads["mood"].layers[1].weight.data += 1
        assert Hasher.hash(pipe.model) != before[1]

    def test_a_map_s_function_may_hold_the_pipeline(self, pipes):
        pipe = pipes["hybrid-mtl"]
        rows = datasets.Dataset.from_dict({"t": TEXTS})
        found = rows.map(lambda b: {"said": pipe(b["t"], task="stars")}, batched=True)
        assert [row["score"] for row in found["said"]] == pytest.approx(
            [answer["score"] for answer in pipe(TEXTS, task="stars")]
        )

    def test_a_pickle_answers_alike(self, pipes):
        pipe = pipes["text-classification"]
        again = pickle.loads(pickle.dumps(pipe))
        assert_same(again(TEXTS), pipe(TEXTS))
        assert (
            len(pickle.dumps(pipe.model))
            < 2 * sum(p.numel() * p.element_size() for p in pipe.model.parameters()) + 50_000
        )
