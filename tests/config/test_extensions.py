"""A user's files and modules add what is chosen by name, and options of their own."""

import sys

import pytest

from trainer.cards.hyperparameters import shared_hyperparameters
from trainer.config import extensions
from trainer.config.parser import build_parser, parse
from trainer.config.yaml_text import read_yaml, to_yaml
from trainer.errors import InputError
from trainer.runs.resume import check_same_run

MINE = """
from dataclasses import dataclass, field

from trainer.data.sampling import RoundRobin
from trainer.objective.aggregators import GramianAggregator
from trainer.objective.regularizers import Regularizer
from trainer.registry import AGGREGATORS, REGULARIZERS, SAMPLERS


@dataclass
class ShareOptions:
    shared_part: float = field(default=0.5, metadata={"help": "How much is shared."})


@AGGREGATORS.register("by_share", options=ShareOptions)
class ByShare(GramianAggregator):
    def __init__(self, tasks, options, config):
        super().__init__(tasks, options)
        self.part = config.shared_part

    def weights(self, gramian, tasks):
        return gramian.new_full((len(tasks),), self.part)


@dataclass
class SmallOptions:
    small_weight: float = 0.0
    small_power: int = 2


@REGULARIZERS.register("small", options=SmallOptions)
class Small(Regularizer):
    def __init__(self, weight, config):
        super().__init__(weight)
        self.power = config.small_power

    def weighted_term(self, weight, model, task, batch, output):
        return weight * output.logits.float().abs().pow(self.power).mean()


@SAMPLERS.register("every_second")
def every_second(args, batches, seed):
    return RoundRobin(list(batches), 2, args.step_every)
"""


@pytest.fixture
def config(tmp_path):
    """A configuration with an extension beside it."""
    (tmp_path / "my_share.py").write_text(MINE)
    path = tmp_path / "run.yaml"
    path.write_text("extensions: [my_share.py]\naggregator: by_share\nshared_part: 0.25\n")
    return path


def test_an_aggregator_is_chosen_by_name_and_reads_its_options(config):
    settings = parse([str(config)])
    assert settings.training.make_aggregator(["a", "b"]).part == 0.25
    settings = parse([str(config), "--shared_part", "0.75"])
    assert settings.training.make_aggregator(["a", "b"]).part == 0.75


def test_a_regularizer_is_switched_on_by_its_weight(config):
    assert parse([str(config)]).training.make_regularizers(["a"]) == []
    settings = parse([str(config), "--small_weight", "0.5", "--small_power", "3"])
    (made,) = settings.training.make_regularizers(list(settings.tasks))
    assert (made.name, made.weight, made.power) == ("small", 0.5, 3)


def test_the_resolved_configuration_loads_them_again_from_anywhere(config, tmp_path, monkeypatch):
    settings = parse([str(config), "--small_weight", "0.5"])
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "run_config.yaml").write_text(to_yaml(settings.resolved))
    monkeypatch.chdir(elsewhere)
    again = parse(["run_config.yaml"])
    assert again.resolved == settings.resolved
    assert again.run.extensions == [str((tmp_path / "my_share.py").resolve())]
    assert read_yaml(to_yaml(again.resolved))["shared_part"] == 0.25


def test_a_phase_can_choose_them_too(config):
    phase = "{name: last, tasks: [sentiment, paraphrase], shared_part: 0.125}"
    config.write_text(config.read_text() + f"phases: [{phase}]\n")
    (found,) = parse([str(config)]).phases
    assert found.training.make_aggregator(["a", "b"]).part == 0.125


def test_help_shows_choices_and_options(config):
    parse([str(config)])
    text = build_parser().format_help()
    assert "by_share" in text and "every_second" in text
    assert "--shared_part" in text and "How much is shared." in text


DECLARED = """
from dataclasses import dataclass

from trainer.objective.aggregators import make_aggregator
from trainer.options import option
from trainer.registry import AGGREGATORS


@dataclass
class PullOptions:
    pull: str = option("soft", "How it pulls.", group="objective", choices={"soft": 1, "hard": 2})
    pull_power: float = option(
        2.0, "Of pull: hard.", group="pulling", card="always", lowest=1, needs=("pull", ("hard",))
    )
    pull_log: int = option(5, "How often it tells.", group="pulling", resume="free", phase="run")


@AGGREGATORS.register("pulled", options=PullOptions)
def pulled(tasks, options, config):
    return make_aggregator("sum", tasks, options)
"""


