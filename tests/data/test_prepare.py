"""Tables in memory and files become a trainer's datasets in one call."""

import pandas as pd
import pytest

from tests.toys import toy_model, toy_tokenizer
from trainer import HybridMTLTrainer, HybridMTLTrainingArguments
from trainer.data import TaskSource, prepare
from trainer.errors import InputError

TEXTS = [f"w{i} w{i + 1} w{i + 2}" for i in range(6)]


def tables():
    mood = pd.DataFrame({"review": TEXTS, "feeling": ["bad", "good", "so-so"] * 2})
    near = {"text": TEXTS, "text_pair": TEXTS[::-1], "label": [0, 1, 2.5, 3, 4, 5]}
    return {"mood": mood, "near": near}


SOURCES = {"mood": TaskSource(columns={"text": "review", "label": "feeling"})}


def test_a_model_trains_on_data_frames(tmp_path):
    model, tokenizer = toy_model(), toy_tokenizer()
    rows = prepare(tables(), model.config, tokenizer, 16, SOURCES)
    assert rows["mood"]["labels"][:] == [0, 2, 1, 0, 2, 1]
    trainer = HybridMTLTrainer(
        model,
        HybridMTLTrainingArguments(
            output_dir=str(tmp_path), max_steps=2, per_device_train_batch_size=3, report_to="none"
        ),
        train_dataset=rows,
        eval_dataset=rows,
        processing_class=tokenizer,
    )
    trainer.train()
    assert 0 <= trainer.evaluate()["eval_overall"] <= 1


def test_files_and_frames_of_equal_rows_give_equal_tokens(tmp_path):
    frame = tables()["mood"]
    frame.to_csv(tmp_path / "mood.csv", sep=";", index=True)
    config, tokenizer = toy_model().config, toy_tokenizer()
    of_file = prepare({"mood": tmp_path / "mood.csv"}, config, tokenizer, 16, SOURCES)
    of_frame = prepare({"mood": frame}, config, tokenizer, 16, SOURCES)
    assert of_file["mood"]._fingerprint == of_frame["mood"]._fingerprint


def test_wrong_rows_are_refused_with_task_and_row():
    config, tokenizer = toy_model().config, toy_tokenizer()
    frame = tables()["mood"]
    frame.loc[4, "feeling"] = "meh"
    with pytest.raises(InputError, match="rows of task 'mood', row 5: column 'feeling' has 'meh'"):
        prepare({"mood": frame}, config, tokenizer, 16, SOURCES)
    with pytest.raises(InputError, match="no task 'mod' in this model .* Did you mean 'mood'"):
        prepare({"mod": frame}, config, tokenizer)
    with pytest.raises(InputError, match="task 'mood': a table is a int"):
        prepare({"mood": 5}, config, tokenizer)
