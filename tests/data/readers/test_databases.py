"""Tables and queries of databases: read whole, never written, and no password anywhere."""

import re
import sqlite3

import pytest

from modeling_hybrid_mtl import TaskConfig
from trainer.config.parser import parse
from trainer.data import TaskSource, check_split, load_split, read_rows
from trainer.data.readers import databases
from trainer.data.readers.databases import describe_database, masked_url
from trainer.errors import InputError

pytest.importorskip("sqlalchemy")
ROWS = [(3, "it's 100% good", "good", 4.5), (1, "bad, or not", "bad", None), (2, "NA", "good", 1)]


def refused(message):
    return pytest.raises(InputError, match=re.escape(message))


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "my reviews.db"
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE reviews (id INTEGER PRIMARY KEY, text TEXT, label TEXT, stars DECIMAL)"
        )
        connection.executemany("INSERT INTO reviews VALUES (?, ?, ?, ?)", ROWS)
        connection.execute("CREATE VIEW good AS SELECT * FROM reviews WHERE label = 'good'")
        connection.execute("CREATE TABLE mixed (value, blob BLOB)")
        connection.executemany("INSERT INTO mixed VALUES (?, ?)", [("a", b"\xff"), (1, None)])
        connection.execute("CREATE TABLE empty (text)")
    connection.close()
    return path


def test_a_table_is_read_in_the_order_of_its_key(database):
    rows = read_rows(f"sqlite:///{database}?table=reviews")
    assert rows.column_names == ["id", "text", "label", "stars"]
    assert [tuple(row.values()) for row in rows] == sorted(ROWS)
    assert read_rows(f"sqlite:///{database}?table=good")["id"][:] == [2, 3]


def test_a_query_stands_as_it_is_written(database):
    query = "SELECT text, upper(label) AS label FROM reviews WHERE text LIKE '%1% good' OR 1+1=3"
    rows = read_rows(f"sqlite:///{database}?query={query}")
    assert rows.to_dict() == {"text": ["it's 100% good"], "label": ["GOOD"]}


def test_values_of_several_types_are_not_converted(database):
    rows = read_rows(f"sqlite:///{database}?table=mixed")
    assert rows["value"][:] == ["a", 1] and rows["blob"][:] == [b"\xff", None]


def test_a_database_is_the_data_of_a_task(database):
    source = TaskSource(train_file=f"sqlite:///{database}?table=reviews")
    mood = TaskConfig("classification", labels=["bad", "good"])
    raw = load_split("mood", source, "train", None)
    assert check_split("mood", mood, source, raw).rows["label"][:] == [0, 1, 1]
    source = TaskSource(train_file=f"sqlite:///{database}?table=reviews", separator=";")
    with refused("task 'mood': field 'train_file': option 'separator' is for csv, tsv, conll, "):
        load_split("mood", source, "train", None)


@pytest.mark.parametrize(
    "rest, message",
    [
        ("?table=review", "there is no table 'review' (found: empty, good, mixed, reviews). Did"),
        ("", "name either a table or a query, as in sqlite:///reviews.db?table=reviews"),
        ("?table=reviews&query=SELECT 1", "name either a table or a query"),
        ("?query=SELECT title FROM reviews", "cannot be read: no such column: title"),
        ("?query=DELETE FROM reviews", "attempt to write a readonly database"),
        ("?query=DROP TABLE reviews", "attempt to write a readonly database"),
        ("?query=ATTACH ':memory:' AS x", "the query returns no rows; expected a SELECT"),
        ("?query=SELECT 1; DROP TABLE reviews", "one statement at a time"),
        ("?query=SELECT text, text FROM reviews", "two columns of one name (text, text); rename"),
        ("?table=empty", "there are no rows"),
    ],
)
def test_a_wrong_table_or_query_is_refused_and_nothing_is_written(database, rest, message):
    before = database.read_bytes()
    with refused(message) as caught:
        read_rows(f"sqlite:///{database}{rest}")
    assert str(caught.value).startswith(f"sqlite:///{database}{rest}: ")
    assert database.read_bytes() == before


def test_a_file_that_is_missing_locked_or_no_database_is_refused(database, tmp_path, monkeypatch):
    with refused(f"there is no file '{tmp_path}/none.db'"):
        read_rows(f"sqlite:///{tmp_path}/none.db?table=t")
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "text.db").write_text("text,label\na,0\n" * 100)
    with refused("cannot be read: file is not a database"):
        read_rows(f"sqlite:///{tmp_path}/text.db?table=t")
    monkeypatch.setattr(databases, "_LOCK_TIMEOUT", 0.01)
    other = sqlite3.connect(database)
    other.execute("BEGIN EXCLUSIVE")
    with refused("cannot be read: database is locked"):
        read_rows(f"sqlite:///{database}?table=reviews")
    other.close()


@pytest.mark.parametrize(
    "location, message",
    [
        ("https://host/a.csv", "expected a file or a database"),
        ("s3://bucket/a.csv", "expected a file or a database"),
        ("nosuch://host/db?table=t", "cannot be read: Can't load plugin"),
        ("postgresql+nodriver://host/db?table=t", "cannot be read: "),
    ],
)
def test_another_url_is_refused(location, message):
    with refused(f"{location}: {message}"):
        read_rows(location)


def test_a_driver_that_is_not_installed_is_named():
    with pytest.raises(InputError, match=r"(pip install (MySQLdb|oracledb|cx_Oracle)|oracle)"):
        read_rows("mysql+mysqldb://host/db?table=t")


SECRET = ["postgresql://me:s3cret@host/db?table=t", "postgresql://host/db?password=s3cret&table=t"]


@pytest.mark.parametrize("location", SECRET)
def test_a_password_is_refused_in_options_and_masked_in_messages(location, tmp_path):
    for build in (
        lambda: TaskSource(train_file=location),
        lambda: TaskSource(test_file=["a.csv", location]),
        lambda: parse(["--mode", "predict", "--predict_file", location]),
        lambda: parse(["--tasks.sentiment.train_file", location]),
    ):
        with refused("holds a password") as caught:
            build()
        assert "s3cret" not in str(caught.value) and "***" in str(caught.value)
    assert "s3cret" not in masked_url(location)


def test_a_password_comes_from_the_environment_and_into_no_message(monkeypatch):
    location = "postgresql+psycopg://me:${REVIEWS_PW}@127.0.0.1:1/db?table=t"
    assert TaskSource(train_file=location).train_file == masked_url(location) == location
    with refused(f"{location}: the environment variable REVIEWS_PW is not set"):
        read_rows(location)
    pytest.importorskip("psycopg")
    monkeypatch.setenv("REVIEWS_PW", "s3cret/@")
    with refused(f"{location}: cannot be read: ") as caught:
        read_rows(location)
    assert "s3cret" not in str(caught.value)
    for part in ("password=", "other=1&password="):
        with pytest.raises(InputError) as caught:
            read_rows(f"postgresql+psycopg://127.0.0.1:1/db?{part}s3cret&table=t")
        assert "s3cret" not in str(caught.value)


def test_a_card_describes_a_database_without_host_and_query():
    assert describe_database("postgresql+psycopg://me@host/db?table=a.t") == (
        "a.t of a postgresql database"
    )
    assert describe_database("sqlite:///x.db?query=SELECT 1") == "a query of a sqlite database"


def test_without_sqlalchemy_the_command_that_installs_it_is_given(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sqlalchemy", None)
    with refused("sqlite:///x.db?table=t: needs sqlalchemy, which is not installed: pip install "):
        read_rows("sqlite:///x.db?table=t")
