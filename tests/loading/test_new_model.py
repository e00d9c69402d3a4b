"""What a run starts from: an encoder, or a trained model with the same tasks or with others."""

import re

import pytest
import torch
from transformers import CONFIG_MAPPING, AutoModel, BertModel

from modeling_hybrid_mtl import HybridMTLConfig
from tests.toys import TASKS, encoder_folder, toy_backbone_config, toy_model, toy_tokenizer
from trainer.config.parser import parse
from trainer.errors import InputError
from trainer.loading.new_model import (
    check_new_layers_are_trained,
    load_config,
    starting_model,
    trained_model,
    trained_tasks,
)
from trainer.runs import phases
from trainer.saving.model_folder import write_model

ENTRIES = {
    "mood": "mood: {kind: classification, labels: [bad, so-so, good], dataset: a/b}",
    "same": "same: {kind: classification, input: pair, labels: ['no', 'yes'], dataset: a/b}",
    "near": "near: {kind: similarity, input: pair, score_range: [0, 5], dataset: a/b}",
}
ALL = ", ".join(ENTRIES.values())
TRAINED = HybridMTLConfig(toy_backbone_config(), TASKS)


def refused(message):
    return pytest.raises(InputError, match=re.escape(message))


@pytest.fixture
def encoder(tmp_path):
    return encoder_folder(tmp_path / "encoder")


@pytest.fixture
def trained(tmp_path):
    write_model(toy_model(), toy_tokenizer(), tmp_path / "first")
    return tmp_path / "first"


def settings(encoder, *options):
    return parse(["--model_name_or_path", str(encoder), "--data_dir", "sample", *options])


def of_tasks(model, tmp_path, entries, *options):
    file = tmp_path / "config.yaml"
    file.write_text(f"model_name_or_path: {model}\ntasks: {{{entries}}}\n")
    return parse([str(file), *options])


def start(model, tmp_path, entries, *options):
    found = of_tasks(model, tmp_path, entries, *options)
    return starting_model(found.run, found.task_configs, load_config(found.run))


@pytest.mark.parametrize(
    "entries, message",
    [
        ("sentiment: ", "task 'sentiment' of the configuration is not in the model 'E', whose "),
        (
            "mood: {kind: classification, labels: [good, so-so, bad], dataset: a/b}",
            "task 'mood': labels is ['good', 'so-so', 'bad'] in the configuration and ['bad', 's",
        ),
        (
            "mood: {kind: regression, score_range: [0, 2], dataset: a/b}",
            "task 'mood': kind is 'regression' in the configuration and 'classification' in the m",
        ),
        (
            "same: {kind: classification, input: pair, pair_encoding: cross, "
            "labels: ['no', 'yes'], dataset: a/b}",
            "task 'same': pair_encoding is 'cross' in the configuration and 'siamese' in the model",
        ),
        (
            "near: {kind: similarity, input: pair, score_range: [0, 4], dataset: a/b}",
            "task 'near': score_range is [0.0, 4.0] in the configuration and [0.0, 5.0] in the mod",
        ),
    ],
)
def test_a_trained_model_with_other_tasks_is_not_measured(encoder, tmp_path, entries, message):
    found = of_tasks(encoder, tmp_path, entries, "--mode", "evaluate")
    with refused(message.replace("'E'", f"'{encoder}'")):
        trained_model(found.run, found.task_configs, TRAINED)


def test_a_bare_encoder_cannot_be_evaluated(encoder):
    found = settings(encoder, "--mode", "evaluate")
    with refused(f"model_name_or_path = '{encoder}': is a bert encoder; mode 'evaluate' needs a "):
        trained_model(found.run, found.task_configs, toy_backbone_config())


def same_weights(ours, theirs, beginning):
    ours, theirs = ours.state_dict(), theirs.state_dict()
    names = [name for name in ours if name.startswith(beginning)]
    return bool(names) and all(torch.equal(ours[name], theirs[name]) for name in names)


TOPIC = "topic: {kind: classification, labels: [a, b], dataset: a/b}"
OTHER_LABELS = ENTRIES["mood"].replace("[bad, so-so, good]", "[good, so-so, bad]")


