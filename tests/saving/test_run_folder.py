import json
import re
from pathlib import Path

import pytest
from safetensors import SafetensorError

from trainer.errors import InputError
from trainer.saving import files
from trainer.saving.files import atomic_dir, check_writable, write_json, write_text
from trainer.saving.run_folder import (
    claim_output_files,
    claim_output_folder,
    clear_leftovers,
    clear_output_folder,
)


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_file_is_written_whole_with_its_folders(tmp_path):
    write_text(tmp_path / "a" / "b.txt", "é\n")
    assert (tmp_path / "a" / "b.txt").read_bytes() == "é\n".encode()
    write_json(tmp_path / "a" / "c.json", {"x": 1})
    assert json.loads((tmp_path / "a" / "c.json").read_text()) == {"x": 1}
    assert names(tmp_path / "a") == ["b.txt", "c.json"]


def test_an_error_while_writing_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    write = Path.write_text

    def write_half(self, text, **options):
        write(self, text[: len(text) // 2], **options)
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_text", write_half)
    with refused(f"'{path}' could not be written: disk full"):
        write_text(path, "new and longer")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_an_error_while_moving_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def fail(*paths):
        raise PermissionError("read only")

    monkeypatch.setattr(files.os, "replace", fail)
    with refused(f"'{path}' could not be written: read only"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_what_cannot_be_json_leaves_the_old_file(tmp_path):
    write_json(tmp_path / "a.json", 1)
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"x": object()})
    assert names(tmp_path) == ["a.json"]


def test_files_of_a_folder_appear_together_beside_those_that_are_there(tmp_path):
    target = tmp_path / "out"
    write_text(target / "kept.txt", "kept")
    write_text(target / "old.txt", "old")
    with atomic_dir(target) as staged:
        (staged / "old.txt").write_text("new")
        (staged / "more.txt").write_text("more")
        assert (target / "old.txt").read_text() == "old"
        assert not (target / "more.txt").exists()
    assert names(target) == ["kept.txt", "more.txt", "old.txt"]
    assert (target / "old.txt").read_text() == "new"
    assert (target / "more.txt").stat().st_mode & 0o777 == 0o644


def test_an_error_while_filling_a_folder_leaves_nothing_half_written(tmp_path):
    write_text(tmp_path / "old.txt", "old")

    def fill():
        with atomic_dir(tmp_path) as staged:
            (staged / "old.txt").write_text("ne")
            (staged / "more.txt").write_text("mo")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill()
    assert names(tmp_path) == ["old.txt"]
    assert (tmp_path / "old.txt").read_text() == "old"


@pytest.mark.parametrize("error", [OSError("disk full"), SafetensorError("disk full")])
def test_a_folder_that_cannot_be_filled_is_named(tmp_path, error):
    with refused(f"'{tmp_path}' could not be written: disk full"), atomic_dir(tmp_path):
        raise error
    assert names(tmp_path) == []


def test_what_a_killed_run_was_about_to_write_is_cleared(tmp_path):
    phase, adapter = "phases/1-words/.writing-x", "adapters/mood/.writing-x"
    left = [".writing-a.json.17", "figures/.writing-a.png.17", f"{phase}/.writing-b.json.17"]
    kept = ["another_run/.writing-a.json.18", "phases/1-words/kept"]
    for name in (*left, f"{adapter}/model", *kept):
        write_text(tmp_path / name, "half")
    clear_leftovers(tmp_path)
    found = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(map(str, found)) == kept


def claim(folder, resume=False, overwrite=False):
    claim_output_folder(folder, resume=resume, overwrite=overwrite)


def refused(message):
    return pytest.raises(InputError, match=re.escape(message))


def run_folder(tmp_path, *parts):
    folder = tmp_path / "run"
    for part in ("notes.txt", *parts):
        write_text(folder / part, "x")
    return folder


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_new_folder_or_one_without_a_run_is_free(tmp_path, overwrite):
    claim(tmp_path / "new", overwrite=overwrite)
    folder = run_folder(tmp_path, "data/train.csv")
    claim(folder, overwrite=overwrite)
    assert names(folder) == ["data", "data/train.csv", "notes.txt"]


def test_a_file_is_no_folder(tmp_path):
    write_text(tmp_path / "a", "x")
    for options in ({}, {"overwrite": True}, {"resume": True}):
        with refused(f"output_dir: '{tmp_path / 'a'}' is not a folder"):
            claim(tmp_path / "a", **options)


def test_a_folder_that_holds_a_run_is_not_free(tmp_path):
    folder = run_folder(tmp_path, "run_config.yaml", "config.json")
    before = names(folder)
    with refused(f"'{folder}' contains another run; choose a new ") as caught:
        claim(folder)
    assert "--resume true" in str(caught.value)
    assert "--overwrite_output_dir true" in str(caught.value)
    assert names(folder) == before


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", ["README.md", "config.json", "model.safetensors", "figures/a.png"])
def test_what_no_run_wrote_is_never_overwritten(tmp_path, name, overwrite):
    folder = run_folder(tmp_path, name)
    before = names(folder)
    with refused(f"'{folder}' contains '{name.split('/')[0]}', which training would replace, but"):
        claim(folder, overwrite=overwrite)
    clear_output_folder(folder)
    assert names(folder) == before


def test_a_run_that_failed_before_its_first_step_is_no_run(tmp_path):
    folder = run_folder(tmp_path, "run_config.yaml")
    before = names(folder)
    claim(folder)
    assert names(folder) == before


def test_a_link_is_deleted_and_not_what_it_leads_to(tmp_path):
    folder = run_folder(tmp_path, "run_config.yaml", "config.json")
    write_text(tmp_path / "elsewhere" / "a.png", "x")
    (folder / "figures").symlink_to(tmp_path / "elsewhere")
    clear_output_folder(folder)
    assert names(folder) == ["notes.txt"]
    assert (tmp_path / "elsewhere" / "a.png").is_file()


@pytest.mark.parametrize("name", ["x" * 300, "dangling"])
def test_a_name_that_cannot_be_a_folder_is_refused(tmp_path, name):
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    with refused(f"output_dir: '{tmp_path / name}'"):
        claim(tmp_path / name)


def test_overwriting_deletes_the_run(tmp_path):
    parts = ["run_config.yaml", "config.json", "checkpoint-10/config.json", "figures/a.png"]
    parts += ["adapters/mood/adapter_config.json", "submissions/mood.csv"]
    folder = run_folder(tmp_path, *parts, "elsewhere/a.txt")
    before = names(folder)
    claim(folder, overwrite=True)
    assert names(folder) == before
    clear_output_folder(folder)
    assert names(folder) == ["elsewhere", "elsewhere/a.txt", "notes.txt"]


def test_a_folder_that_cannot_be_made_is_refused():
    with refused("output_dir: cannot write to '/dev/null/run': '/dev/null' is not writable"):
        claim(Path("/dev/null/run"))


def test_files_are_replaced_when_asked_to_only(tmp_path):
    write_text(tmp_path / "a.json", "{}")
    claim_output_files([tmp_path / "new" / "a.json"], overwrite=False)
    claim_output_files([tmp_path / "a.json"], overwrite=True)
    with refused(f"'{tmp_path / 'a.json'}' exists already; choose another path"):
        claim_output_files([tmp_path / "b.json", tmp_path / "a.json"], overwrite=False)
    with refused(f"'{tmp_path}' is a folder, expected a file"):
        claim_output_files([tmp_path], overwrite=True)


def test_numbers_that_json_does_not_know_become_null(tmp_path):
    write_json(tmp_path / "a.json", {"a": [float("nan"), 1.5], "b": {"c": float("inf")}})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": [None, 1.5], "b": {"c": None}}


def test_resuming_needs_a_checkpoint_and_deletes_nothing(tmp_path):
    message = "contains no run to resume: there is no checkpoint"
    with refused(f"resume: '{tmp_path / 'new'}' {message}"):
        claim(tmp_path / "new", resume=True)
    folder = run_folder(tmp_path, "run_config.yaml", "metrics.json", "README.md")
    with refused(f"resume: '{folder}' {message}"):
        claim(folder, resume=True)
    write_text(folder / "checkpoint-3" / "config.json", "x")
    before = names(folder)
    claim(folder, resume=True)
    assert names(folder) == before


def test_a_run_that_was_killed_before_its_card_is_resumed(tmp_path):
    folder = run_folder(tmp_path, "run_config.yaml", "metrics.json")
    before = names(folder)
    claim(folder, resume=True)
    assert names(folder) == before


def test_a_run_that_wrote_no_checkpoint_yet_is_resumed_from_its_beginning(tmp_path):
    folder = run_folder(tmp_path, "run_config.yaml")
    before = names(folder)
    claim(folder, resume=True)
    assert names(folder) == before


@pytest.mark.parametrize("name", ["caf\udcc3\udca9", "a\ud800", "a\0b"])
def test_a_name_that_is_none_for_other_libraries_is_refused_before_the_run(tmp_path, name):
    for claim_it in (
        lambda: claim(tmp_path / name),
        lambda: claim(tmp_path / name / "run"),
        lambda: claim_output_files([tmp_path / name], overwrite=True),
        lambda: check_writable(tmp_path / name, "OUTPUT"),
    ):
        with refused("is not a valid path here (") as caught:
            claim_it()
        assert "LC_ALL=C.UTF-8" in str(caught.value)
    assert names(tmp_path) == []


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_name_that_the_locale_writes_in_another_way_is_refused(tmp_path, monkeypatch, encoding):
    monkeypatch.setattr(files.os, "fsencode", lambda name: name.encode(encoding))
    with refused("output_dir: '"):
        claim(tmp_path / "café")
    claim(tmp_path / "cafe")