@pytest.fixture
def declared(tmp_path):
    (tmp_path / "my_pull.py").write_text(DECLARED)
    path = tmp_path / "run.yaml"
    path.write_text("extensions: [my_pull.py]\naggregator: pulled\n")
    return path


def test_what_an_option_declares_holds_for_an_extensions_too(declared):
    settings = parse([str(declared), "--pull", "hard", "--pull_log", "3"])
    shown = shared_hyperparameters(settings.run, settings.training)
    assert shown["pull_power"] == 2.0 and "pull" not in shown and "pull_log" not in shown
    text = build_parser().format_help()
    assert "How it pulls. Choices: soft, hard." in " ".join(text.split())
    assert "--pull_power" in text.split("\npulling:")[1].split("\neverything else")[0]
    assert settings.training.for_evaluation(["sentiment"]).extension_options is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--pull", "hrd"], "pull = 'hrd': must be one of soft, hard. Did you mean 'hard'"),
        (
            ["--pull", "hard", "--pull_power", "0.5"],
            "pull_power = 0.5: must be a number, 1 or more",
        ),
        (["--pull_power", "3"], "pull_power = 3.0: has no effect with pull: soft; .*pull: hard"),
        (["--phases.1.pull_log", "7"], "phase '1': 'pull_log' is the whole run's"),
    ],
)
def test_what_an_option_declares_is_checked(declared, options, message):
    declared.write_text(declared.read_text() + "phases: [{tasks: [sentiment, paraphrase]}]\n")
    with pytest.raises(InputError, match=message):
        parse([str(declared), *options])


def test_an_extensions_option_may_change_as_a_run_goes_on_if_it_says_so(declared, tmp_path):
    recorded = tmp_path / "run_config.yaml"
    recorded.write_text(to_yaml(parse([str(declared)]).resolved))
    check_same_run(recorded, parse([str(declared), "--pull_log", "9"]).resolved)
    with pytest.raises(InputError, match="pull was 'soft' and is now 'hard'"):
        check_same_run(recorded, parse([str(declared), "--pull", "hard"]).resolved)


def test_an_extension_can_be_an_importable_module(config, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    config.write_text("extensions: my_share\ntask_sampling: every_second\nstep_every: batch\n")
    assert parse([str(config)]).training.task_sampling == "every_second"


def test_the_command_line_names_extensions_from_the_current_folder(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = parse(["--extensions", "my_share.py", "--aggregator", "by_share"])
    assert settings.training.aggregator == "by_share"


def test_a_file_that_python_would_find_itself_is_loaded_once(config, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    assert parse([str(config)]).training.aggregator == "by_share"
    module = sys.modules["my_share"]
    extensions._load_file.cache_clear()
    assert parse([str(config)]).training.aggregator == "by_share"
    assert sys.modules["my_share"] is module


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--shared_prt", "1"], "unknown option 'shared_prt'.*Did you mean 'shared_part'"),
        (["--shared_part", "much"], "shared_part"),
        (["--small_power", "1.5"], "small_power"),
        (["--small_power", "3"], "small_power: has no effect without a small_weight above 0"),
        (["--small_weight", "-1"], "small_weight = -1.0: must be a number, 0 or more"),
        (
            ["--aggregator", "sum"],
            "shared_part = 0.25: has no effect with aggregator: sum; .*or use aggregator: by_share",
        ),
        (
            ["--aggregator", "by_shar"],
            "aggregator = 'by_shar': must be one of.*by_share.*Did you mean",
        ),
        (
            ["--task_sampling", "every_thrd", "--step_every", "batch"],
            "task_sampling = 'every_thrd': must be one of.*every_second",
        ),
    ],
)
def test_wrong_options_are_refused_by_name(config, options, message):
    with pytest.raises(InputError, match=message):
        parse([str(config), *options])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\nraise KeyError('gone')\n", r"bad.py, line 2: KeyError: 'gone'"),
        ("x = 1\n\ny = (\n", r"bad.py, line 3: SyntaxError"),
        ("import no_such_thing\n", r"bad.py, line 1: ModuleNotFoundError.*no_such_thing"),
        (
            "from trainer.registry import AGGREGATORS\nAGGREGATORS.register('sum', len)\n",
            r"bad.py, line 2: aggregator 'sum' is already registered in .*sum.py, line \d+",
        ),
        (
            "from dataclasses import dataclass\nfrom trainer.registry import AGGREGATORS\n"
            "@dataclass\nclass O:\n    seed: int = 1\nAGGREGATORS.register('x', len, options=O)\n",
            r"bad.py, line 6: aggregator 'x': option 'seed' exists already, in hybrid-mtl",
        ),
        (
            "from dataclasses import dataclass\nfrom trainer.registry import SAMPLERS\n"
            "@dataclass\nclass O:\n    pooling: int = 1\nSAMPLERS.register('x', len, options=O)\n",
            r"bad.py, line 6: sampler 'x': option 'pooling' exists already, in hybrid-mtl",
        ),
        (
            "from trainer.registry import REGULARIZERS\nREGULARIZERS.register('x', len)\n",
            r"bad.py, line 2: regularizer 'x': register it with options=.*'x_weight",
        ),
    ],
)
def test_an_extension_that_fails_is_named_with_its_line(tmp_path, text, message):
    (tmp_path / "bad.py").write_text(text)
    with pytest.raises(InputError, match=message):
        parse(["--extensions", str(tmp_path / "bad.py")])


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("[gone.py]", "there is no file 'gone.py'"),
        ("[no_such_module_of_mine]", "no_such_module_of_mine"),
        ("[3]", "must be a list of files or modules"),
        ("{a: b}", "must be a list of files or modules"),
        ("[json.py]", "a module 'json' exists already; rename the file"),
    ],
)
def test_what_cannot_be_loaded_is_refused(tmp_path, named, message):
    (tmp_path / "json.py").write_text("")
    (tmp_path / "run.yaml").write_text(f"extensions: {named}\n")
    with pytest.raises(InputError, match=message):
        parse([str(tmp_path / "run.yaml")])


