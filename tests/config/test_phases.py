"""Reading a configuration's phases, and the arguments that each gets."""

import pytest
import yaml

from trainer.config.parser import parse
from trainer.config.phases import read_phases
from trainer.errors import InputError

TASKS = ["sentiment", "paraphrase"]


def test_left_out_fields_mean_all_tasks_and_the_phase_s_number():
    first, second = read_phases([{"num_train_epochs": 1}, {"name": "last"}], TASKS)
    assert (first.name, list(first.tasks), first.objective) == ("1", TASKS, "tasks")
    assert first.options == {"num_train_epochs": 1}
    assert second.name == "last"


def test_a_task_s_fields_are_read_as_their_types():
    (phase,) = read_phases([{"tasks": {"sentiment": {"learning_rate": "1e-3"}}}], TASKS)
    assert phase.tasks == {"sentiment": {"learning_rate": 1e-3}}


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({}, "phases: expected a list"),
        ([], "phases: expected a list"),
        (["mtl"], "phases: entry 1: expected a mapping"),
        ([{"name": "a b"}], "name 'a b': use letters"),
        ([{"name": "a"}, {"name": "a"}], "two are called 'a'"),
        ([{"task": ["sentiment"]}], r"phase '1': unknown option 'task'. Did you mean 'tasks'"),
        ([{"seed": 1}], "phase '1': 'seed' is the whole run's"),
        ([{"output_dir": "x"}], "'output_dir' is the whole run's"),
        ([{"max_length": 3}], "'max_length' is the whole run's"),
        ([{"tasks": ["sentimnt"]}], "no task 'sentimnt' in the configuration"),
        ([{"tasks": []}], "phase '1': tasks: expected a list of names"),
        ([{"tasks": {"sentiment": {"kind": "x"}}}], "'kind' cannot change from phase to phase"),
        ([{"tasks": {"sentiment": 3}}], "task 'sentiment': expected fields, got 3"),
        ([{"objective": "task"}], "objective = 'task': must be one of"),
        ([{"objective": "masked_language_modeling"}], "add a phase that trains the tasks"),
        (
            [{"objective": "masked_language_modeling", "aggregator": "pcgrad"}, {}],
            "phase '1': 'aggregator' has no effect with objective",
        ),
        (
            [{"objective": "masked_language_modeling", "metric_for_best_model": "x"}, {}],
            "'metric_for_best_model' has no effect with objective",
        ),
        ([{"mask_share": 0.3}], "mask_share has no effect with objective: tasks"),
        (
            [{"objective": "masked_language_modeling", "mask_share": 1}, {}],
            "phase '1': mask_share = 1.0: must be between 0 and 1",
        ),
        (
            [
                {
                    "objective": "masked_language_modeling",
                    "tasks": {"sentiment": {"batch_size": 2}},
                },
                {},
            ],
            "phase '1': tasks: their fields have no effect",
        ),
    ],
)
def test_a_wrong_entry_is_refused_by_name(entries, message):
    with pytest.raises(InputError, match=message):
        read_phases(entries, TASKS)


@pytest.fixture
def config(tmp_path):
    def write(**options):
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump({"output_dir": str(tmp_path / "out"), **options}))
        return str(path)

    return write


def test_a_phase_has_the_run_s_arguments_with_its_own_in_their_place(config, tmp_path):
    path = config(
        learning_rate=1e-4,
        aggregator="pcgrad",
        seed=7,
        report_to=["none"],
        phases=[
            {"name": "mtl", "num_train_epochs": 2},
            {
                "name": "one",
                "aggregator": "sum",
                "tasks": {"similarity": {"batch_size": 3}},
                "learning_rate": "2e-5",
            },
        ],
    )
    settings = parse([path, "--weight_decay", "0.5", "--phases.one.max_grad_norm", "3"])
    mtl, one = settings.phases
    assert (mtl.training.aggregator, mtl.training.learning_rate) == ("pcgrad", 1e-4)
    assert (one.training.aggregator, one.training.learning_rate) == ("sum", 2e-5)
    assert (mtl.training.num_train_epochs, one.training.num_train_epochs) == (2, 3)
    assert mtl.training.weight_decay == one.training.weight_decay == 0.5
    assert (mtl.training.max_grad_norm, one.training.max_grad_norm) == (1.0, 3.0)
    assert mtl.training.report_to == one.training.report_to == []
    assert (mtl.training.seed, one.training.seed) == (7, 8)
    assert one.tasks == ["similarity"]
    assert one.training.task_training("similarity").batch_size == 3
    assert mtl.folder == tmp_path / "out" / "phases" / "1-mtl"
    assert one.folder == tmp_path / "out" / "phases" / "2-one"


def test_an_own_data_seed_moves_on_as_well(config):
    settings = parse([config(data_seed=40, phases=[{}, {}])])
    assert [phase.training.data_seed for phase in settings.phases] == [40, 41]


def test_the_resolved_configuration_gives_the_same_phases(config, tmp_path):
    path = config(phases=[{"name": "a", "learning_rate": 1e-3}, {"tasks": ["sentiment"]}])
    settings = parse([path])
    again = tmp_path / "again.yaml"
    again.write_text(yaml.safe_dump(settings.resolved))
    assert parse([str(again)]).resolved["phases"] == settings.resolved["phases"]
    assert settings.resolved["phases"][0]["learning_rate"] == 1e-3


def test_a_phase_unsets_an_option_of_the_file_or_the_command_line_with_null(config):
    path = config(ema_decay=0.9, phases=[{}, {"ema_decay": None, "layer_decay": None}])
    settings = parse([path, "--layer_decay", "0.8"])
    first, second = (phase.training for phase in settings.phases)
    assert (first.ema_decay, first.layer_decay) == (0.9, 0.8)
    assert (second.ema_decay, second.layer_decay) == (None, None)


def test_a_schedule_of_a_phase_does_not_get_the_options_of_the_run_s(config):
    cyclic = {"lr_scheduler_type": "cyclic", "lr_scheduler_kwargs": {"base_share": 0.5}}
    settings = parse([config(**cyclic, phases=[{}, {"lr_scheduler_type": "linear"}])])
    first, second = (phase.training for phase in settings.phases)
    assert first.lr_scheduler_kwargs == {"base_share": 0.5}
    assert not second.lr_scheduler_kwargs


@pytest.mark.parametrize(
    ("options", "arguments", "message"),
    [
        ({"phases": [{"aggregator": "nothing"}]}, [], "phase '1': aggregator = 'nothing'"),
        (
            {"phases": [{"tasks": ["sentiment"], "aggregator": "pcgrad"}]},
            [],
            "there is one task only",
        ),
        (
            {"phases": [{"tasks": ["sentiment"], "metric_for_best_model": "similarity_pearson"}]},
            [],
            "phase '1': metric_for_best_model",
        ),
        (
            {"aggregator": "pcgrad", "phases": [{}, {"tasks": ["sentiment"]}]},
            [],
            "phase '2': aggregator = 'pcgrad': .*the phase has 'aggregator' from the run: give it "
            "another",
        ),
        (
            {"phases": [{}]},
            ["--phases.2.aggregator", "sum"],
            "has no phase '2' \\(its phases: 1\\)",
        ),
        ({}, ["--phases.1.aggregator", "sum"], "the configuration has no list of phases"),
        ({"phases": [{}]}, ["--phases", "x"], "write --phases.NAME.FIELD value"),
    ],
)
def test_what_does_not_fit_a_phase_is_refused_with_its_name(config, options, arguments, message):
    with pytest.raises(InputError, match=message):
        parse([config(**options), *arguments])
