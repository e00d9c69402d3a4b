"""CoNLL files as they are published: sentences of words with their tags, for token tasks."""

import re

import pytest

from modeling_hybrid_mtl import TaskConfig
from trainer.data import ReadOptions, TaskSource, check_split, load_split, read_rows
from trainer.errors import InputError

NER = "-DOCSTART- -X- -X- O\n\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\n\n\nGerman JJ B-NP B-MISC"
ENTITIES = TaskConfig("token_classification", labels=["O", "B-ORG", "B-MISC"])


def read(tmp_path, text, name="a.conll", columns=(), **options):
    (tmp_path / name).write_text(text, encoding=options.get("encoding", "utf-8"))
    return read_rows(tmp_path / name, ReadOptions(**options), columns).to_dict()


@pytest.mark.parametrize("name", ["train.conll", "train.bio", "train.iob2"])
def test_conll_2003_is_a_token_task_as_it_lies(tmp_path, name):
    (tmp_path / name).write_text(NER)
    source = TaskSource(train_file=str(tmp_path / name))
    rows = check_split("ner", ENTITIES, source, load_split("ner", source, "train", None)).rows
    assert rows.to_dict() == {
        "text": [["EU", "rejects"], ["German"]],
        "label": [[1, 0], [2]],
    }


def test_columns_are_chosen_by_position_from_either_end(tmp_path):
    (tmp_path / "a.conll").write_text(NER)
    tags = TaskConfig("token_classification", labels=["NNP", "VBZ", "JJ"])
    for position in ("1", "-3"):
        source = TaskSource(
            train_file=str(tmp_path / "a.conll"), columns={"text": "0", "label": position}
        )
        raw = load_split("pos", source, "train", None)
        assert check_split("pos", tags, source, raw).rows["label"][:] == [[0, 1], [2]]
    source.columns["label"] = "4"
    with pytest.raises(InputError, match="no column '4' .found: 0, 1, 2, 3, text, label"):
        check_split("pos", tags, source, load_split("pos", source, "train", None))


def test_tabs_keep_words_with_spaces_and_hashes(tmp_path, capsys):
    found = read(tmp_path, "New York\tB-LOC\n# 1\tO\n\n#\tO\n#tag\tO\n")
    assert found["text"] == [["New York", "# 1"], ["#", "#tag"]]
    assert not capsys.readouterr().out


def test_comments_stand_before_a_sentence_and_doubtful_ones_are_said(tmp_path, capsys):
    found = read(tmp_path, "# id 1 of 2\nEU B\n# O\n\n#tag O\n\n# id=2\nx O\n")
    assert found["text"] == [["EU", "#"], ["#tag"], ["x"]]
    assert "1 lines that begin with '# ' are read as comments" in capsys.readouterr().out


def test_a_header_names_the_columns(tmp_path):
    found = read(tmp_path, "# global.columns = FORM CHUNK NER\nEU B-NP B-ORG\n")
    assert found["NER"] == found["label"] == [["B-ORG"]] and found["FORM"] == found["text"]
    with pytest.raises(InputError, match="a.conll: the header names 2 columns .FORM, NER., and"):
        read(tmp_path, "# global.columns = FORM NER\nEU B-NP B-ORG\n")


def test_conllu_has_words_and_universal_tags(tmp_path):
    lines = ["# text = vámonos", "1-2\tvámonos" + "\t_" * 8, "1\tvamos\tir\tVERB" + "\t_" * 6]
    lines += ["2\tnos\tyo\tPRON" + "\t_" * 6, "2.1\tx\ty\tNOUN" + "\t_" * 6, ""]
    found = read(tmp_path, "\n".join(lines), "a.conllu")
    assert found["text"] == found["form"] == [["vamos", "nos"]]
    assert found["label"] == found["upos"] == [["VERB", "PRON"]]


def test_one_column_is_text_without_labels(tmp_path):
    assert read(tmp_path, "EU\nrejects\n\nit\n")["text"] == [["EU", "rejects"], ["it"]]
    assert "label" not in read(tmp_path, "EU\n")


def test_another_encoding_is_read_when_it_is_given(tmp_path):
    assert read(tmp_path, "café O\n", encoding="windows-1252")["text"] == [["café"]]


@pytest.mark.parametrize(
    "text, message",
    [
        ("EU B O\nrejects O\n", "a.conll, line 2: 2 columns, where the first word has 3"),
        ("a\tO\nb O\n", "a.conll, line 2: 1 columns, where the first word has 2; .*'\\\\t'"),
        ("\n\n", "a.conll: the file has no rows"),
        ("-DOCSTART- O\n", "a.conll: the file has no rows"),
    ],
)
def test_a_damaged_file_is_refused_with_its_line(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, text)
    assert re.search(str(tmp_path), str(caught.value))
