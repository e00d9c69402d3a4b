import copy
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast, pipeline

from modeling_hybrid_mtl import HybridMTLModel
from tests.modeling.toy_models import (
    counted_calls,
    toy_batch,
    toy_model,
    toy_tokenizer,
    with_adapters,
)

TEXTS = ["the film was good", "dull", "Anna plays in Paris, very witty", "a bad play", "witty"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    toy_model().save_pretrained(folder)
    toy_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def model(saved) -> HybridMTLModel:
    return HybridMTLModel.from_pretrained(saved)


def by_hand(model: HybridMTLModel, text: str) -> np.ndarray:
    with torch.no_grad():
        return model(**toy_tokenizer()(text, return_tensors="pt")).embeddings[0].numpy()


@pytest.mark.parametrize("batch_size", [1, 2, 32])
@pytest.mark.parametrize("wrap", [list, tuple, np.array, pa.array])
def test_texts_become_vectors_in_their_order(model, batch_size, wrap):
    vectors = model.encode(wrap(TEXTS), batch_size=batch_size)
    assert vectors.dtype == np.float32
    expected = np.stack([by_hand(model, text) for text in TEXTS])
    np.testing.assert_allclose(vectors, expected, atol=1e-5)


def test_one_text_is_one_vector_and_none_are_none(model):
    np.testing.assert_allclose(model.encode(TEXTS[0]), by_hand(model, TEXTS[0]), atol=1e-6)
    assert model.encode([]).shape == (0, 16)


def test_the_options_that_users_of_sentence_encoders_know(model):
    vectors = model.encode(TEXTS, convert_to_tensor=True, normalize_embeddings=True)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(5))
    assert not vectors.requires_grad
    plain = model.encode(TEXTS, convert_to_numpy=True, device="cpu")
    listed = model.encode(TEXTS, convert_to_numpy=False, device=torch.device("cpu"))
    assert isinstance(plain, np.ndarray) and isinstance(listed, list)
    np.testing.assert_array_equal(torch.stack(listed).numpy(), plain)
    assert model.encode("dull", convert_to_numpy=False).shape == (16,)
    half = copy.deepcopy(model).bfloat16()
    assert half.encode(TEXTS, convert_to_tensor=True).dtype == torch.float32


def test_a_model_in_training_stays_in_training_and_draws_no_masks(model):
    model.train()
    assert (model.encode(TEXTS) == model.encode(TEXTS)).all() and model.training
    with pytest.raises(ValueError):
        model.encode(TEXTS, task="nope")
    assert model.training


def test_a_task_s_adapter_is_read_through(tmp_path):
    model = with_adapters(toy_model(), "mood")
    model.tokenizer = toy_tokenizer()
    plain, own = model.encode(TEXTS), model.encode(TEXTS, task="mood")
    assert np.abs(plain - own).max() > 1e-3
    np.testing.assert_allclose(plain[0], by_hand(model, TEXTS[0]), atol=1e-5)


def test_longer_texts_are_read_in_part_and_counted(model, caplog):
    long = "good " * 100
    found = model.encode([long, "dull", long + "dull"])
    assert (found[0] == found[2]).all()
    assert caplog.messages == ["2 of 3 texts have more than 24 tokens and are truncated"]
    with counted_calls(model) as calls:
        model.encode(long, max_length=8)
    assert calls[0][1] == 16  # 8, rounded up for the pass without padding
    # A tokenizer that knows no limit has the encoder's.
    model.tokenizer.model_max_length = int(1e30)
    assert model.encode(long).shape == (16,) and "more than 40 tokens" in caplog.messages[-1]


def test_a_roberta_has_fewer_positions_than_rows(caplog):
    model = toy_model("roberta")
    model.tokenizer = toy_tokenizer()
    model.tokenizer.model_max_length = 512
    model.encode("good " * 100)
    assert "more than 38 tokens" in caplog.messages[-1]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["good", ""], "text 1 must be a non-empty text"),
        (["good", None], "text 1 must be a non-empty text"),
        (["good", 3.5], "text 1 must be a non-empty text"),
        ("\ud83d", "text 0 contains half a character"),
        (5, "expected a text or a list of texts"),
        ({"text": "good"}, "expected a text or a list of texts"),
        (b"good", "expected a text or a list of texts"),
    ],
)
def test_what_is_no_text_is_named(model, texts, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        model.encode(texts)


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 0},
        {"batch_size": -2},
        {"batch_size": 1.5},
        {"batch_size": None},
        {"max_length": 0},
        {"max_length": -1},
        {"max_length": True},
        {"device": "nowhere"},
        {"device": ["cpu", "cpu"]},
    ],
    ids=str,
)
def test_what_an_option_cannot_be_is_named(model, options):
    with pytest.raises(ValueError, match=f"^{next(iter(options))} = "):
        model.encode(TEXTS, **options)


