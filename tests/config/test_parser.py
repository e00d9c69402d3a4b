import re

import pytest
import yaml

from trainer.config.parser import UNAVAILABLE_OPTIONS, parse
from trainer.errors import InputError


def refused(message):
    return pytest.raises(InputError, match=re.escape(message))


@pytest.fixture
def read(tmp_path):
    """Parse a configuration file of this text, and options after it."""

    def parse_text(text, *options):
        path = tmp_path / "config.yaml"
        path.write_text(text)
        return parse([str(path), *options])

    return parse_text


def test_the_command_line_overrides_the_file_and_the_file_the_defaults(read):
    found = read("learning_rate: 1e-3\nseed: 7\nmax_length: 64\n", "--seed", "8", "--pooling=cls")
    assert found.training.learning_rate == 1e-3
    assert found.training.seed == 8
    assert found.run.max_length == 64
    assert found.run.pooling == "cls"
    assert found.training.num_train_epochs == 3.0


def test_numbers_flags_lists_and_mappings_of_a_file(read):
    found = read(
        """
        learning_rate: 1e-5
        weight_decay: .01
        max_steps: -1
        resume: true
        dataloader_pin_memory: false
        eval_strategy: no
        save_strategy: "no"
        run_name: -dash
        data_seed: null
        task_order: [similarity, sentiment, paraphrase]
        report_to: [none]
        lr_scheduler_type: cosine_with_min_lr
        lr_scheduler_kwargs: {min_lr: 1e-6, num_cycles: 2}
        """
    )
    training = found.training
    assert (training.learning_rate, training.weight_decay) == (1e-5, 0.01)
    assert training.max_steps == -1
    assert found.run.resume is True
    assert training.dataloader_pin_memory is False
    assert training.eval_strategy == training.save_strategy == "no"
    assert training.run_name == "-dash"
    assert training.data_seed is None
    assert training.task_order == ["similarity", "sentiment", "paraphrase"]
    assert training.report_to in ([], ["none"])
    assert training.lr_scheduler_kwargs == {"min_lr": 1e-6, "num_cycles": 2}


def test_lists_of_the_command_line():
    order = ["similarity", "sentiment", "paraphrase"]
    assert parse(["--task_order", *order, "--seed", "3"]).training.task_order == order


def test_options_with_dashes_and_flags_without_a_value():
    found = parse(["--learning-rate", "1e-4", "--resume", "--no_dataloader_pin_memory"])
    assert found.training.learning_rate == 1e-4
    assert found.run.resume is True
    assert found.training.dataloader_pin_memory is False


def test_a_task_is_changed_field_by_field(read):
    found = read(
        "tasks: {sentiment: {learning_rate: 1e-4, dropout: 0.3}, paraphrase: }",
        "--tasks.sentiment.learning_rate",
        "1e-5",
        "--tasks.sentiment.hidden_sizes=[8, 4]",
        "--tasks.paraphrase.columns.label",
        "same",
        "--tasks.paraphrase.dataset=mine",
    )
    sentiment, paraphrase = found.tasks["sentiment"], found.tasks["paraphrase"]
    assert sentiment.training.learning_rate == 1e-5
    assert found.training.task_training("sentiment").learning_rate == 1e-5
    assert sentiment.model.dropout == 0.3
    assert sentiment.model.hidden_sizes == [8, 4]
    assert paraphrase.source.dataset == "mine"
    assert paraphrase.source.columns == {
        "text": "question1",
        "text_pair": "question2",
        "label": "same",
    }


def test_columns_of_a_file_are_changed_one_by_one(read):
    text = "tasks: {paraphrase: {columns: {text: a, text_pair: b, label: c}}}"
    found = read(text, "--tasks.paraphrase.columns.label", "d", "--tasks.paraphrase.columns.text=e")
    assert found.tasks["paraphrase"].source.columns == {"text": "e", "text_pair": "b", "label": "d"}


def test_the_default_tasks_are_changed_without_a_file():
    found = parse(["--tasks.similarity.loss_weight", "2"])
    assert list(found.tasks) == ["sentiment", "paraphrase", "similarity"]
    assert found.tasks["similarity"].model.loss_weight == 2.0
    assert parse([]).tasks["similarity"].model.loss_weight == 1.0


