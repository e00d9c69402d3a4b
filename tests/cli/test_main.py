"""The command `hybrid-mtl`: its overview, its commands, and how soon it answers."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import hybrid_mtl
from trainer.cli.commands import COMMANDS
from trainer.cli.main import main

SLOW = ("torch", "transformers", "datasets", "numpy", "gradio", "fastapi")


def test_the_overview_names_every_command(capsys):
    assert main(["--help"]) == 0
    printed = capsys.readouterr().out
    for name, command in COMMANDS.items():
        assert f"\n  {name} " in printed and command.purpose in printed
    assert main([]) == 2
    assert capsys.readouterr().err == printed
    assert max(map(len, printed.splitlines())) <= 90


def test_an_unknown_command_is_one_message(capsys):
    assert main(["trian", "demo"]) == 2
    assert "there is no command 'trian'. Did you mean 'train'?" in capsys.readouterr().err


def test_names_may_have_underscores_as_those_of_scripts(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["make_reference", "--help"])
    assert "usage: hybrid-mtl make-reference" in capsys.readouterr().out


def test_the_version_is_printed(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("hybrid-mtl ")


@pytest.mark.parametrize("name", [*COMMANDS, "no command"])
def test_help_waits_for_nothing_slow(name):
    """Modules decide the time: without those of `SLOW`, every help takes less than a second."""
    arguments = [] if name == "no command" else [name]
    code = (
        "import sys, trainer.cli.main\n"
        "try: trainer.cli.main.main([*sys.argv[1:], '--help'])\n"
        "except SystemExit: pass\n"
        f"print(*(set({SLOW}) & set(sys.modules)), file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr.split() == []
    assert done.stdout.startswith(f"usage: hybrid-mtl {arguments[0] if arguments else 'COMMAND'}")
    assert "scripts/" not in done.stdout and ".py " not in done.stdout


def test_the_package_runs_as_a_module_and_ends_with_the_commands_status():
    command = [sys.executable, "-m", "trainer", "config", "nothing"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("hybrid-mtl config: there is no configuration 'nothing'.")


def test_another_projects_trainer_in_the_place_of_ours_is_named(tmp_path):
    assert hybrid_mtl.misplaced_package(hybrid_mtl.found_package()) is None
    (tmp_path / "__init__.py").write_text("from trainer.trainer import *\n")
    message = hybrid_mtl.misplaced_package(tmp_path)
    assert f"'{tmp_path}' is not hybrid-mtl's package" in message
    assert "pip uninstall trainer" in message
    assert "install hybrid-mtl again" in hybrid_mtl.misplaced_package(None)


def test_a_process_that_finds_another_trainer_ends_with_one_message(tmp_path):
    package = tmp_path / "trainer"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (tmp_path / "hybrid_mtl.py").write_text(Path(hybrid_mtl.__file__).read_text())
    code = "import hybrid_mtl; hybrid_mtl.run()"
    command = [sys.executable, "-c", code, "--help"]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}
    )
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(f"hybrid-mtl: '{package}' is not hybrid-mtl's package 'trainer'")
    assert done.stderr.count("\n") == 1


def test_another_project_in_the_same_folder_is_a_warning():
    class Coqui:
        version = "0.3.2"

    assert hybrid_mtl.other_package() is None
    message = hybrid_mtl.other_package(lambda name: Coqui)
    assert message.startswith("the package 'trainer' 0.3.2 of another project is installed, too")


def test_messages_name_the_command_not_files_of_a_checkout():
    package = Path(hybrid_mtl.__file__).parent / "trainer"
    wrong = re.compile(r"\.venv/|\bscripts/|pip install -e|\brun_mtl\.py|'\.\[")
    found = [
        f"{path.relative_to(package)}, line {node.lineno}: {node.value}"
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if wrong.search(node.value)
    ]
    assert not found
