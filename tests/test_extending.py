"""Every example of docs/extending.md is run: they train, are saved and are loaded again."""

import json
import textwrap
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from modeling_hybrid_mtl import HybridMTLModel
from tests.docs_blocks import write_files
from tests.registrations import forgotten
from tests.toy_runs import toy_run
from trainer.config import extensions
from trainer.config.parser import parse
from trainer.errors import InputError
from trainer.runs.evaluate import evaluate
from trainer.runs.train import train

DOCUMENT = "extending.md"


class Example(NamedTuple):
    folder: Path
    arguments: list[str]


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """The document's files as written, and options for a run of two steps with a toy encoder."""
    folder = tmp_path_factory.mktemp("extending")
    (configuration,) = write_files(DOCUMENT, folder, "yaml")
    names = write_files(DOCUMENT, folder, "python")
    assert yaml.safe_load((folder / configuration).read_text())["extensions"] == names
    toy_run(folder, 1, 1)
    options = {
        "model_name_or_path": folder / "encoder",
        "output_dir": folder / "out",
        "max_length": 32,
        "max_steps": 2,
        "use_cpu": True,
        "disable_tqdm": True,
    }
    named = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    with forgotten():
        yield Example(folder, [str(folder / configuration), *named])


@pytest.fixture(scope="module")
def metrics(example):
    return train(parse(example.arguments))


def test_a_run_trains_with_all_of_them(example, metrics):
    assert 0 <= metrics["eval_sentiment_balanced_accuracy"] <= 1
    # A user's metric is the main metric of a task.
    parts = metrics["eval_sentiment_balanced_accuracy"], metrics["eval_paraphrase_accuracy"]
    assert metrics["eval_overall"] == pytest.approx(sum(parts) / 2)
    facts = json.loads((example.folder / "out" / "card_facts.json").read_text())
    assert {task["kind"] for task in facts["tasks"]} == {"grades", "classification"}
    assert facts["shared_hyperparameters"]["length_power"] == 0.5
    assert all("balanced_accuracy" in task["metrics"] for task in facts["tasks"])


def test_the_saved_model_has_the_head_and_the_loss_with_it(example, metrics):
    folder = example.folder / "out"
    config = json.loads((folder / "config.json").read_text())
    assert config["extensions"] == ["my_head_hybrid_mtl.py", "my_loss_hybrid_mtl.py"]
    assert "from .heads_hybrid_mtl import" in (folder / "my_head_hybrid_mtl.py").read_text()
    assert HybridMTLModel.from_pretrained(folder).heads["sentiment"].options.spread == 2.0


def test_the_recorded_configuration_measures_the_model_again(example, metrics):
    folder = example.folder / "out"
    again = evaluate(
        parse(
            [str(folder / "run_config.yaml"), "--mode", "evaluate"]
            + ["--model_name_or_path", str(folder), "--output_dir", str(folder / "again")]
        )
    )
    assert again["eval_overall"] == pytest.approx(metrics["eval_overall"], abs=1e-6)


def test_the_sampler_draws_the_last_task_first(example, metrics):
    sampled = ["--task_sampling", "backwards", "--step_every", "batch"]
    settings = parse([*example.arguments, *sampled, "--aggregator", "sum", "--length_power", "1"])
    from trainer.data.sampling import make_task_schedule

    schedule = make_task_schedule(settings.training, {"a": 2, "b": 3}, seed=0)
    assert list(schedule.epoch(0)) == [("b",), ("a",)] * 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--length_power", "-1"], "length_power = -1.0: must be 0 or more"),
        (["--tasks.sentiment.labels", "[a, b]"], "an order needs three classes"),
        (["--tasks.sentiment.head_options", "{spred: 1}"], "Did you mean 'spread'"),
        (["--tasks.sentiment.augmentation", "[{method: shout, marks: x}]"], "option 'marks'"),
        (["--tasks.sentiment.kind", "grade"], "must be one of classification.*grades"),
    ],
)
def test_their_own_checks_are_made(example, metrics, options, message):
    with pytest.raises(InputError, match=message):
        parse([*example.arguments, *options])


def test_every_other_block_is_toml_of_an_entry_point():
    (block,) = [textwrap.dedent(text) for text in blocks_indented("toml")]
    assert f'"{extensions.GROUP}"' in block


def blocks_indented(language):
    import re

    from tests.docs_blocks import ROOT

    text = (ROOT / "docs" / DOCUMENT).read_text()
    return re.findall(rf"^  ```{language}\n(.*?)^  ```", text, flags=re.DOTALL | re.MULTILINE)
