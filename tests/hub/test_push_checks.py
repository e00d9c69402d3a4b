from pathlib import Path

import pytest

from trainer.errors import InputError
from trainer.hub.push_checks import check_text

TOKEN = "hf_" + "aBcD1234" * 4


def check(tmp_path, text, name="README.md", token=None):
    check_text(tmp_path / name, text, token, tmp_path)


@pytest.mark.parametrize("text", [f"token: {TOKEN}", f'{{"a": "{TOKEN}"}}', f"x\ny {TOKEN}."])
def test_a_token_is_refused_and_not_shown(tmp_path, text):
    line = 1 + text.count("\n")
    with pytest.raises(
        InputError, match=rf"README.md', line {line}: contains an access"
    ) as refusal:
        check(tmp_path, text)
    assert TOKEN not in str(refusal.value)


def test_the_user_s_own_token_is_found_whatever_it_looks_like(tmp_path):
    check(tmp_path, "plain-secret")
    with pytest.raises(InputError, match="contains an access token"):
        check(tmp_path, "plain-secret", token="plain-secret")


@pytest.mark.parametrize(
    "path",
    [
        "/home/jo/data/train.csv",
        "/Users/jo/run",
        "/root/run",
        "/tmp/x",
        "/mnt/disk",
        "file:///data",
        r"C:\Users\jo",
        r"C:\\Users\\jo",
    ],
)
@pytest.mark.parametrize("frame", ["see {} there", '{{"dir": "{}"}}', "`{}`"])
def test_a_path_of_a_machine_is_refused(tmp_path, path, frame):
    with pytest.raises(InputError, match="line 1: contains a path of this machine"):
        check(tmp_path, frame.format(path))


def test_paths_of_this_machine_are_refused_even_in_a_tokenizer(tmp_path):
    for folder in (tmp_path, Path.cwd()):
        with pytest.raises(InputError, match="contains a path of this machine"):
            check(tmp_path, f'{{"a": "{folder}/x"}}', "tokenizer.json")


@pytest.mark.parametrize(
    "text",
    [
        "https://huggingface.co/home/jo/data",
        "and/or, 24/7, a /pipeline or ./tmp/x",
        "hf_hub_download, hf_token",
        "docs/home/index.md",
    ],
)
def test_what_only_looks_alike_passes(tmp_path, text):
    check(tmp_path, text)


def test_pieces_of_a_tokenizer_pass(tmp_path):
    check(tmp_path, '{"/home/jo/": 5, "/tmp/x": 6}', "tokenizer.json")
