import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSeq2SeqLM, MarianConfig, MarianMTModel, set_seed

from tests.toys import toy_tokenizer
from trainer.data.augmentation import back_translation
from trainer.data.augmentation.back_translation import BackTranslation, Translator
from trainer.data.augmentation.methods import Lookup
from trainer.data.augmentation.translation_cache import TranslationCache
from trainer.errors import InputError

TEXTS = ["w1 w2 w3", "w4", "w5 w6", "w7 w8 w9 w10", "w1 w2 w3"]
# Without figures, which must come back.
PLAIN = ["wb wc wd", "we", "wf wg", "wh wi wj wk", "wb wc wd"]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Two folders, each with a tiny untrained MarianMT model and the toy tokenizer."""
    folders = []
    for seed, name in enumerate(("there", "back")):
        set_seed(seed)
        config = MarianConfig(
            vocab_size=50,
            d_model=16,
            encoder_layers=1,
            decoder_layers=1,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=16,
            decoder_ffn_dim=16,
            max_position_embeddings=16,
            pad_token_id=0,
            eos_token_id=3,
            forced_eos_token_id=3,
            decoder_start_token_id=0,
        )
        folder = tmp_path_factory.mktemp(name)
        MarianMTModel(config).save_pretrained(folder)
        toy_tokenizer().save_pretrained(folder)
        folders.append(str(folder))
    return folders


@pytest.fixture
def translated(monkeypatch):
    """Every batch that a model is given; the models put a letter before each word instead."""
    batches = []

    class Toy:
        def __init__(self, name, device):
            self.name = name

        def translate(self, texts):
            batches.append((self.name, list(texts)))
            if len(batches) == 5:
                raise KeyboardInterrupt
            if self.name == "there":
                return [" ".join("f" + word for word in text.split()) for text in texts]
            return [text.replace("fw", "v") for text in texts]

    monkeypatch.setattr(back_translation, "Translator", Toy)
    return batches


def run(method, texts, pairs=None):
    columns = {"text": list(texts)} | ({"text_pair": list(pairs)} if pairs else {})
    return method(columns, [], Lookup("toy"))


def test_texts_go_there_and_come_back_in_batches_of_like_length(translated):
    method = BackTranslation(models=["there", "back"], batch_size=2)
    found = run(method, PLAIN[:3], pairs=[PLAIN[0], *PLAIN[1:3]])
    assert found["text"] == found["text_pair"] == ["vb vc vd", "ve", "vf vg"]
    assert translated == [
        ("there", ["we", "wf wg"]),
        ("back", ["fwe", "fwf fwg"]),
        ("there", ["wb wc wd"]),
        ("back", ["fwb fwc fwd"]),
    ]


def test_nothing_is_translated_twice(translated):
    method = BackTranslation(models=["there", "back"])
    first = run(method, PLAIN)
    assert len(translated) == 2
    assert run(method, PLAIN) == first
    assert len(translated) == 2
    run(method, [*PLAIN, "wl"])
    assert translated[2:] == [("there", ["wl"]), ("back", ["fwl"])]


def test_an_interrupted_run_goes_on_where_it_was(translated, cache_folder):
    method = BackTranslation(models=["there", "back"], batch_size=1)
    with pytest.raises(KeyboardInterrupt):
        run(method, PLAIN)  # in the third of four texts
    (file,) = (cache_folder / "hybrid-mtl" / "back_translation").iterdir()
    assert len(file.read_text().splitlines()) == 2
    file.write_text(file.read_text() + '["wb wc wd", "vb')  # a line that was cut off
    translated[:] = [None] * 5
    assert run(method, PLAIN)["text"] == ["vb vc vd", "ve", "vf vg", "vh vi vj vk", "vb vc vd"]
    assert [texts for name, texts in translated[5:] if name == "there"] == [
        ["wb wc wd"],
        ["wh wi wj wk"],
    ]
    assert TranslationCache(["there", "back"], "")["wb wc wd"] == "vb vc vd"


def test_other_models_and_prefixes_have_other_translations(translated, tmp_path):
    caches = {TranslationCache(names, p).file for names, p in [("ab", ""), ("ba", ""), ("ab", "x")]}
    assert len(caches) == 3
    method = BackTranslation(models=["there", "back"], prefix=">>fr<<")
    run(method, ["wb"])
    assert translated[0] == ("there", [">>fr<< wb"])
    (tmp_path / "weights").write_text("1")
    before = TranslationCache([str(tmp_path)] * 2, "").file
    (tmp_path / "weights").write_text("22")
    assert TranslationCache([str(tmp_path)] * 2, "").file != before


def test_a_text_whose_facts_did_not_come_back_stays(monkeypatch):
    class Toy:
        def __init__(self, name, device):
            pass

        def translate(self, texts):
            return [None if text in (None, "long") else "four films" for text in texts]

    monkeypatch.setattr(back_translation, "Translator", Toy)
    method = BackTranslation(models=["a", "b"])
    assert run(method, ["3 films", "long"])["text"] == ["3 films", "long"]


def test_a_translation_is_the_models_own_whatever_stands_beside_it(models):
    translator = Translator(models[0], "cpu")
    together = translator.translate([*TEXTS, None, ""])
    assert together[5:] == [None, None]
    assert together[0] == together[4]
    model, tokenizer = AutoModelForSeq2SeqLM.from_pretrained(models[0]).eval(), toy_tokenizer()
    for text, found in zip(TEXTS, together, strict=False):
        inputs = tokenizer(text, return_tensors="pt", return_token_type_ids=False)
        with torch.no_grad():
            made = model.generate(**inputs, do_sample=False, max_new_tokens=15)
        assert found == tokenizer.decode(made[0], skip_special_tokens=True)


def test_a_text_longer_than_the_model_reads_is_left_out(models):
    long = " ".join(["w1"] * 15)
    assert Translator(models[0], "cpu").translate([long, "w1"])[0] is None


def test_two_folders_work_offline(models, cache_folder):
    run(BackTranslation(models=models, batch_size=2), TEXTS)
    (file,) = (cache_folder / "hybrid-mtl" / "back_translation").iterdir()
    found = dict(json.loads(line) for line in file.read_text().splitlines())
    assert set(found) == set(TEXTS)


def test_a_model_may_lie_in_the_home_folder(models, monkeypatch):
    monkeypatch.setenv("HOME", str(Path(models[0]).parent))
    assert Translator(f"~/{Path(models[0]).name}", "cpu").limit > 0


def test_a_model_that_cannot_be_loaded_is_refused(tmp_path):
    method = BackTranslation(models=[str(tmp_path), str(tmp_path)])
    with pytest.raises(InputError, match="cannot load the model '.*(?s:.*)Without a network") as e:
        run(method, ["w1"])
    assert str(tmp_path) in str(e.value)


@pytest.mark.parametrize(
    "options, message",
    [
        ({}, "name two"),
        ({"models": ["a"]}, "name two"),
        ({"models": ["a", "b"], "batch_size": 0}, "1"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        BackTranslation(**options)
