"""The average of models has the mean of their weights; models that do not fit are refused."""

import pytest
import torch
from tokenizers.normalizers import BertNormalizer

from modeling_hybrid_mtl.calibration_hybrid_mtl import CALIBRATION_FIELDS
from tests.modeling.toy_models import TASKS, toy_model, toy_tokenizer, varied_model, with_adapters
from trainer.errors import InputError
from trainer.loading.averaged_model import open_average
from trainer.loading.trained_model import open_trained
from trainer.saving.model_folder import write_model


@pytest.fixture
def saved(tmp_path):
    """Save models; return the names of their folders."""

    def save(*models):
        names = [str(tmp_path / f"model{number}") for number in range(len(models))]
        for name, model in zip(names, models, strict=True):
            write_model(model, toy_tokenizer(), tmp_path / name)
        return names

    return save


def assert_is_mean(average, models, shares):
    weights = [model.state_dict() for model in models]
    for key, value in average.state_dict().items():
        if value.is_floating_point():
            mean = sum(s * w[key].double() for s, w in zip(shares, weights, strict=True))
            torch.testing.assert_close(value.double(), mean, rtol=1e-6, atol=1e-7)
        else:
            assert torch.equal(value, weights[0][key])


def test_weights_are_the_mean(saved):
    models = [toy_model(seed=seed) for seed in range(3)]
    average, tokenizer, commits = open_average(saved(*models))
    assert commits == [None] * 3
    assert_is_mean(average, models, [1 / 3] * 3)
    assert tokenizer.get_vocab() == toy_tokenizer().get_vocab()


def test_shares_weigh_the_models(saved):
    models = [toy_model(seed=seed) for seed in range(2)]
    average = open_average(saved(*models), [3, 1]).model
    assert_is_mean(average, models, [0.75, 0.25])


def test_running_statistics_and_shared_layers_are_averaged(saved):
    models = [varied_model(seed=seed) for seed in range(2)]
    assert_is_mean(open_average(saved(*models))[0], models, [0.5, 0.5])


def test_adapters_are_averaged(saved):
    models = [with_adapters(toy_model(seed=seed), "shared", "mood") for seed in range(2)]
    assert_is_mean(open_average(saved(*models))[0], models, [0.5, 0.5])


def test_equal_models_give_their_predictions(saved):
    names = saved(toy_model(), toy_model())
    inputs = toy_tokenizer()(["a good film"], return_tensors="pt")
    average, single = open_average(names)[0], open_trained(names[0])[0]
    with torch.no_grad():
        found, expected = (model(**inputs, task="mood").logits for model in (average, single))
    torch.testing.assert_close(found, expected)


def test_what_was_fitted_to_one_model_is_removed(saved):
    models = [toy_model(seed=seed) for seed in range(2)]
    models[0].config.tasks["mood"]["temperature"] = 2.0
    average = open_average(saved(*models)).model
    assert all(average.config.tasks["mood"][field] is None for field in CALIBRATION_FIELDS)


def test_models_trained_in_different_ways_are_averaged(saved):
    other = {**TASKS, "mood": {**TASKS["mood"], "label_smoothing": 0.1, "dropout": 0.3}}
    models = [toy_model(), toy_model(tasks=other, seed=1)]
    assert_is_mean(open_average(saved(*models))[0], models, [0.5, 0.5])


def with_encoder(**options):
    model = toy_model()
    for name, value in options.items():
        setattr(model.config.backbone_config, name, value)
    return model


DIFFERENT = {
    "labels": (
        lambda: toy_model(tasks={**TASKS, "mood": {**TASKS["mood"], "labels": ["y", "x"]}}),
        "field 'labels' of task 'mood' is ['y', 'x'], in",
    ),
    "task": (
        lambda: toy_model(tasks={name: entry for name, entry in TASKS.items() if name != "mood"}),
        "field 'kind' of task 'mood' is missing, in",
    ),
    "width": (
        lambda: toy_model(tasks={**TASKS, "mood": {**TASKS["mood"], "hidden_sizes": [5]}}),
        "field 'hidden_sizes' of task 'mood' is [5], in",
    ),
    "encoder": (lambda: toy_model("distilbert"), "the type of the encoder is distilbert, in"),
    "pooling": (lambda: toy_model(pooling="cls"), "the pooling is cls, in"),
    "activation": (
        lambda: with_encoder(hidden_act="relu"),
        "the encoder's 'hidden_act' is relu, in",
    ),
    "attention heads": (
        lambda: with_encoder(num_attention_heads=4),
        "the encoder's 'num_attention_heads' is 4, in",
    ),
    "shared layers": (
        lambda: toy_model(shared_hidden_sizes=[16]),
        "the shape of 'shared",
    ),
}


@pytest.mark.parametrize("difference", DIFFERENT)
def test_models_that_differ_are_refused(saved, difference):
    other, message = DIFFERENT[difference]
    names = saved(toy_model(), other())
    with pytest.raises(InputError) as refusal:
        open_average(names)
    assert f"'{names[1]}' cannot be averaged with '{names[0]}': {message}" in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.add_tokens(["zebra"]), "the vocabulary differs"),
        (lambda t: setattr(t, "model_max_length", 8), "the limit of tokens is 8, in '.*' 24"),
        (
            lambda t: setattr(t.backend_tokenizer, "normalizer", BertNormalizer(lowercase=False)),
            "the tokenizer differs",
        ),
    ],
)
def test_tokenizers_that_differ_are_refused(tmp_path, saved, change, message):
    (first,) = saved(toy_model())
    tokenizer = toy_tokenizer()
    change(tokenizer)
    write_model(toy_model(), tokenizer, tmp_path / "other")
    with pytest.raises(InputError, match=message):
        open_average([first, str(tmp_path / "other")])


@pytest.mark.parametrize(
    ("count", "shares", "message"),
    [
        (1, None, "at least two models"),
        (2, [1.0], "1 for 2 models"),
        (2, [1.0, 0.0], "0 must be a positive number"),
        (2, [1.0, float("nan")], "nan must be a positive number"),
        (2, [1.0, float("inf")], "inf must be a positive number"),
        (2, [1e308, 1e308], "their sum is too large"),
    ],
)
def test_wrong_shares_are_refused(count, shares, message):
    with pytest.raises(InputError, match=message):
        open_average(["nowhere"] * count, shares)


def test_an_export_is_refused(saved, tmp_path):
    (tmp_path / "export.json").write_text("{}")
    with pytest.raises(InputError, match="is an export; name the model that was exported"):
        open_average([*saved(toy_model()), str(tmp_path)])


def test_a_missing_model_is_refused(saved):
    with pytest.raises(InputError, match="there is no folder"):
        open_average([*saved(toy_model()), "./nowhere"])
