import importlib.util
import sys
from pathlib import Path

import pytest

from trainer.data.augmentation.debian_wordnet import FILES, make_wordnet
from trainer.errors import InputError

SCRIPT = Path(__file__).parents[3] / "scripts" / "make_wordnet.py"


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "wordnet"
    folder.mkdir()
    for name in FILES:
        (folder / name).write_text(f"content of {name}")
    return folder


def test_the_folder_holds_debians_files_and_lexnames(source, tmp_path):
    folder = make_wordnet(source, tmp_path / "nltk_data")
    assert folder == tmp_path / "nltk_data" / "corpora" / "wordnet"
    assert {path.name for path in folder.iterdir()} == {*FILES, "lexnames"}
    assert (folder / "data.noun").read_text() == "content of data.noun"
    lines = (folder / "lexnames").read_text().splitlines()
    assert len(lines) == 45
    assert (lines[0], lines[3]) == ("00\tadj.all\t3", "03\tnoun.Tops\t1")
    assert (lines[29], lines[44]) == ("29\tverb.body\t2", "44\tadj.ppl\t3")


def test_the_files_are_those_that_nltk_reads():
    reader = pytest.importorskip("nltk.corpus.reader.wordnet").WordNetCorpusReader
    assert {*FILES, "lexnames"} == set(reader._FILES)


def test_a_package_that_is_missing_is_named(source, tmp_path):
    (source / "index.sense").unlink()
    with pytest.raises(InputError, match=r"lacks index.sense: apt install .* wordnet-sense-index"):
        make_wordnet(source, tmp_path)


def test_the_command(source, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "path", list(sys.path))
    specification = importlib.util.spec_from_file_location("make_wordnet", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    assert module.main([str(tmp_path / "data"), "--source", str(source)]) == 0
    assert (tmp_path / "data/corpora/wordnet/lexnames").is_file()
    assert module.main([str(tmp_path / "data"), "--source", str(tmp_path / "no")]) == 2
    assert "make_wordnet.py: " in capsys.readouterr().err
