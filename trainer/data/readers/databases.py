"""Reading of tables and queries of SQL databases with SQLAlchemy, without writing to them."""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from datasets import Dataset

from trainer.data.readers.arrow_columns import rows_of_objects
from trainer.errors import InputError, did_you_mean, join_truncated
from trainer.extras import import_extra

_URL = re.compile(r"[A-Za-z][\w+]*://")
_STORES = re.compile(r"(https?|ftp|s3|gs|hf|abfs|file)://")
_QUERY = re.compile(r"[?&]query=")
_TABLE = re.compile(r"[?&]table=([^&]*)")
# A password as SQLAlchemy finds it, or as a parameter of a driver.
_PASSWORD = re.compile(
    r"(?<=://)(?P<user>[^:/]*:)(?P<password>[^@]*)(?=@)"
    r"|(?P<name>[?&](?:password|passwd|pwd|sslpassword)=)(?P<value>[^&]*)"
)
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_EXAMPLE = "sqlite:///reviews.db?table=reviews or ...?query=SELECT text, label FROM reviews"
_ROWS_AT_ONCE = 1 << 12
_LOCK_TIMEOUT = 5.0  # seconds
_PLAIN = (str, int, float, bool, bytes, list, dict, type(None))


def is_database(location: str) -> bool:
    """Return whether a location is a URL."""
    return _URL.match(location) is not None


def describe_database(location: str) -> str:
    """Return a database's kind and its table, without host, user and query, for a model card."""
    kind = re.split(r"[+:]", location)[0]
    table = _TABLE.search(_split_query(location)[0])
    return f"a query of a {kind} database" if table is None else f"{table[1]} of a {kind} database"


def masked_url(location: str) -> str:
    """Return a location without its passwords; names of environment variables are kept."""
    base, query = _split_query(location)
    masked = _PASSWORD.sub(
        lambda m: (
            (m["user"] or m["name"] or "")
            + (_secret(m) if _VARIABLE.fullmatch(_secret(m)) else "***")
        ),
        base,
    )
    return masked + location[len(base) :] if query is not None else masked


def check_no_password(option: str, location: str) -> None:
    """Check that a URL holds no password, which would be written to configurations and logs.

    Raises:
        InputError: naming the option, with the password masked.
    """
    if is_database(location) and masked_url(location) != location:
        raise InputError(
            f"{option} = '{masked_url(location)}': holds a password, which would be written to the "
            "run's configuration; name an environment variable instead, such as ${DB_PASSWORD}"
        )


def read_database(location: str) -> Dataset:
    """Return the rows of a database's table or query; a table's are sorted by its primary key.

    Texts, numbers and truth values keep their type; dates and decimals become text.

    Args:
        location: SQLAlchemy's URL with `?table=NAME`, `?table=SCHEMA.NAME` or, at its end,
            `?query=SELECT ...`, unquoted. `${NAME}` is the value of an environment variable.

    Raises:
        InputError: without SQLAlchemy or the database's driver, for an unreachable database, an
            unknown table, or a query that is wrong, writes, or returns no rows.
    """
    with _objects(location) as objects:
        rows = rows_of_objects(objects)
    if len(rows) == 0:
        raise InputError(f"{masked_url(location)}: there are no rows")
    return rows


def database_blocks(location: str, start: int, size: int) -> Iterator[Dataset]:
    """Yield blocks of the rows that `read_database` returns, without holding others.

    Args:
        location: as for `read_database`.
        start: the first row, counted from 0.
        size: rows of a block.

    Raises:
        InputError: as `read_database`, but for no rows.
    """
    with _objects(location) as objects:
        objects = islice(objects, start, None)
        while block := list(islice(objects, size)):
            yield rows_of_objects(block)