@pytest.mark.parametrize("where", ["file", "line"])
@pytest.mark.parametrize(
    "option, message",
    [
        ("learning_rat", "unknown option 'learning_rat'. Did you mean 'learning_rate'?"),
        ("max_len", "unknown option 'max_len'. Did you mean 'max_length'?"),
        ("task", "unknown option 'task'. Did you mean 'tasks'?"),
        ("zzz", "unknown option 'zzz'. hybrid-mtl train --help-all lists the options"),
    ],
)
def test_an_unknown_option_is_refused_with_the_nearest_name(read, tmp_path, where, option, message):
    if where == "file":
        with refused(f"{tmp_path / 'config.yaml'}: {message}"):
            read(f"{option}: 3\n")
    else:
        for options in ([f"--{option}", "3"], [f"--{option}=3"]):
            with refused(f"command line: {message}"):
                parse(options)


@pytest.mark.parametrize("option", sorted(UNAVAILABLE_OPTIONS))
def test_an_option_that_is_hidden_is_refused_with_what_to_use(read, tmp_path, option):
    message = f"has no effect here: {UNAVAILABLE_OPTIONS[option]}"
    with refused(message) as caught:
        read(f"{option}: 1\n")
    assert str(caught.value).startswith(f"{tmp_path / 'config.yaml'}: option '{option}' ")
    for spelling in (option, option.replace("_", "-")):
        with refused(f"command line: option '{spelling}' {message}"):
            parse([f"--{spelling}", "1"])


def test_a_run_may_publish_its_model(read):
    found = read("push_to_hub: true\nhub_model_id: me/run\nhub_strategy: end\n")
    assert found.training.push_to_hub
    assert found.resolved["hub_model_id"] == "me/run"
    assert found.resolved["hub_strategy"] == "end"


@pytest.mark.parametrize(
    "options, message",
    [
        ("push_to_hub: true\n", "push_to_hub: name the repository with --hub_model_id"),
        ("hub_model_id: me/run\n", "hub_model_id = 'me/run': has no effect without push_to_hub"),
        ("hub_private_repo: true\n", "hub_private_repo = True: has no effect without push_to"),
        (
            "push_to_hub: true\nhub_model_id: me/run\nmode: evaluate\n",
            "push_to_hub: mode 'evaluate' trains no model; publish a trained one with hybrid-mtl",
        ),
    ],
)
def test_publishing_that_makes_no_sense_is_refused(read, options, message):
    with refused(message):
        read(options)


def test_the_off_switch_of_a_hidden_option_is_hidden_too():
    with refused("option 'no_remove_unused_columns' has no effect here"):
        parse(["--no_remove_unused_columns"])


