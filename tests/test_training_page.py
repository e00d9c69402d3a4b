"""Each row of the table of data, kinds and results has a test with small, real files."""

import ast
import re
from pathlib import Path

import pytest

from trainer.registry import HEADS

ROOT = Path(__file__).resolve().parents[1]
TABLE = (
    (ROOT / "docs/training.md").read_text().partition("| | What | How |\n")[2].partition("\n\n")[0]
)
ROWS = re.findall(r"^\| (In|Kind|Out) \| (.+?) \| (.+) \|$", TABLE, re.MULTILINE)

# A row's second cell -> a test of it.
TESTS = {
    "csv and tsv as programs write them, compressed, in any encoding": (
        "data/readers/test_dialects.py::test_a_task_reads_what_a_spreadsheet_wrote"
    ),
    "jsonl, json, parquet, its shards, `save_to_disk`": (
        "data/test_sources.py::test_every_kind_of_file_gives_the_same_rows"
    ),
    "a dataset of the Hub, or a copy of one": (
        "data/readers/test_folders.py::test_a_copy_of_a_hub_dataset_is_read_by_its_card"
    ),
    "xlsx workbooks": "data/readers/test_excel.py::test_a_workbook_is_the_data_of_a_task",
    "words and their tags: CoNLL, CoNLL-U": (
        "data/readers/test_conll.py::test_conll_2003_is_a_token_task_as_it_lies"
    ),
    "a table or query of a database": (
        "stories/test_database.py::test_from_a_table_of_a_database_to_a_column_of_predictions"
    ),
    "pandas, polars, `datasets`, lists in Python": (
        "data/readers/test_frames.py::test_every_table_gives_the_same_rows"
    ),
    "one table with several label columns, some labels missing": (
        "stories/test_company.py::test_from_tables_of_several_kinds_to_one_published_model"
    ),
    "training files larger than memory": (
        "runs/test_streaming.py::test_a_resumed_run_ends_as_the_whole_one"
    ),
    "imbalanced classes, weighted rows, probabilities as labels": (
        "runs/test_weights_and_metrics.py::test_the_overall_score_has_the_configured_parts"
    ),
    "one set of rows for training and validation": (
        "runs/test_splits.py::test_the_card_tells_test_results_and_how_rows_were_divided"
    ),
    "one class of a text or pair": (
        "stories/test_student.py::test_from_a_folder_of_files_to_three_files_to_hand_in"
    ),
    "any number of classes": "runs/test_kinds.py::test_the_folder_answers_with_its_thresholds",
    "ordered classes": "runs/test_kinds.py::test_a_run_measures_them_and_writes_their_reports",
    "a score of a text or pair": (
        "data/readers/test_dialects.py::test_a_task_reads_what_a_spreadsheet_wrote"
    ),
    "a score by the cosine of two texts": (
        "stories/test_student.py::test_from_a_folder_of_files_to_three_files_to_hand_in"
    ),
    "the match of a text among others": (
        "runs/test_ranking.py::test_a_run_measures_the_ranks_of_all_candidates"
    ),
    "a tag for each word": (
        "runs/test_predict_words.py::test_words_of_a_conll_file_line_up_with_their_tags"
    ),
    "one model, as a folder, Hub repository, page, endpoint": (
        "stories/test_company.py::test_from_tables_of_several_kinds_to_one_published_model"
    ),
    "a csv, jsonl or parquet file of predictions": (
        "runs/test_files_in.py::test_predictions_are_made_for_any_location"
    ),
    "predictions of the test rows in prescribed columns": (
        "runs/test_submissions.py::test_a_folder_of_the_courses_files_becomes_three_submission_files"
    ),
    "calibrated probabilities, answers left to a person": (
        "runs/test_calibrate.py::test_predict_writes_whether_a_row_needs_review"
    ),
    "answers in a terminal": (
        "scripts/test_ask.py::test_a_text_or_a_pair_gets_the_answers_of_all_tasks_that_fit"
    ),
}


@pytest.mark.parametrize("row", TESTS)
def test_every_row_has_a_test(row):
    path, _, name = TESTS[row].partition("::")
    tree = ast.parse((ROOT / "tests" / path).read_text())
    assert name in [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def test_the_table_has_these_rows_and_every_kind():
    assert [what for _, what, _ in ROWS] == list(TESTS)
    kinds = [re.match(r"`(\w+)`", how)[1] for part, _, how in ROWS if part == "Kind"]
    assert sorted(kinds) == sorted(HEADS)