@pytest.mark.parametrize(
    "entries, kept, new",
    [
        (ALL, ["mood", "same"], []),
        (f"{ALL}, {TOPIC}", ["mood", "same"], ["topic"]),
        (ENTRIES["same"], ["same"], []),
        (f"{OTHER_LABELS}, {ENTRIES['same']}", ["same"], ["mood"]),
        (TOPIC, [], ["topic"]),
        (ENTRIES["mood"].replace("]", "], hidden_sizes: [4]", 1), [], ["mood"]),
    ],
    ids=["the same", "one more", "one less", "labels in another order", "others", "another shape"],
)
def test_training_goes_on_from_a_trained_model_with_any_tasks(
    trained, tmp_path, entries, kept, new
):
    model, first = start(trained, tmp_path, entries), toy_model()
    assert same_weights(model, first, "backbone.")
    assert all(same_weights(model, first, f"heads.{name}.") for name in kept)
    for name in new:
        assert name not in first.heads or not same_weights(model, first, f"heads.{name}.layers.1.w")
    assert set(kept + new) <= set(model.config.tasks) == set(model.heads)
    write_model(model, toy_tokenizer(), tmp_path / "second")
    again = start(tmp_path / "second", tmp_path, entries)
    assert same_weights(again, model, ("backbone.", "heads."))


def test_a_trained_model_s_pooling_goes_on(trained, tmp_path):
    with refused(f"pooling = 'cls': the model '{trained}' has 'mean'"):
        start(trained, tmp_path, TOPIC, "--pooling", "cls")


def test_a_new_head_on_a_trained_model_must_be_trained_in_some_phase(trained, tmp_path):
    file = tmp_path / "phases.yaml"
    file.write_text(
        f"model_name_or_path: {trained}\ntasks: {{{ALL}, {TOPIC}}}\nphases: [{{tasks: [same]}}]\n"
    )
    found = parse([str(file)])
    with refused("phases: none trains task 'topic', whose head is a new one"):
        phases._check_all_are_trained(
            found.phases,
            found.tasks,
            trained_tasks(found.task_configs, load_config(found.run)),
        )


def test_dropout_of_the_backbone_acts_where_it_is_configured(encoder):
    BertModel(toy_backbone_config()).save_pretrained(encoder)
    models = {}
    for where in ("pooled", "encoder"):
        found = settings(encoder, "--backbone_dropout", "0.4", "--backbone_dropout_where", where)
        models[where] = starting_model(found.run, found.task_configs, load_config(found.run)).config
    assert models["pooled"].pooled_dropout == 0.4
    assert models["pooled"].backbone_config.hidden_dropout_prob == 0.0
    assert models["encoder"].pooled_dropout == 0.0
    assert models["encoder"].backbone_config.hidden_dropout_prob == 0.4


def test_a_pooling_that_the_backbone_lacks_is_refused(encoder, tmp_path):
    config = CONFIG_MAPPING["distilbert"](
        vocab_size=50, dim=16, n_layers=1, n_heads=2, hidden_dim=16
    )
    AutoModel.from_config(config).save_pretrained(encoder)
    found = settings(encoder, "--pooling", "pooler")
    with refused("pooler"):
        starting_model(found.run, found.task_configs, load_config(found.run))


SHARED = ("--shared_hidden_sizes", "8", "6", "--shared_dropout", "0.3")


def weights_into(folder):
    toy_model({}).backbone.save_pretrained(folder)
    return folder


def test_shared_layers_are_options_of_a_new_model(encoder, tmp_path):
    model = start(weights_into(encoder), tmp_path, ALL, *SHARED, "--shared_activation", "relu")
    assert model.config.shared_hidden_sizes == [8, 6] and model.config.shared_dropout == 0.3
    assert type(model.shared_layers[-1]).__name__ == "ReLU"


def test_a_trained_model_s_shared_layers_go_on(encoder, tmp_path):
    first = start(weights_into(encoder), tmp_path, ALL, *SHARED)
    write_model(first, toy_tokenizer(), tmp_path / "first")
    for entries in (ALL, TOPIC):
        again = start(tmp_path / "first", tmp_path, entries, "--shared_dropout", "0.5")
        assert same_weights(again, first, "shared_layers.1.weight")
        assert again.config.shared_hidden_sizes == [8, 6] and again.config.shared_dropout == 0.5
    with refused(f"shared_hidden_sizes = [4]: the model '{tmp_path / 'first'}' has [8, 6]"):
        start(tmp_path / "first", tmp_path, ALL, "--shared_hidden_sizes", "4")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--shared_hidden_sizes", "0"], "shared_hidden_sizes = [0]: must be positive whole"),
        (["--shared_activation", "sine"], "shared_activation = 'sine': must be one of gelu"),
        (["--shared_dropout", "1"], "shared_dropout = 1.0: must be in [0, 1)"),
    ],
)
def test_invalid_options_of_shared_layers_are_refused(encoder, options, message):
    with refused(message):
        settings(encoder, *options)


def test_new_shared_layers_must_be_trained(encoder):
    run = settings(encoder, *SHARED).run
    config = load_config(run)
    check_new_layers_are_trained(run, config, ["heads", "all"])
    check_new_layers_are_trained(run, TRAINED, ["heads"])
    with refused("with trainable: heads; use trainable: all or lora, or start from a trained"):
        check_new_layers_are_trained(run, config, ["heads"])