@contextmanager
def _objects(location: str) -> Iterator[Iterator[dict[str, Any]]]:
    """Open a table or query, whose rows are read from the database one after the other."""
    shown = masked_url(location)
    if _STORES.match(location):
        raise InputError(f"{shown}: expected a file or a database ({_EXAMPLE}); download it first")
    alchemy = import_extra("sqlalchemy", "sql", shown)
    base, query = _split_query(location)
    base = _VARIABLE.sub(lambda match: _variable(shown, match[1]), base)
    try:
        url = alchemy.make_url(base)
        table = url.query.get("table")
        if (table is None) == (query is None):
            raise InputError(f"{shown}: name either a table or a query, as in {_EXAMPLE}")
        with _connection(alchemy, url.difference_update_query(["table"]), shown) as connection:
            statement = query if table is None else _select(alchemy, connection, table, shown)
            yield _rows(connection, statement, shown)
    except (alchemy.exc.SQLAlchemyError, ModuleNotFoundError, sqlite3.Error) as error:
        raise InputError(f"{shown}: cannot be read: {_reason(error, base)}") from error


def _reason(error: Exception, url: str) -> str:
    """Return the first line of an error's message, without the passwords of a URL."""
    reason = (str(getattr(error, "orig", None) or error).strip() or repr(error)).splitlines()[0]
    for match in _PASSWORD.finditer(url):
        for secret in (_secret(match), unquote(_secret(match))):
            reason = reason.replace(secret, "***") if secret else reason
    if isinstance(error, ModuleNotFoundError):
        reason += f"; install the database's driver, e.g. with pip install {error.name}"
    return reason


def _split_query(location: str) -> tuple[str, str | None]:
    found = _QUERY.search(location)
    return (
        (location, None) if found is None else (location[: found.start()], location[found.end() :])
    )


def _secret(match: re.Match) -> str:
    return match["password"] if match["name"] is None else match["value"]


def _variable(shown: str, name: str) -> str:
    if name not in os.environ:
        raise InputError(f"{shown}: the environment variable {name} is not set")
    return quote(os.environ[name], safe="")


@contextmanager
def _connection(alchemy: Any, url: Any, shown: str) -> Iterator[Any]:
    """Open a database, read only if it is SQLite or PostgreSQL; nothing is committed elsewhere."""
    options: dict[str, Any] = {}
    if url.get_backend_name() == "sqlite":
        path = Path(url.database or "").expanduser()
        if not path.is_file():
            raise InputError(f"{shown}: there is no file '{path}'")
        address = f"file:{quote(str(path.absolute()))}?mode=ro"
        options["creator"] = lambda: sqlite3.connect(address, uri=True, timeout=_LOCK_TIMEOUT)
    engine = alchemy.create_engine(url, **options)
    try:
        with engine.connect() as connection:
            if url.get_backend_name() == "postgresql":
                connection = connection.execution_options(postgresql_readonly=True)
            yield connection
    finally:
        engine.dispose()


def _select(alchemy: Any, connection: Any, name: str, shown: str) -> Any:
    """Return the statement that reads a table in the order of its primary key."""
    inspector = alchemy.inspect(connection)
    schema, _, table = name.rpartition(".")
    tables = [
        *inspector.get_table_names(schema=schema or None),
        *inspector.get_view_names(schema=schema or None),
    ]
    if table not in tables:
        raise InputError(
            f"{shown}: there is no table '{name}' (found: {join_truncated(sorted(tables))})."
            f"{did_you_mean(table, tables)}"
        )
    keys = inspector.get_pk_constraint(table, schema=schema or None)["constrained_columns"]
    columns = [alchemy.column(key) for key in keys]
    source = alchemy.table(table, schema=schema or None)
    return alchemy.select(alchemy.literal_column("*")).select_from(source).order_by(*columns)


def _rows(connection: Any, statement: Any, shown: str) -> Iterator[dict[str, Any]]:
    options = {"stream_results": True, "max_row_buffer": _ROWS_AT_ONCE}
    if isinstance(statement, str):
        # A percent sign in it is no parameter.
        result = connection.execution_options(**options, no_parameters=True).exec_driver_sql(
            statement
        )
    else:
        result = connection.execute(statement, execution_options=options)
    if not result.returns_rows:
        raise InputError(f"{shown}: the query returns no rows; expected a SELECT")
    names = list(result.keys())
    if len(set(names)) != len(names):
        raise InputError(
            f"{shown}: the query returns two columns of one name ({join_truncated(names)}); rename "
            "one with AS"
        )
    for row in result:
        yield dict(zip(names, map(_plain, row), strict=True))


def _plain(value: Any) -> Any:
    if isinstance(value, memoryview):
        return bytes(value)
    return value if isinstance(value, _PLAIN) else str(value)
