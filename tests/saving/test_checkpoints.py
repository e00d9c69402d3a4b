import json

import pytest

from trainer.errors import InputError
from trainer.saving.checkpoints import (
    LIST_FILE,
    REQUIRED_FILES,
    atomic_checkpoint,
    find_checkpoint,
    find_damage,
)

WEIGHTS = ("model.safetensors", "rng_state.pth")


def write(target, text="content"):
    with atomic_checkpoint(target) as aside:
        for name in (*REQUIRED_FILES, *WEIGHTS):
            (aside / name).write_text(f"{text} of {name}")
    return target


def test_a_checkpoint_has_its_name_once_it_is_complete(tmp_path):
    target = tmp_path / "checkpoint-5"
    with atomic_checkpoint(target) as aside:
        (aside / "weights").write_text("w")
        assert not target.exists()
        assert not list(tmp_path.glob("checkpoint-*"))
    assert (target / "weights").read_text() == "w"
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-5"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("write")])
def test_a_checkpoint_that_cannot_be_written_leaves_the_earlier_ones(tmp_path, error):
    first = write(tmp_path / "checkpoint-1")
    with (
        pytest.raises(InputError, match="checkpoint-2' could not be written: .*\n.*--resume true"),
        atomic_checkpoint(tmp_path / "checkpoint-2") as aside,
    ):
        (aside / "half").write_text("h")
        raise error
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-1"]
    assert find_damage(first) is None


def test_another_error_stays_what_it_is(tmp_path):
    with pytest.raises(ZeroDivisionError), atomic_checkpoint(tmp_path / "checkpoint-2"):
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def test_the_same_step_again_replaces_the_former_folder(tmp_path):
    target = write(tmp_path / "checkpoint-5", "old")
    (target / "stale").write_text("")
    write(target, "new")
    assert (target / REQUIRED_FILES[0]).read_text() == f"new of {REQUIRED_FILES[0]}"
    assert not (target / "stale").exists()
    assert find_damage(target) is None
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-5"]


def test_what_a_killed_run_left_is_cleared(tmp_path):
    (tmp_path / ".writing-checkpoint-3").mkdir()
    (tmp_path / ".writing-checkpoint-3" / "half").write_text("h")
    write(tmp_path / "checkpoint-5")
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-5"]


def flip_a_bit(folder):
    path = folder / REQUIRED_FILES[1]
    content = bytearray(path.read_bytes())
    content[3] ^= 1
    path.write_bytes(content)


DAMAGES = {
    f"{REQUIRED_FILES[1]} is damaged": [
        lambda folder: (folder / REQUIRED_FILES[1]).write_text("cut"),
        flip_a_bit,
    ],
    f"{REQUIRED_FILES[2]} is missing": [lambda folder: (folder / REQUIRED_FILES[2]).unlink()],
    f"there is no {LIST_FILE}": [lambda folder: (folder / LIST_FILE).unlink()],
    f"{LIST_FILE} is damaged": [
        lambda folder: (folder / LIST_FILE).write_text('{"trainer'),
        lambda folder: (folder / LIST_FILE).write_text("[1, 2]"),
        lambda folder: (folder / LIST_FILE).write_text('{"optimizer.pt": 3}'),
        lambda folder: (folder / LIST_FILE).write_bytes(b"\xff\xfe\xfd"),
    ],
}


@pytest.mark.parametrize(
    "reason, harm", [(reason, harm) for reason, harms in DAMAGES.items() for harm in harms]
)
def test_a_damaged_checkpoint_is_named_and_skipped(tmp_path, capsys, reason, harm):
    for step in (9, 10, 100):
        write(tmp_path / f"checkpoint-{step}")
    (tmp_path / "checkpoint-best").mkdir()
    harm(tmp_path / "checkpoint-100")
    assert find_checkpoint(tmp_path) == tmp_path / "checkpoint-10"
    said = capsys.readouterr().err
    assert f"skipping '{tmp_path / 'checkpoint-100'}': {reason}" in said


def test_a_checkpoint_without_an_optimizer_is_none_to_go_on_from(tmp_path, capsys):
    with atomic_checkpoint(tmp_path / "checkpoint-3") as aside:
        (aside / "trainer_state.json").write_text("{}")
    assert find_checkpoint(tmp_path) is None
    assert "save_only_model, there is no optimizer.pt" in capsys.readouterr().err


def test_where_there_is_no_checkpoint_none_is_found(tmp_path):
    assert find_checkpoint(tmp_path) is None
    assert find_checkpoint(tmp_path / "missing") is None


def test_the_list_names_the_files_of_folders_too(tmp_path):
    target = tmp_path / "checkpoint-1"
    with atomic_checkpoint(target) as aside:
        (aside / "adapters").mkdir()
        (aside / "adapters" / "a").write_text("12345")
    listed = json.loads((target / LIST_FILE).read_text())
    assert list(listed) == ["adapters/a"]
    assert listed["adapters/a"][0] == 5


@pytest.mark.parametrize("name", WEIGHTS)
def test_an_incomplete_checkpoint_is_damaged(tmp_path, name):
    target = write(tmp_path / "checkpoint-1")
    listed = json.loads((target / LIST_FILE).read_text())
    del listed[name]
    (target / LIST_FILE).write_text(json.dumps(listed))
    assert find_damage(target).startswith(f"there is no {name.split('.')[0]}")
    (target / LIST_FILE).write_text("[" * 100_000)
    assert "is damaged" in find_damage(target)