def test_installed_packages_are_asked_for_their_extensions(monkeypatch):
    loaded = []

    class Point:
        name, dist = "mine", None

        def load(self):
            loaded.append(1)
            raise ValueError("broken")

    extensions._load_entry_points.cache_clear()
    monkeypatch.setattr(extensions, "entry_points", lambda group: [Point()])
    with pytest.raises(InputError, match="entry point 'mine' of an installed package.*broken"):
        extensions.load_extensions(None)
    extensions._load_entry_points.cache_clear()
    assert loaded == [1]


@pytest.mark.parametrize("names", [["losses.py"], ["mine.py", "mine_hybrid_mtl.py"]])
def test_files_that_cannot_be_saved_beside_others_are_refused(tmp_path, names):
    for number, name in enumerate(names):
        (tmp_path / name).write_text(
            "from modeling_hybrid_mtl.registry_hybrid_mtl import LOSSES\n"
            f"@LOSSES.register('mine_{number}')\ndef loss(head, logits, labels): ...\n"
        )
    with pytest.raises(InputError, match=rf"{names[-1]}: another saved file is named .*rename"):
        extensions.load_extensions(names, tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import json\n\njson.loads('x')\n", "^extensions: [^ ]*bad.py, line 3: JSONDecodeError"),
        ("raise SystemExit(3)\n", "^extensions: [^ ]*bad.py, line 1: SystemExit: 3$"),
        (
            "from trainer.registry import AGGREGATORS\nAGGREGATORS.register('sum', len)\n",
            "^extensions: [^ ]*bad.py, line 2: aggregator 'sum' is already",
        ),
    ],
)
def test_the_place_of_a_failure_is_the_users_line_and_stands_once(tmp_path, text, message):
    (tmp_path / "bad.py").write_text(text)
    with pytest.raises(InputError, match=message):
        parse(["--extensions", str(tmp_path / "bad.py")])


def test_a_run_goes_on_with_an_extension_that_has_moved(config, tmp_path):
    recorded = tmp_path / "run_config.yaml"
    resolved = parse([str(config)]).resolved
    recorded.write_text(to_yaml({**resolved, "extensions": ["/elsewhere/my_share.py"]}))
    check_same_run(recorded, resolved)
    with pytest.raises(InputError, match="extensions was .*my_share.py.* now .*other.py"):
        check_same_run(recorded, {**resolved, "extensions": ["/elsewhere/other.py"]})


def test_a_new_option_must_have_its_default_as_a_run_goes_on(config, tmp_path):
    recorded = tmp_path / "run_config.yaml"
    resolved = parse([str(config)]).resolved
    added = {"small_power": 2, "small_weight": 0.0, "disable_tqdm": False, "warmup_steps": 0}
    recorded.write_text(to_yaml({k: v for k, v in resolved.items() if k not in added}))
    check_same_run(recorded, resolved)
    with pytest.raises(InputError, match="small_power is new and is 3\n"):
        check_same_run(recorded, {**resolved, "small_power": 3})
