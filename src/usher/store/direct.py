"""
The statements of every trigger and every send, without what SQLAlchemy adds to each on SQLite.

There, a statement of a few microseconds costs ten times as much by way of SQLAlchemy (docs/decisions/0019). On
PostgreSQL the way to the server costs more than that, so nothing is taken by it.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, TextClause
from sqlalchemy.exc import DBAPIError

Parameters = Mapping[str, Any]


def run(conn: Connection, statement: TextClause, parameters: Parameters) -> Sequence[Any]:
    """
    Run one statement and return its rows, each in the order in which the statement names them.

    Raises:
        DBAPIError: as *conn* itself would.
    """
    if conn.dialect.name != "sqlite":
        found = conn.execute(statement, parameters)
        return found.all() if found.returns_rows else ()
    try:
        return _cursor(conn).execute(statement.text, parameters).fetchall()
    except sqlite3.Error as error:
        raise _as_sqlalchemys(error, statement) from error


def run_for_each(conn: Connection, statement: TextClause, rows: Sequence[Parameters]) -> None:
    """Run one statement that returns nothing with each of *rows*. Raises as *run*."""
    if not rows:
        return
    if conn.dialect.name != "sqlite":
        conn.execute(statement, rows)
        return
    try:
        _cursor(conn).executemany(statement.text, rows)
    except sqlite3.Error as error:
        raise _as_sqlalchemys(error, statement) from error


def _cursor(conn: Connection) -> sqlite3.Cursor:
    dbapi: sqlite3.Connection = conn.connection.dbapi_connection  # type: ignore[assignment] # it is SQLite's
    return dbapi.cursor()


def _as_sqlalchemys(error: sqlite3.Error, statement: TextClause) -> Exception:
    """Parameters hold members, and what fails is logged: they stay out of it."""
    return DBAPIError.instance(statement.text, None, error, sqlite3.Error, hide_parameters=True)