class TestATokenizerThatDoesNotFit:
    TEXT = "the film was gooood"

    @pytest.fixture(params=["token", "type"])
    def told(self, request, tmp_path) -> str:
        """A folder of a model whose tokenizer gives more than it can read; what is said of it."""
        tokenizer, model = toy_tokenizer(), toy_model()
        if request.param == "token":
            tokenizer.add_tokens([f"new{i}" for i in range(90)] + ["gooood"])
            told = "token ids up to 112, but the bert encoder has embeddings for 0 to 99"
        else:
            inner = tokenizer._tokenizer
            inner.post_processor = TemplateProcessing(single="$A:7", special_tokens=[])
            names = ["input_ids", "token_type_ids", "attention_mask"]
            tokenizer = PreTrainedTokenizerFast(
                tokenizer_object=inner, pad_token="[PAD]", model_input_names=names
            )
            told = r"token types up to 7, but the bert encoder has embeddings for 2"
        model.save_pretrained(tmp_path)
        tokenizer.save_pretrained(tmp_path)
        return told

    def test_encode_says_so(self, told, tmp_path):
        model = HybridMTLModel.from_pretrained(tmp_path)
        with pytest.raises(ValueError, match=told):
            model.encode(self.TEXT)

    @pytest.mark.parametrize("unpadding", [True, False])
    def test_transformers_pipeline_says_so(self, told, tmp_path, unpadding):
        pipe = pipeline(
            "feature-extraction", model=str(tmp_path), trust_remote_code=True, device="cpu"
        )
        pipe.model.unpadding = unpadding
        with pytest.raises(ValueError, match=told):
            pipe(self.TEXT)

    def test_sentence_transformers_says_so(self, told, tmp_path):
        library = pytest.importorskip("sentence_transformers")
        encoder = library.SentenceTransformer(str(tmp_path), trust_remote_code=True, device="cpu")
        with pytest.raises(ValueError, match=told):
            encoder.encode(self.TEXT)


@pytest.mark.parametrize("options", [{}, {"output_hidden_states": True}], ids=str)
@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_texts_beyond_the_positions_are_warned_of(kind, options):
    most = 40 if kind == "bert" else 38
    with pytest.raises(ValueError, match=f"texts of 50 tokens exceed .* maximum of {most}"):
        toy_model(kind)(**toy_batch([50, 3]), **options)


def test_without_a_tokenizer_it_says_what_to_do(tmp_path):
    with pytest.raises(ValueError, match=r"set model\.tokenizer"):
        toy_model().encode("good")
    toy_model().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"no tokenizer .*set model\.tokenizer"):
        HybridMTLModel.from_pretrained(tmp_path).encode("good")


def test_copies_and_pickles_open_the_tokenizer_again(model):
    expected = model.encode(TEXTS)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_allclose(other.encode(TEXTS), expected, atol=1e-6)
    smaller = model.without_tasks(["mood"])
    np.testing.assert_allclose(smaller.encode(TEXTS), expected, atol=1e-6)


def test_no_token_is_kept(tmp_path):
    toy_model().save_pretrained(tmp_path)
    model = HybridMTLModel.from_pretrained(tmp_path, token="hf_secret", revision="main")
    assert b"hf_secret" not in pickle.dumps(model) and dict(model._hub_kwargs) == {
        "revision": "main"
    }


def test_sentence_transformers_reads_the_folder_itself(model, tmp_path):
    library = pytest.importorskip("sentence_transformers")
    folder = model.name_or_path
    encoder = library.SentenceTransformer(folder, trust_remote_code=True, device="cpu")
    expected = model.encode(TEXTS)
    np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=1e-5)
