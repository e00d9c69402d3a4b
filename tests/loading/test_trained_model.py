"""One loader for all that open a trained model: what is not whole is refused by every one."""

import importlib.util
import re
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, pipeline

from modeling_hybrid_mtl import HybridMTLModel, HybridMTLPipeline
from tests.hub.folders import model_folder
from tests.toys import TASKS, toy_model, toy_tokenizer
from trainer import HybridMTLTrainer
from trainer.cards import CardFacts, TaskFacts, facts_to_json
from trainer.cli import ask
from trainer.config.parser import parse
from trainer.config.run_arguments import RunArguments
from trainer.errors import InputError
from trainer.export import export
from trainer.hub.space import write_space
from trainer.loading.new_model import load_config, load_tokenizer, starting_model
from trainer.loading.trained_model import (
    check_whole_models,
    open_model,
    open_tokenizer,
    open_trained,
)
from trainer.runs.predict import predict
from trainer.saving.model_folder import write_model

SCRIPTS = Path(__file__).parents[2] / "scripts"
HEAD = "heads.mood.layers.1.weight"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A whole model's folder, not to be changed."""
    folder = model_folder(tmp_path_factory.mktemp("whole") / "model")
    facts = CardFacts("model", [TaskFacts("mood", "classification", "single", labels=["a", "b"])])
    facts_to_json(facts, folder / "card_facts.json")
    return folder


def without(name):
    return lambda weights: {key: weight for key, weight in weights.items() if key != name}


def with_value(name, value):
    return lambda weights: {**weights, name: torch.full_like(weights[name], value)}


def with_fewer_rows(name):
    return lambda weights: {**weights, name: weights[name][1:].clone()}


WORDS = "backbone.embeddings.word_embeddings.weight"
DAMAGES = {
    "no head": (without(HEAD), f"1 weights of this trained model are missing, first '{HEAD}'"),
    "no layer": (
        lambda weights: {key: w for key, w in weights.items() if ".layer.1." not in key},
        "weights of this trained model are missing, first 'backbone.encoder.layer.1.",
    ),
    "NaN": (with_value(HEAD, torch.nan), f"are not finite, first '{HEAD}'"),
    "infinite": (with_value("heads.same.layers.1.bias", -torch.inf), "not finite, first 'heads.sa"),
    "other labels": (
        with_fewer_rows(HEAD),
        f"the head of task 'mood' does not match the configuration: '{HEAD}' has shape (2, 16), "
        f"expected (3, 16)",
    ),
    "other words": (
        with_fewer_rows(WORDS),
        f"the encoder does not match the configuration: '{WORDS}' has shape (49, 16), "
        f"expected (50, 16)",
    ),
}


def damaged(whole, tmp_path, damage="no head"):
    folder = tmp_path / "model"
    shutil.copytree(whole, folder)
    damage_weights(folder, damage)
    return folder


def damage_weights(folder, damage):
    weights = DAMAGES[damage][0](load_file(folder / "model.safetensors"))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_incomplete_model_is_refused_everywhere(whole, tmp_path, damage):
    folder = damaged(whole, tmp_path, damage)
    message = re.escape(DAMAGES[damage][1])
    for opened in (HybridMTLModel.from_pretrained, AutoModel.from_pretrained):
        with pytest.raises(ValueError, match=message):
            opened(str(folder))
    with pytest.raises(ValueError, match=message):
        pipeline("hybrid-mtl", model=str(folder), pipeline_class=HybridMTLPipeline)
    for opened in (open_model, open_trained):
        with pytest.raises(InputError, match=message):
            opened(str(folder))


def script(name):
    specification = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def asked_on_the_page(folder, tmp_path):
    app = pytest.importorskip("trainer.app.model_session")
    app.open_model(str(folder))


def predicted(folder, tmp_path):
    (tmp_path / "rows.csv").write_text("text\nw1\n")
    options = ["--mode", "predict", "--model_name_or_path", str(folder), "--use_cpu", "true"]
    options += ["--predict_file", str(tmp_path / "rows.csv"), "--output_dir", str(tmp_path)]
    predict(parse(options))


def exported(folder, tmp_path):
    pytest.importorskip("sentence_transformers")
    export(str(folder), tmp_path / "out", "sentence-transformers")


def put_in_a_space(folder, tmp_path):
    serve = pytest.importorskip("trainer.app.serve")
    write_space(tmp_path / "space", serve.AppOptions(str(folder)))


USES = {
    "page": asked_on_the_page,
    "predict": predicted,
    "export": exported,
    "space": put_in_a_space,
    "card": lambda folder, tmp_path: script("make_model_card").main(folder, "a/b", tmp_path),
}


@pytest.mark.parametrize("use", USES)
def test_a_damaged_head_is_one_message_in_every_program(whole, tmp_path, use):
    folder = damaged(whole, tmp_path)
    with pytest.raises(Exception, match=re.escape(DAMAGES["no head"][1])) as caught:
        USES[use](folder, tmp_path)
    assert "Traceback" not in str(caught.value)
    assert not (tmp_path / "model_card.md").exists() and not (tmp_path / "out").exists()


