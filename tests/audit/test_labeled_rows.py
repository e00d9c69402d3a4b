import pytest

from modeling_hybrid_mtl import TaskConfig
from tests.modeling.toy_models import TASKS
from trainer.audit.labeled_rows import check_rows, label_column, read_rows
from trainer.errors import InputError

TASK = {name: TaskConfig.from_entry(name, entry) for name, entry in TASKS.items()}
CSV = "sentence,label,gender,age\nfine,good,f,1\n,bad,m,2\nso,so-so,f,3\nhm,,m,4\n"


@pytest.fixture
def file(tmp_path):
    (tmp_path / "rows.csv").write_text(CSV)
    return str(tmp_path / "rows.csv")


def test_rows_keep_their_groups_and_places_when_others_are_left_out(file):
    columns = {"text": "sentence"}
    raw = read_rows([file], ["gender", "age"], columns)
    with pytest.raises(InputError, match="rows.csv, row 2: column 'sentence' is not text"):
        check_rows("mood", TASK["mood"], raw, ["gender"], columns, "error")
    rows = check_rows("mood", TASK["mood"], raw, ["gender", "age"], columns, "drop")
    assert rows.texts == [{"text": "fine"}, {"text": "so"}]
    assert rows.labels.tolist() == [2, 1]
    assert rows.groups == {"gender": ["f", "f"], "age": ["1", "3"]}
    assert rows.places == ["rows.csv, row 1", "rows.csv, row 3"]
    assert rows.left_out == 2


def test_a_missing_column_is_named(file):
    with pytest.raises(InputError, match="groups: .*there is no column 'gendre'.*'gender'"):
        read_rows([file], ["gendre"], {})


def test_several_tasks_have_columns_of_their_names(tmp_path):
    (tmp_path / "rows.csv").write_text("text,mood,label\nfine,good,1\n")
    raw = read_rows([str(tmp_path / "rows.csv")], [], {})
    assert label_column("mood", TASK["mood"], raw, {}, False) == "mood"
    assert label_column("mood", TASK["mood"], raw, {}, True) == "label"
    assert label_column("grade", TASK["grade"], raw, {}, False) is None
    assert label_column("same", TASK["same"], raw, {}, True) is None
