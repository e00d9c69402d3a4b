import os
import runpy
import subprocess
import sys

import pytest

pytest.importorskip("fastapi", reason="the extra 'serve' is not installed")

from trainer.cli import serve
from trainer.errors import InputError
from trainer.serving.options import read_key

main = runpy.run_path("scripts/serve.py")["main"]


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["--port", "99999"], "port = 99999: must be from 0 to 65535"),
        (["--log_texts"], "log_texts: has no effect without --log FILE"),
        (["--api_key_file", "no/such/file"], "api_key_file: cannot read 'no/such/file'"),
        (["--max_texts", "5000"], "max_texts = 5000: must be at most max_queue, 1024"),
        (["--revision", "main"], "revision: '.' is a folder"),
        ([], "'.'"),
    ],
)
def test_wrong_input_is_one_message_and_status_2(arguments, expected, capsys):
    assert main([".", *arguments]) == 2
    printed, message = capsys.readouterr()
    assert expected in message and message.count("\n") == 1 and not printed


def test_a_missing_package_is_named(capsys, monkeypatch):
    monkeypatch.setattr(serve, "find_spec", lambda name: None)
    assert main(["."]) == 2
    assert "pip install 'hybrid-mtl[serve]'" in capsys.readouterr().err


def test_threads_wait_passively_unless_the_environment_has_another_policy(monkeypatch):
    monkeypatch.setattr("trainer.cli.serve.find_spec", lambda name: None)
    for given, expected in ((None, "PASSIVE"), ("active", "active")):
        monkeypatch.setenv("OMP_WAIT_POLICY", given or "")
        if given is None:
            monkeypatch.delenv("OMP_WAIT_POLICY")
        main(["."])
        assert os.environ["OMP_WAIT_POLICY"] == expected


def test_a_key_comes_from_a_file_or_the_environment(tmp_path, monkeypatch):
    monkeypatch.delenv("HYBRID_MTL_API_KEY", raising=False)
    assert read_key(None) is None
    monkeypatch.setenv("HYBRID_MTL_API_KEY", "from the environment")
    assert read_key(None) == "from the environment"
    (tmp_path / "key").write_text("from a file\n")
    assert read_key(tmp_path / "key") == "from a file"
    (tmp_path / "key").write_bytes(b"\xff")
    with pytest.raises(InputError, match="api_key_file: cannot read"):
        read_key(tmp_path / "key")


def test_wrong_options_are_refused_without_waiting_for_torch():
    code = (
        "import runpy, sys; main = runpy.run_path('scripts/serve.py')['main']\n"
        "print(main(['.', '--port', '-1']), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2", "False"]
