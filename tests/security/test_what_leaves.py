"""What is published or handed on: no token, no file from elsewhere, no formula."""

import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hub.folders import model_folder
from tests.toys import toy_trainer
from trainer.errors import InputError
from trainer.hub import push as pushing
from trainer.hub.push import Destination, check_destination, push
from trainer.hub.push_files import publication


@pytest.fixture
def folder(tmp_path):
    return model_folder(tmp_path / "model", adapters=("mood",))


@pytest.mark.parametrize(
    "name", ["LICENSE", "tokenizer.json", "figures/x.png", "adapters/mood/adapter_config.json"]
)
def test_a_link_out_of_the_folder_is_not_published(folder, tmp_path, name):
    secret = tmp_path / "secret.txt"
    secret.write_text("{}")
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(secret)
    with pytest.raises(InputError, match="is a link to a file outside the folder"):
        publication(folder)
    (folder / name).unlink()
    (folder / name).symlink_to(folder / "metrics.json")
    assert name in publication(folder).files


def test_a_link_out_of_the_folder_is_not_copied_into_a_space(folder, tmp_path):
    pytest.importorskip("gradio", reason="the extra 'app' is not installed")
    from trainer.app.serve import AppOptions
    from trainer.hub.space import write_space

    (tmp_path / "secret.txt").write_text("secret")
    (folder / "vocab.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(InputError, match="is a link to a file outside the folder"):
        write_space(tmp_path / "space", AppOptions(str(folder)))
    assert not (tmp_path / "space").exists()


def test_a_token_reaches_nothing_that_a_run_writes_or_says(hub, me, tmp_path, capfd, caplog):
    out = tmp_path / "out"
    options = {"save_strategy": "steps", "save_steps": 2, "max_steps": 2}
    trainer = toy_trainer(out, push_to_hub=True, hub_model_id="me/run", **options)
    trainer.train()
    trainer.push_to_hub()
    said = capfd.readouterr()
    assert me not in said.out + said.err + caplog.text
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 10
    assert not [path for path in written if me.encode() in path.read_bytes()]
    assert not [name for name, content in hub.files("me/run").items() if me.encode() in content]


def test_a_push_that_fails_does_not_show_the_token(hub, me, folder, monkeypatch):
    monkeypatch.setattr(pushing, "RETRY_DELAYS", (0, 0, 0))
    token = "hf_" + "x" * 34
    monkeypatch.setenv("HF_TOKEN", token)  # nobody's
    with pytest.raises(InputError) as caught:
        push(folder, check_destination(Destination("me/model")), "a try")
    error = caught.value
    while error is not None:
        assert token not in str(error) and token not in repr(vars(error).get("args", ""))
        error = error.__cause__ or error.__context__


formulas = st.sampled_from(["=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", ' "=1', "\t=1"])
written = st.lists(formulas | st.sampled_from(list(',;|"\\ \t\na')), max_size=12).map("".join)


@settings(max_examples=40, deadline=None)
@given(text=written, words=st.lists(written, max_size=3))
def test_feedback_that_a_spreadsheet_opens_holds_no_formula(text, words):
    pytest.importorskip("gradio", reason="the extra 'app' is not installed")
    from trainer.app.feedback import _json_line

    row = {"text": text, "label": -1.5, "words": words, "prediction": 1e30}
    line = _json_line(row)
    assert json.loads(line) == row
    for separator in ",;\t| ":
        for cells in csv.reader(io.StringIO(line), delimiter=separator):
            starts = [cell.lstrip(' "[')[:1] for cell in cells]
            assert not set(starts) & set("=+@"), line
            # The label itself is a number.
            minus = [cell for cell, start in zip(cells, starts, strict=True) if start == "-"]
            assert all(cell.lstrip().startswith("-1.5") for cell in minus), line
