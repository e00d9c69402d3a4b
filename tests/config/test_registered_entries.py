"""What an extension registers is checked as it is loaded, and options may have more types."""

from dataclasses import fields

import pytest

from trainer.config.extension_options import RESERVED
from trainer.config.parser import build_parser, parse
from trainer.config.phases import PhaseEntry
from trainer.config.yaml_text import to_yaml
from trainer.errors import InputError


def register(tmp_path, body: str, name="ill.py") -> str:
    """Write an extension file that starts with the usual imports; return its path."""
    path = tmp_path / name
    path.write_text(
        "from dataclasses import dataclass, field\n"
        "from typing import Literal\n"
        "from modeling_hybrid_mtl.registry_hybrid_mtl import HEADS, LOSSES\n"
        "from trainer.objective.aggregators import GramianAggregator\n"
        "from trainer.options import option\n"
        "from trainer.registry import AGGREGATORS, AUGMENTATIONS, METRICS\n"
    )
    path.write_text(path.read_text() + body)
    return str(path)


def register_option(tmp_path, field: str, name="ill.py") -> str:
    """Write an extension file that registers one option; return its path."""
    body = f"@dataclass\nclass Mine:\n    {field}\n@AGGREGATORS.register('ill', options=Mine)\n"
    body += "def ill(tasks, options, config): ...\n"
    return register(tmp_path, body, name)


@pytest.mark.parametrize(
    ("declared", "options", "value"),
    [
        ("list[int]", ["1", "-2"], [1, -2]),
        ("list[float] | None", ["0.5"], [0.5]),
        ("list[str]", ["a"], ["a"]),
        ("Literal['x', 'y'] | None", ["y"], "y"),
    ],
)
def test_options_may_be_lists(tmp_path, declared, options, value):
    path = register_option(tmp_path, f"a_list: {declared} = None")
    given = ["--extensions", path, "--aggregator", "ill", "--a_list", *options]
    assert parse(given).training.extension_options == {"a_list": value}
    (tmp_path / "run.yaml").write_text(
        to_yaml({"extensions": ["ill.py"], "aggregator": "ill", "a_list": value})
    )
    assert parse([str(tmp_path / "run.yaml")]).training.extension_options == {"a_list": value}


def test_elements_of_a_list_are_checked(tmp_path):
    path = register_option(tmp_path, "a_list: list[int] | None = None")
    text = to_yaml({"extensions": [path], "aggregator": "ill"})
    (tmp_path / "run.yaml").write_text(text + "a_list: [1, 2.5]\n")
    with pytest.raises(InputError, match="a_list.*2.5"):
        parse([str(tmp_path / "run.yaml")])


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("a: list = None", "option 'a': its type <class 'list'> is not supported; use bool"),
        ("a: tuple[int, int] = (1, 2)", r"option 'a': its type tuple\[int, int\] is not"),
        ("a: dict[str, int] = None", "option 'a': its type dict.* is not supported"),
        ("a: 'NoSuchType' = 1", "NameError.*NoSuchType"),
        ("a: int = field(init=False, default=1)", "option 'a': has init=False"),
        ("a: int", "option 'a': has no default"),
        (
            "a: int = option(1, '', group='run', needs=('aggregater', ('x',)))",
            "option 'a': needs = 'aggregater': is not an option. Did you mean 'aggregator'",
        ),
        ("a: str = option('1', '', group='run', choices={1: 2})", r"choices = \[1\]: must be str"),
        ("a: int = 1\n    def __post_init__(self): raise KeyError('x')", "KeyError"),
        *[
            (f"{name}: bool = False", f"option '{name}' exists already, in hybrid-mtl")
            for name in (*RESERVED, "no_resume", "no_dataloader_pin_memory")
        ],
    ],
)
def test_an_ill_formed_option_is_refused_with_its_place(tmp_path, field, message):
    path = register_option(tmp_path, field)
    with pytest.raises(InputError, match=rf"ill.py, line \d+: aggregator 'ill': .*{message}"):
        parse(["--extensions", path])


def test_the_names_of_a_phases_fields_are_reserved():
    assert {field.name for field in fields(PhaseEntry)} < set(RESERVED)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "@AUGMENTATIONS.register('ill')\nclass Ill: ...",
            "augmentation 'ill': must be a class derived from Method",
        ),
        ("@HEADS.register('ill')\nclass Ill: ...", "'ill': must be a class derived from TaskHead"),
        (
            "from modeling_hybrid_mtl.heads_hybrid_mtl import TaskHead\n"
            "@HEADS.register('ill')\nclass Ill(TaskHead): ...",
            "kind of task 'ill': must define the method forward",
        ),
        (
            "@AGGREGATORS.register('ill')\nclass Ill(GramianAggregator): ...",
            "aggregator 'ill': must define the methods weights",
        ),
        (
            "METRICS.register('ill', len, kinds=('clasification',))",
            "metric 'ill': kinds: there is no kind of task 'clasification'. .*'classification'",
        ),
        ("LOSSES.register('ill', len, kinds='regression')", "'ill': kinds = 'regression': must be"),
        ("METRICS.register('loss', len)", "metric 'loss': eval_TASK_loss is the task's loss"),
    ],
)
def test_an_ill_formed_entry_is_refused_with_its_place(tmp_path, body, message):
    with pytest.raises(InputError, match=rf"ill.py, line \d+: .*{message}"):
        parse(["--extensions", register(tmp_path, body + "\n")])


def test_a_value_that_a_users_check_refuses_in_any_way_is_an_input_error(tmp_path):
    check = "def __post_init__(self): return {0.0: 1}[self.a]"
    path = register_option(tmp_path, f"a: float = 0.0\n    {check}")
    with pytest.raises(InputError, match=r"extensions: ill.Mine: KeyError\(2.0\)"):
        parse(["--extensions", path, "--aggregator", "ill", "--a", "2"])


def test_a_users_class_that_fails_is_named(tmp_path):
    path = register(tmp_path, "@AGGREGATORS.register('ill')\ndef ill(tasks): ...\n")
    with pytest.raises(InputError, match=r"ill.py, line \d+: aggregator 'ill': TypeError"):
        parse(["--extensions", path, "--aggregator", "ill"])


def test_percent_signs_in_help_are_kept(tmp_path):
    path = register_option(tmp_path, "a: int = field(default=1, metadata={'help': '5% (a)s'})")
    parse(["--extensions", path])
    assert "5% (a)s (default: 1)" in build_parser().format_help()


@pytest.mark.parametrize(
    ("result", "message"), [("None", "TypeError"), ("{}[predictions[0]]", "KeyError")]
)
def test_a_users_metric_is_tried_before_training(tmp_path, result, message):
    path = register(
        tmp_path,
        "@METRICS.register('ill', kinds=('classification',))\n"
        f"def ill(predictions, labels, num_labels): return {result}\n",
    )
    with pytest.raises(InputError, match=rf"ill.py, line 7: metric 'ill': {message}"):
        parse(["--extensions", path])
