"""Words of CoNLL files keep one tag each, in parquet."""

import pyarrow.parquet as pq

from tests.modeling.toy_models import toy_model, toy_tokenizer
from trainer.config.parser import parse
from trainer.runs.predict import predict
from trainer.saving.model_folder import write_model


def test_words_of_a_conll_file_line_up_with_their_tags(tmp_path, capsys):
    tokenizer = toy_tokenizer()
    tokenizer.model_max_length = 6
    write_model(toy_model(), tokenizer, tmp_path / "model")
    sentences = [["anna", "plays"], ["the", "film", "is", "good", ",", "very", "good"]]
    lines = [*(f"{word} NN" for word in sentences[0]), "", *(f"{word} NN" for word in sentences[1])]
    (tmp_path / "news.conll").write_text("\n".join(lines) + "\n")
    options = ["--mode", "predict", "--model_name_or_path", str(tmp_path / "model")]
    options += ["--predict_file", str(tmp_path / "news.conll"), "--use_cpu", "true"]
    options += ["--predict_output", str(tmp_path / "tags.parquet")]
    rows = pq.read_table(predict(parse([*options, "--predict_keep", "text"]))).to_pylist()
    assert [row["text"] for row in rows] == [row["tags_word"] for row in rows] == sentences
    assert all(row["tags_label"][0] for row in rows) and "mood_label" in rows[0]
    assert rows[1]["tags_label"][4:] == rows[1]["tags_index"][4:] == [None] * 3
    printed = capsys.readouterr().out
    assert "1 of 2 rows have more than 6 tokens" in printed
    assert "3 words have no tag, as they were not read" in printed
