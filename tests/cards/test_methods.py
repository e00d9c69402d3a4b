"""Which papers a configuration's card cites."""

from pathlib import Path

import pytest

from trainer.cards.methods import methods_used
from trainer.config.parser import parse
from trainer.config.settings import Phase
from trainer.data.origin import origin_of

CONFIGS = Path(__file__).parents[2] / "configs"
METHODS = {"pcgrad", "mtrec", "smart", "rdrop", "uncertainty", "lora", "annealed", "cyclic", "eda"}


def cited(config, *options):
    options = ["--report_to", "none", "--output_dir", "out", *options]
    settings = parse([str(CONFIGS / f"{config}.yaml"), *options])
    origins = {
        name: origin_of(name, entry.source, entry.derived, settings.run.data_dir)
        for name, entry in settings.tasks.items()
    }
    whole = Phase("training", list(settings.tasks), "tasks", settings.training, 0.0)
    encoder = "minilm" if "minilm" in options else "bert"
    phases = settings.phases or [whole]
    return methods_used(encoder, settings.tasks, origins, phases, has_adapters=False)


@pytest.mark.parametrize(
    "config, methods",
    [
        ("paper", set()),
        ("pcgrad", {"pcgrad"}),
        ("mtrec", {"mtrec"}),
        ("smart", {"smart"}),
        ("rdrop", {"rdrop"}),
        ("uncertainty", {"uncertainty"}),
        ("annealed", {"annealed"}),
        ("cyclic", {"cyclic"}),
        ("augment", {"eda"}),
        ("adapters", {"lora"}),
        ("lora", {"lora"}),
    ],
)
def test_a_configuration_cites_its_own_method_and_no_other(config, methods):
    assert METHODS & set(cited(config)) == methods


@pytest.mark.parametrize("name", ["gradnorm", "famo", "dwa"])
def test_loss_weights_are_cited(name):
    assert name in cited("paper", "--loss_weights", name) and name not in cited("paper")


def test_a_tasks_own_regularizer_and_each_augmentation_are_cited():
    steps = "{method: back_translation, models: [a, b]}, synonyms"
    options = ["--tasks.paraphrase.bregman_weight", "1"]
    found = cited("paper", *options, "--tasks.paraphrase.augmentation", f"[{steps}]")
    assert METHODS & set(found) == {"smart", "eda"} and "back_translation" in found


def test_data_is_cited_where_it_came_from_the_hub():
    data = {"sst5", "glue", "stsb"}
    assert data <= set(cited("paper"))
    assert not data & set(cited("paper", "--data_dir", "sample"))


def test_data_is_cited_where_its_files_are_said_to_be_of_the_hub(tmp_path):
    for name in ("sst5", "qqp", "stsb"):
        (tmp_path / name).mkdir()
    options = ["--data_dir", str(tmp_path), "--tasks.similarity.data_name", "nyu-mll/glue"]
    assert {"glue", "stsb"} <= set(cited("paper", *options))
    assert "sst5" not in cited("paper", *options)


def test_the_encoder_is_cited_by_its_name_or_its_type():
    assert "bert" in cited("paper") and "minilm" not in cited("paper")
    assert {"minilm", "sbert"} <= set(cited("paper", "--model_name_or_path", "minilm"))
