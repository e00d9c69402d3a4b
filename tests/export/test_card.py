"""The cards of exports."""

import pytest
from huggingface_hub import ModelCard

from tests.modeling.toy_models import toy_model, toy_tokenizer, with_adapters
from trainer.export.card import ONNX, SENTENCE_TRANSFORMERS, Origin, export_card, read_origin

CARD = "---\nlicense: mit\nlanguage: de\nbase_model: some/encoder\n---\n# x\n"


@pytest.mark.parametrize("format", [SENTENCE_TRANSFORMERS, ONNX])
def test_a_card_says_what_the_card_of_the_folder_says(tmp_path, format):
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "README.md").write_text(CARD)
    text = export_card(format, read_origin(str(tmp_path / "films")), toy_model(), toy_tokenizer())
    data = ModelCard(text).data
    assert (data.license, data.language, data.base_model) == ("mit", "de", "some/encoder")
    assert "The model films" in text or "The encoder of the model films" in text
    assert str(tmp_path) not in text and "24 tokens" in " ".join(text.split())


def test_an_export_of_a_repository_is_based_on_it(tmp_path, monkeypatch):
    (tmp_path / "README.md").write_text(CARD)
    requests = []

    def download(repo, name, revision):
        requests.append((repo, name, revision))
        return str(tmp_path / name)

    monkeypatch.setattr("trainer.export.card.hf_hub_download", download)
    origin = read_origin("me/films", "v1")
    assert requests == [("me/films", "README.md", "v1")]
    assert (origin.name, origin.base_model) == ("me/films", "me/films")
    text = export_card(ONNX, origin, toy_model(), toy_tokenizer())
    assert "[me/films](https://huggingface.co/me/films)" in text
    assert ModelCard(text).data.base_model == "me/films"


def test_a_folder_without_a_card_has_one_all_the_same(tmp_path):
    origin = read_origin(str(tmp_path))
    assert origin == Origin(tmp_path.name, None, {})
    model = with_adapters(toy_model(), "mood")
    text = export_card(SENTENCE_TRANSFORMERS, origin, model, toy_tokenizer())
    assert "without the adapters of mood" in " ".join(text.split())
    assert ModelCard(text).data.license is None