def test_ask_and_push_say_it_in_one_line(whole, tmp_path, capsys):
    folder = damaged(whole, tmp_path)
    for trust in ([], ["--trust_remote_code"]):
        with pytest.raises(SystemExit, match=re.escape(DAMAGES["no head"][1])) as caught:
            ask.main([str(folder), "w1", *trust])
        assert "\n" not in str(caught.value)
    assert script("push_to_hub").main([str(folder), "me/model", "--dry_run"]) == 2
    printed = capsys.readouterr()
    assert DAMAGES["no head"][1] in printed.err and printed.out == ""


def test_a_model_of_one_task_beside_the_full_one_is_checked_too(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "model")
    model_folder(tmp_path / "model" / "merged" / "mood")
    check_whole_models(tmp_path / "model")
    damage_weights(tmp_path / "model" / "merged" / "mood", "NaN")
    with pytest.raises(InputError, match=re.escape("merged/mood': 1 weights")):
        check_whole_models(tmp_path / "model")


def test_who_asks_which_weights_are_missing_gets_the_model(whole, tmp_path):
    folder = damaged(whole, tmp_path)
    _, loading = HybridMTLModel.from_pretrained(folder, output_loading_info=True)
    assert loading["missing_keys"] == {HEAD}


def test_who_wants_a_new_head_where_the_shape_is_another_one_gets_it(whole, tmp_path):
    folder = damaged(whole, tmp_path, "other labels")
    model = HybridMTLModel.from_pretrained(folder, ignore_mismatched_sizes=True)
    assert model.heads["mood"].layers[1].weight.shape == (3, 16)


def test_a_run_that_starts_from_a_model_of_another_shape_says_so(whole, tmp_path):
    folder = damaged(whole, tmp_path, "other labels")
    entry = "mood: {kind: classification, labels: [bad, so-so, good], dataset: a/b}"
    (tmp_path / "c.yaml").write_text(f"model_name_or_path: {folder}\ntasks: {{{entry}}}\n")
    settings = parse([str(tmp_path / "c.yaml")])
    with pytest.raises(InputError, match=re.escape(DAMAGES["other labels"][1])):
        starting_model(settings.run, settings.task_configs, load_config(settings.run))


def with_more_tokens(tokenizer):
    tokenizer.add_tokens(["<brand>", "<product>"] + [f"x{i}" for i in range(10)])


def with_token_types(tokenizer):
    """Type 1 for second texts, as a BERT tokenizer gives it."""
    names = ["input_ids", "token_type_ids", "attention_mask"]
    tokenizer.model_input_names = tokenizer.init_kwargs["model_input_names"] = names


CROSS = {"same": {**TASKS["same"], "pair_encoding": "cross"}}


@pytest.mark.parametrize(
    "change, tasks, options, message",
    [
        (
            with_more_tokens,
            TASKS,
            {},
            "has token ids up to 55, but the bert encoder has embeddings",
        ),
        (
            with_token_types,
            CROSS,
            {"type_vocab_size": 1},
            "has token types up to 1, but the bert encoder has embeddings for 1",
        ),
    ],
    ids=["added tokens", "token types"],
)
def test_a_tokenizer_that_does_not_fit_is_refused_before_anything_is_read(
    tmp_path, change, tasks, options, message
):
    tokenizer, model = toy_tokenizer(), toy_model(tasks, **options)
    change(tokenizer)
    write_model(model, tokenizer, tmp_path / "model")
    with pytest.raises(InputError, match=message):
        open_trained(str(tmp_path / "model"))
    with pytest.raises(InputError, match=message):
        predicted(tmp_path / "model", tmp_path)
    with pytest.raises(ValueError, match=message):
        HybridMTLPipeline(model=model, tokenizer=tokenizer)
    with pytest.raises(InputError, match=f"processing_class: .*{message}"):
        HybridMTLTrainer(model, processing_class=tokenizer)
    run = RunArguments(model_name_or_path=str(tmp_path / "model"), max_length=32)
    with pytest.raises(InputError, match=f"model_name_or_path: .*{message}"):
        load_tokenizer(run, load_config(run), map(model.config.task, tasks))
    # A model that has room for it is taken.
    if change is with_more_tokens:
        model.resize_token_embeddings(56)
        write_model(model, tokenizer, tmp_path / "resized")
        open_trained(str(tmp_path / "resized"))
        assert HybridMTLPipeline(model=model, tokenizer=tokenizer)("x9 w1")


def test_token_types_beyond_the_encoder_matter_to_pairs_in_one_sequence_alone(tmp_path):
    model = toy_model(TASKS, type_vocab_size=1)
    tokenizer = toy_tokenizer()
    with_token_types(tokenizer)
    pipe = HybridMTLPipeline(model=model, tokenizer=tokenizer)
    assert set(pipe({"text": "w1", "text_pair": "w2"})) == {"same", "near"}


def test_a_folder_without_a_tokenizer_is_refused(whole, tmp_path):
    (tmp_path / "model").mkdir()
    for name in ("config.json", "model.safetensors"):
        shutil.copy(whole / name, tmp_path / "model")
    with pytest.raises(InputError, match="model' holds no tokenizer$"):
        open_tokenizer(str(tmp_path / "model"))
