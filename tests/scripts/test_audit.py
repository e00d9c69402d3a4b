"""scripts/audit.py: its output, and one line for wrong input."""

import json
import runpy
import shutil
import sys

import pytest

from tests.audit.conftest import model_folder  # noqa: F401 (a fixture)
from tests.scripts.test_small_scripts import SCRIPTS


@pytest.fixture
def run(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["audit.py", *map(str, arguments)])
        monkeypatch.setattr(sys, "path", list(sys.path))
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(SCRIPTS / "audit.py"), run_name="__main__")
        return ended.value.code, capsys.readouterr()

    return run


@pytest.fixture
def folder(model_folder, tmp_path):  # noqa: F811
    return shutil.copytree(model_folder, tmp_path / "model")


def test_a_folder_is_audited_into_itself(run, folder, tmp_path):
    lines = ["sentence,mark,place"]
    lines += [f"a good film,{['bad', 'good'][i % 2]},{'ab'[i % 3 > 0]}" for i in range(90)]
    (tmp_path / "rows.csv").write_text("\n".join(lines))
    status, printed = run(
        *(folder, "--data", tmp_path / "rows.csv", "--groups", "place", "--tasks", "mood"),
        *("--columns", "text=sentence", "label=mark", "--axes", "age"),
    )
    assert status == 0 and "tested differences between groups" in printed.out
    report = json.loads((folder / "bias_audit.json").read_text())
    assert report["model"] == "model" and list(report["tasks"]) == ["mood"]
    assert (folder / "figures" / "audit_mood_groups.png").is_file()
    assert (folder / "bias_audit.md").is_file()  # there is no card


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--groups", "a"], "audit.py: data: is missing"),
        (["--data", "none.csv", "--groups", "a"], "none.csv"),
        (["--tasks", "moods"], "no task 'moods'"),
        (["--terms", "none.yaml"], "terms: 'none.yaml' could not be read"),
        (["--axes", "agee"], "axes: there is no axis 'agee'"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(run, folder, arguments, message):
    status, printed = run(folder, *arguments)
    assert status == 2 and message in printed.err and len(printed.err.splitlines()) == 1
    assert not (folder / "bias_audit.json").exists()


def test_a_repository_needs_an_output_folder_and_a_folder_a_model(run, tmp_path):
    status, printed = run("someone/model")
    assert status == 2 and "output_dir: is missing" in printed.err
    status, printed = run(tmp_path)
    assert status == 2 and printed.err.startswith("audit.py: ")


def test_an_onnx_export_is_audited_in_the_precision_that_is_asked(run, onnx_export, tmp_path):  # noqa: F811
    export = shutil.copytree(onnx_export[0], tmp_path / "export")
    options = ("--tasks", "mood", "--axes", "age", "--output_dir")
    scores = {}
    for precision in ("float", "int8"):
        status, printed = run(export, *options, tmp_path / precision, "--precision", precision)
        assert status == 0, printed.err
        report = json.loads((tmp_path / precision / "bias_audit.json").read_text())
        scores[precision] = report["tasks"]["mood"]["counterfactuals"]
    assert scores["float"] != scores["int8"]
