"""`export.py` from its command line, and `ask.py` on what it wrote."""

import importlib.util
import resource
import signal
import sys
from pathlib import Path

import pytest
from transformers import BertModel

from tests.toys import TASKS, toy_backbone_config, toy_model, toy_tokenizer
from trainer.cli import export
from trainer.export import FORMATS, packages
from trainer.saving.model_folder import write_model

SCRIPTS = Path(__file__).parents[2] / "scripts"


def script(name, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    specification = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.main


@pytest.fixture
def main(monkeypatch):
    return script("export", monkeypatch)


@pytest.fixture
def folder(tmp_path):
    """A trained folder, in the place where the test runs."""
    tasks = {"sentiment": TASKS["mood"], "similarity": TASKS["near"]}
    tokenizer = toy_tokenizer()
    tokenizer.model_max_length = 32
    write_model(toy_model(tasks), tokenizer, tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.slow
def test_both_formats_are_written_and_ask_reads_one(folder, tmp_path, main, monkeypatch, capsys):
    for package in ("onnx", "onnxruntime", "onnxscript", "sentence_transformers"):
        pytest.importorskip(package)
    output = tmp_path / "out"
    assert main([str(folder), str(output), "--format", "sentence-transformers"]) == 0
    assert (output / "modules.json").is_file()
    again = [str(folder), str(output), "--format", "onnx", "--task", "sentiment"]
    assert main(again) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main([*again, "--overwrite"]) == 0
    assert (output / "int8" / "shared.onnx").is_file()
    assert not (output / "modules.json").exists()
    capsys.readouterr()
    script("ask", monkeypatch)([str(output), "w1 w2"])
    assert capsys.readouterr().out.startswith("w1 w2\n  sentiment  ")


def hold(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")


def plain_encoder(tmp_path):
    BertModel(toy_backbone_config()).save_pretrained(tmp_path / "plain")


def no_tokenizer(tmp_path):
    for file in (tmp_path / "model").glob("tokenizer*"):
        file.unlink()


@pytest.mark.parametrize(
    "prepare, source, options, message",
    [
        (None, "/nowhere", [], "there is no folder '/nowhere'"),
        (None, "nobody/nothing", [], "cannot load 'nobody/nothing': "),
        (plain_encoder, "plain", [], "plain' is a bert model; name the folder or repository of a"),
        (
            hold,
            "model",
            ["--overwrite"],
            "out' contains 'notes.txt', which is not part of an export",
        ),
        (None, "model", ["--task", "mood"], "no task 'mood' in this model; its tasks: sentiment"),
        (no_tokenizer, "model", [], "tokenizer"),
    ],
)
def test_bad_input_is_one_message(
    folder, tmp_path, main, capsys, monkeypatch, prepare, source, options, message
):
    pytest.importorskip("sentence_transformers")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    if prepare:
        prepare(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    source = source if "/" in source else str(tmp_path / source)
    given = [source, str(tmp_path / "out"), "--format", "sentence-transformers", *options]
    assert main(given) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("export.py: ") == 1 and "Traceback" not in printed
    assert sorted(tmp_path.rglob("*")) == before


def test_a_full_disk_is_one_line_and_leaves_nothing(folder, tmp_path, main, capsys):
    pytest.importorskip("sentence_transformers")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Configurations fit, weights do not. The signal that comes with it would end the process.
    handled = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limit[1]))
    try:
        assert main([str(folder), str(tmp_path / "out"), "--format", "sentence-transformers"]) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handled)
    said = capsys.readouterr().err
    assert f"export.py: '{tmp_path / 'out'}' could not be written: " in said
    assert "File too large" in said and "Traceback" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize(
    "format, missing",
    [("onnx", "onnxruntime, onnxscript"), ("sentence-transformers", "sentence_transformers")],
)
def test_missing_packages_are_named_with_their_extra(
    folder, tmp_path, main, capsys, monkeypatch, format, missing
):
    found = {"onnx"}
    monkeypatch.setattr(packages, "find_spec", lambda name: name in found or None)
    assert main([str(folder), str(tmp_path / "out"), "--format", format]) == 2
    assert capsys.readouterr().err == (
        f"export.py: the format '{format}' requires {missing}: install the extra 'export', "
        f"e.g. with pip install 'hybrid-mtl[export]'\n"
    )
    assert not (tmp_path / "out").exists()


def test_the_formats_are_those_of_the_package():
    assert tuple(FORMATS) == export.FORMATS
