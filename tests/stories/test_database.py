"""A database: a table with missing labels, one configuration, predictions in their place."""

import csv
import sqlite3
from contextlib import closing

import pytest

from scripts.run_mtl import main
from tests.toy_runs import toy_run
from tests.toys import WORDS

pytestmark = pytest.mark.slow

MOODS = ("bad", "mixed", "good")
CONFIG = """\
model_name_or_path: encoder
output_dir: runs/reviews
num_train_epochs: 6
per_device_train_batch_size: 8
learning_rate: 3.0e-3
max_length: 32
report_to: none
tasks:
  mood:
    kind: classification
    labels: [bad, mixed, good]
    train_file: "sqlite:///shop.db?query=SELECT * FROM reviews WHERE mood IS NOT NULL ORDER BY id"
    validation_split: 0.2
    test_file: "sqlite:///shop.db?query=SELECT * FROM reviews WHERE mood IS NULL ORDER BY id"
    columns: {text: review, label: mood}
    submission: {id: id, label: mood, score: certainty}
"""


def write_table(connection):
    """Make a table of 120 reviews, whose first word gives the mood; every fourth lacks it."""
    connection.execute("CREATE TABLE reviews (id INTEGER PRIMARY KEY, review TEXT, mood TEXT)")
    for number in range(120):
        review = f"{WORDS[number % 3]} {WORDS[number % 37]} {WORDS[number % 23]}"
        row = (number + 1, review, None if number % 4 == 0 else MOODS[number % 3])
        connection.execute("INSERT INTO reviews VALUES (?, ?, ?)", row)


def test_from_a_table_of_a_database_to_a_column_of_predictions(tmp_path, monkeypatch):
    pytest.importorskip("sqlalchemy")
    assert len(CONFIG.splitlines()) <= 40
    toy_run(tmp_path, 1, 1)
    (tmp_path / "reviews.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    with closing(sqlite3.connect("shop.db")) as connection, connection:
        write_table(connection)
    assert main(["reviews.yaml", "--use_cpu", "true"]) == 0

    with open("runs/reviews/submissions/mood.csv") as lines:
        predicted = [(row["mood"], row["id"]) for row in csv.DictReader(lines)]
    with closing(sqlite3.connect("shop.db")) as connection, connection:
        connection.executemany("UPDATE reviews SET mood = ? WHERE id = ?", predicted)
        filled = connection.execute("SELECT mood FROM reviews WHERE id % 4 = 1").fetchall()
    right = [mood == MOODS[4 * number % 3] for number, (mood,) in enumerate(filled)]
    assert len(predicted) == 30 and sum(right) > 25
