import os
import stat

import pytest

from trainer.errors import InputError
from trainer.export.folder import (
    DESCRIPTION,
    check_output,
    list_files,
    read_description,
    staged_folder,
)


def write(target, *names):
    with staged_folder(target, {"format": "toy"}) as staged:
        for name in names:
            (staged / name).parent.mkdir(exist_ok=True)
            (staged / name).write_text(name)
            (staged / name).chmod(0o600)


def test_folder_appears_complete_with_a_description(tmp_path):
    write(tmp_path / "deep" / "out", "a.txt", "b/c.txt")
    described = read_description(tmp_path / "deep" / "out")
    assert described["format"] == "toy" and described["files"] == ["a.txt", "b/c.txt"]
    assert "torch" in described["versions"]
    assert os.listdir(tmp_path / "deep") == ["out"]
    assert stat.S_IMODE((tmp_path / "deep/out/b/c.txt").stat().st_mode) == 0o644


def test_nothing_appears_when_the_block_fails(tmp_path):
    with pytest.raises(RuntimeError), staged_folder(tmp_path / "out", {}) as staged:
        (staged / "a.txt").write_text("half")
        raise RuntimeError
    assert os.listdir(tmp_path) == []


def test_an_export_is_replaced_only_when_asked_and_as_a_whole(tmp_path):
    target = tmp_path / "out"
    write(target, "old.txt", "both.txt")
    with pytest.raises(InputError, match="contains another export; .* --overwrite"):
        check_output(target, overwrite=False)
    check_output(target, overwrite=True)
    write(target, "both.txt")
    assert list_files(target) == ["both.txt", DESCRIPTION]
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_foreign_files_are_never_touched(tmp_path, overwrite):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="contains 'notes.txt', which is not part of an export"):
        check_output(tmp_path, overwrite=overwrite)
    (tmp_path / "notes.txt").unlink()
    check_output(tmp_path, overwrite=overwrite)
    write(tmp_path / "out", "a.txt")
    (tmp_path / "out" / "b.txt").write_text("added later")
    with pytest.raises(InputError, match="contains 'b.txt', which is not part of an export"):
        check_output(tmp_path / "out", overwrite=overwrite)


def test_a_file_in_the_folders_place_is_refused(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(InputError, match="OUTPUT: '.*out' is not a folder"):
        check_output(tmp_path / "out", overwrite=True)


def test_other_folders_are_distinguished_from_exports(tmp_path):
    with pytest.raises(InputError, match="there is no folder '.*none'"):
        read_description(tmp_path / "none")
    with pytest.raises(InputError, match="is not an export"):
        read_description(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match="is a model, not an export; export it with"):
        read_description(tmp_path)
