"""Tables of a real PostgreSQL server, with a password and without writing to it."""

import getpass
import re
import shutil
import socket
import subprocess
import tempfile
import time
from decimal import Decimal
from pathlib import Path

import pytest

from trainer.data import read_rows
from trainer.errors import InputError

PLACES = [Path(shutil.which("initdb") or "").parent, *Path("/usr/lib/postgresql").glob("*/bin")]
BINARIES = [place for place in PLACES if (place / "postgres").is_file()]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not BINARIES, reason="no PostgreSQL server is installed"),
]
PASSWORD = "a/b@c d"


@pytest.fixture(scope="module")
def port():
    psycopg = pytest.importorskip("psycopg")
    pytest.importorskip("sqlalchemy")
    folder = Path(tempfile.mkdtemp())
    (folder / "password").write_text(PASSWORD)
    owner = None
    if getpass.getuser() == "root":  # as which the server refuses to run
        owner = "postgres"
        for path in (folder, folder / "password"):
            shutil.chown(path, owner)
    made = [BINARIES[-1] / "initdb", "-D", folder / "db", "-U", "me", "-A", "scram-sha-256"]
    subprocess.run(
        [*made, f"--pwfile={folder / 'password'}"],
        check=True,
        user=owner,
        cwd=folder,
        capture_output=True,
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["-D", folder / "db", "-k", folder, "-h", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen([BINARIES[-1] / "postgres", *options], user=owner, cwd=folder)
    try:
        fill(psycopg, port)
        yield port
    finally:
        server.terminate()
        server.wait(60)
        shutil.rmtree(folder)


def connect(psycopg, port):
    for _ in range(100):
        try:
            return psycopg.connect(
                host="127.0.0.1", port=port, user="me", password=PASSWORD, dbname="postgres"
            )
        except psycopg.OperationalError:
            time.sleep(0.2)
    raise TimeoutError("the server did not start")


def fill(psycopg, port):
    with connect(psycopg, port) as connection:
        connection.execute("CREATE SCHEMA shop")
        connection.execute("CREATE SEQUENCE shop.counter")
        connection.execute(
            "CREATE TABLE shop.reviews (id int PRIMARY KEY, text text, stars numeric(2, 1), "
            "good bool, day date, tags text[])"
        )
        connection.execute(
            "INSERT INTO shop.reviews VALUES (2, '100% good', 4.5, true, '2024-01-02', '{a,b}'), "
            "(1, 'bad', NULL, false, NULL, NULL)"
        )


@pytest.fixture
def url(port, monkeypatch):
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    return f"postgresql+psycopg://me:${{SHOP_PASSWORD}}@127.0.0.1:{port}/postgres"


def test_a_table_and_a_query_are_read(url):
    rows = read_rows(f"{url}?table=shop.reviews")
    assert rows.to_dict() == {
        "id": [1, 2],
        "text": ["bad", "100% good"],
        "stars": [None, "4.5"],
        "good": [False, True],
        "day": [None, "2024-01-02"],
        "tags": [None, ["a", "b"]],
    }
    assert Decimal(rows["stars"][1]) == Decimal("4.5")
    rows = read_rows(f"{url}?query=SELECT text FROM shop.reviews WHERE text LIKE '%% good'")
    assert rows["text"][:] == ["100% good"]


@pytest.mark.parametrize(
    "rest, message",
    [
        ("?table=shop.review", "there is no table 'shop.review' (found: reviews). Did you mean"),
        ("?query=DELETE FROM shop.reviews RETURNING *", "syntax error at or near"),
        ("?query=DROP TABLE shop.reviews", "syntax error at or near"),
        ("?query=SELECT nextval('shop.counter')", "in a read-only transaction"),
        ("?query=SELECT nothing FROM shop.reviews", 'column "nothing" does not exist'),
    ],
)
def test_a_wrong_query_is_refused_and_nothing_is_written(url, rest, message):
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read_rows(url + rest)
    assert "\n" not in str(caught.value)
    assert len(read_rows(f"{url}?table=shop.reviews")) == 2


def test_a_wrong_password_is_in_no_message(url, monkeypatch):
    monkeypatch.setenv("SHOP_PASSWORD", "n0t-it")
    with pytest.raises(InputError, match="password authentication failed") as caught:
        read_rows(f"{url}?table=shop.reviews")
    assert "n0t-it" not in str(caught.value)