@pytest.mark.parametrize(
    "options, message",
    [
        (
            ["--tasks.sentimnt.dropout", "0"],
            "no task 'sentimnt' (its tasks: sentiment, paraphrase,",
        ),
        (["--tasks.sentimnt.dropout", "0"], "Did you mean 'sentiment'?"),
        (
            ["--tasks.sentiment.drop", "0"],
            "task 'sentiment': unknown field 'drop'. Did you mean 'd",
        ),
        (["--tasks.sentiment.dropout"], "--tasks.sentiment.dropout needs a value"),
        (["--tasks.sentiment.dropout", "--seed", "1"], "--tasks.sentiment.dropout needs a value"),
        (["--tasks.sentiment", "0"], "--tasks.sentiment: expected --tasks.NAME.FIELD value"),
        (["--tasks.sentiment.kind.x", "0"], "--tasks.sentiment.kind.x: expected --tasks.NAME.FIEL"),
        (["--tasks.sentiment.columns.a.b", "0"], "expected --tasks.NAME.FIELD value"),
        (["--tasks.sentiment.labels", "[a"], "--tasks.sentiment.labels: '[a' is not YAML"),
        (["--tasks.sentiment.learning_rate=-1"], "task 'sentiment': learning_rate = -1.0: must be"),
        (["--tasks"], "command line: --tasks: name one task or several"),
        (["--tasks", "sentimnt"], "no task 'sentimnt' (its tasks: sentiment, paraphrase, similari"),
        (["--tasks=sentimnt"], "Did you mean 'sentiment'?"),
        (
            ["--task.sentiment.dropout", "0"],
            "option 'task.sentiment.dropout'. Did you mean 'tasks'",
        ),
        (
            ["--task_order", "sentiment", "paraphrase"],
            "task_order: must name each task once: sentim",
        ),
        (
            ["--task_order", "similarity", "paraphrase", "sentimnt"],
            "task_order: must name each task",
        ),
        (["--task_order", *["sentiment"] * 3], "task_order: must name each task once"),
        (
            [
                "--task_sampling=fixed",
                "--step_every=batch",
                "--task_sequence",
                "sentiment",
                "similarty",
            ],
            "task_sequence: no task 'similarty' (the tasks: sentiment, paraphrase, similarity). "
            "Did you mean 'similarity'?",
        ),
        (
            [
                "--task_sampling=fixed",
                "--step_every=batch",
                "--task_sequence",
                "sentiment",
                "similarity",
            ],
            "task_sequence: task 'paraphrase' is missing",
        ),
        (["--task_sampling=anealed"], "task_sampling = 'anealed': must be one of round_robin"),
        (
            ["--seed", "1", "config.yaml"],
            "'config.yaml' is neither an option nor a value; a conf",
        ),
        (["-x"], "'-x' is neither an option"),
        (["--seed"], "argument --seed: expected one argument (--help lists the options)"),
        (["--learning_rate", "fast"], "invalid float value: 'fast'"),
        (["--resume", "perhaps"], "Truthy value expected: got perhaps"),
        (["--optim", "adm"], "optim = 'adm': must be one of adamw_torch, "),
        (["--optim", "adm"], "Did you mean 'adam'?"),
        (["--lr_scheduler_type", "cyclical"], "lr_scheduler_type = 'cyclical': must be one of li"),
        (["--lr_scheduler_type", "cyclical"], "Did you mean 'cyclic'?"),
        (
            ["--tasks.sentiment.lr_scheduler_type", "cyclical"],
            "task 'sentiment': lr_scheduler_type = 'cyclical': must be one of linear",
        ),
        (["--learn", "1"], "unknown option 'learn'"),
        # What TrainingArguments refuses is one message, too.
        (
            ["--load_best_model_at_end", "true"],
            "--load_best_model_at_end requires the save and eval",
        ),
        (["--warmup_steps", "-1"], "warmup_steps"),
        (["--mode", "predict"], "mode = 'predict': name the rows with --predict_file"),
        (["--predict_file", "a.csv"], "predict_file = 'a.csv': has no effect with mode: train"),
        (["--predict_task", "a", "--mode", "evaluate"], "predict_task = 'a': has no effect with"),
        (["--trains", "lora"], "unknown option 'trains'. hybrid-mtl train --help-all lists"),
    ],
)
def test_a_wrong_command_line_is_refused(options, message):
    with refused(message):
        parse(options)


@pytest.mark.parametrize(
    "text, message",
    [
        ("a: [", "config.yaml: is not YAML: "),
        ("- a\n", "config.yaml: expected 'option: value' lines, got list"),
        ("just words\n", "config.yaml: expected 'option: value' lines, got str"),
        ("seed: [1, 2]", "config.yaml: option 'seed' takes one value, got [1, 2]"),
        ("seed: []", "config.yaml: option 'seed' takes one value, got []"),
        ("seed: {a: 1}", "invalid int value"),
        ("max_length: 3.5", "invalid int value: '3.5'"),
        ("help: true", "config.yaml: unknown option 'help'"),
        ("learning-rate: 1", "unknown option 'learning-rate'. Did you mean 'learning_rate'?"),
        ("task_order: []", "task_order: must name each task once"),
        ("task_order: [a]\ntasks: {sentiment: }", "must name each task once: sentiment; got a"),
        (
            "tasks: [sentiment]",
            "tasks = ['sentiment']: must be a mapping with at least one task's name and fields",
        ),
        ("tasks: {}", "tasks = {}: must be a mapping with at least one task's name and fields"),
        ("tasks: {sentiment: 3}", "task 'sentiment': expected a mapping of fields, got 3"),
        ("tasks: {sentimnt: }", "Did you mean 'sentiment'?"),
        ("tasks: {sentiment: {columns: 3}}", "field 'columns' = 3: must be a mapping"),
    ],
)
@pytest.mark.parametrize("options", [[], ["--tasks.sentiment.columns.text", "a"]])
def test_a_wrong_file_is_refused(read, text, message, options):
    if options and ("sentimnt" in text or text == "tasks: {}"):
        message = "the configuration has no task 'sentiment'"
    with refused(message):
        read(text, *options)


def test_a_missing_file_is_refused(tmp_path):
    with refused(f"there is no configuration file '{tmp_path / 'no.yaml'}'"):
        parse([str(tmp_path / "no.yaml")])


def test_a_file_that_is_not_text_is_refused(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\x00")
    with refused("a.yaml: is not YAML: "):
        parse([str(tmp_path / "a.yaml")])


def test_an_empty_file_is_the_defaults(read):
    assert read("").resolved == parse([]).resolved


def test_a_file_beside_the_program_is_not_read(tmp_path, monkeypatch):
    (tmp_path / "run.args").write_text("--seed 99")
    monkeypatch.setattr("sys.argv", [str(tmp_path / "run.py")])
    assert parse([]).training.seed == 42


@pytest.mark.parametrize(
    "options",
    [
        "",
        "report_to: none\neval_strategy: no\nsave_strategy: no\n",
        "report_to: [none]\ntask_order: [similarity, paraphrase, sentiment]\nseed: 5\n",
        "lr_scheduler_type: cosine_with_min_lr\nlr_scheduler_kwargs: {min_lr: 1e-6}\n",
        "activation_checkpointing: true\nrun_name: -x\noutput_dir: a b\n",
        "task_sampling: temperature\nsampling_temperature: 5\nstep_every: batch\n",
        "task_sampling: fixed\nstep_every: batch\ntask_sequence: [similarity, sentiment, "
        "paraphrase]\n",
        "dataloader_pin_memory: false\nlogging_nan_inf_filter: true\nmax_steps: 7\n",
        "tasks: {sentiment: {learning_rate: 1e-5}, paraphrase: {columns: {text: a}}}\n",
        "tasks: {mail: {kind: regression, score_range: [0, 1], dataset: a, hidden_sizes: [3]}}\n",
        "tasks: {ner: {kind: token_classification, labels: ['no', '1', 'null'], dataset: a}}\n",
    ],
)
def test_the_resolved_configuration_gives_the_same_settings(read, options):
    first = read(options)
    again = read(yaml.safe_dump(first.resolved, sort_keys=False))
    assert again.resolved == first.resolved
    assert again.tasks == first.tasks
    assert again.run == first.run
    assert again.training.to_dict() == first.training.to_dict()


def test_no_secret_and_no_hidden_option_is_in_the_resolved_configuration():
    assert not set(parse([]).resolved) & {
        *UNAVAILABLE_OPTIONS,
        "hub_token",
        "resume",
        "overwrite_output_dir",
    }


@pytest.mark.parametrize(
    "options, message",
    [
        ("--aggregator mtrec", "auxiliary_tasks: aggregator 'mtrec' needs at least one"),
        ("--aggregator mtrec --auxiliary_tasks simlarity", "Did you mean 'similarity'?"),
        ("--smart_radius 0.1", "smart_radius: has no effect without a smart_weight above 0"),
        ("--tasks.sentiment.smart_weight .inf", "task 'sentiment': smart_weight = inf: must be"),
        (
            "--tasks.similarity.loss correlation --tasks.similarity.batch_size 1",
            "task 'similarity': loss 'correlation' needs batches of several rows",
        ),
    ],
)
def test_mistakes_in_methods_are_found_before_anything_is_loaded(options, message):
    with refused(message):
        parse(options.split())


def test_a_folder_is_no_configuration_file(tmp_path):
    with refused(f"'{tmp_path}' is a folder; name a configuration file in it"):
        parse([str(tmp_path)])
