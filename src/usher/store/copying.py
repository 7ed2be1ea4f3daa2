"""
All rows of one database into another, SQLite or PostgreSQL, in pieces that fit in memory.

Both have the same shape when it begins. The caller opens the transactions: the source's sees one moment, and the
target's keeps everything or nothing. Which tables there are is asked of the databases, so that none is forgotten.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from sqlalchemy import ColumnElement, Connection, Select, String, column, inspect, select, table, text
from sqlalchemy.types import LargeBinary

from usher.errors import Conflict

PIECE_ROWS = 5_000
PIECE_BODIES = 50  # of rows that hold whole messages
TRANSIENT = frozenset({"workers", "leases"})  # who works on a database at this moment: on its copy, nobody does
SHAPE = "alembic_version"  # written by the migrations
MOMENTS = {"ledger": "due_at", "trials": "until_ms"}  # before which nobody may send, by the ledger's clock
MENDED = "\N{REPLACEMENT CHARACTER}"  # in place of NUL, which PostgreSQL keeps in no text
COLUMN = re.compile(r"COPY \w+, line \d+, column (\w+):")
Progress = Callable[[int, int], None]  # pages or rows copied, of how many
Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Copied:
    """How many rows came over, by table, and in how many of them a text was mended."""

    rows: dict[str, int] = field(default_factory=dict)
    mended: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    texts: tuple[str, ...]
    piece: int


def copy_all(
    source: Connection, target: Connection, *, later_ms: int = 0, on_progress: Progress | None = None
) -> Copied:
    """
    Copy every row of *source* into the empty tables of *target*.

    Args:
        later_ms: how far the target's clock is ahead of the source's; no moment to wait for comes earlier for it.
        on_progress: called after each piece of at most PIECE_ROWS; the total is an estimate until the last call.

    Returns:
        What came over. A NUL in a text becomes U+FFFD on PostgreSQL.

    Raises:
        Conflict: the two differ in shape, or a row arrived that was not sent. Undo the target's transaction.
    """
    tables = _tables_of(target)
    if _shapes(_tables_of(source)) != _shapes(tables):
        raise Conflict("The two databases do not have the same tables. Run `usher db upgrade`, then try again.")
    copied, total = Copied(), sum(_estimate(source, one) for one in tables)
    for one in tables:
        before = sum(copied.rows.values())

        def note(done: int, before: int = before) -> None:
            if on_progress is not None:
                on_progress(before + done, max(total, before + done))

        copied.rows[one.name] = _copy_table(source, target, one, copied.mended, later_ms=later_ms, note=note)
    _number_on(target, tables)
    if on_progress is not None:
        done = sum(copied.rows.values())
        on_progress(done, done)
    return copied


def empty_all(conn: Connection) -> None:
    """Remove every row of PostgreSQL's tables; others wait for the end of the transaction."""
    names = ", ".join(_quoted(conn, name) for name in inspect(conn).get_table_names() if name != SHAPE)
    conn.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))


def holds_rows(conn: Connection) -> bool:
    """Return whether there is anything that would be copied."""
    names = [_quoted(conn, one.name) for one in _tables_of(conn)]
    return any(conn.execute(text(f"SELECT 1 FROM {name} LIMIT 1")).first() is not None for name in names)


def _tables_of(conn: Connection) -> list[_Table]:
    found = inspect(conn)
    columns, keys = found.get_multi_columns(), found.get_multi_pk_constraint()
    return [
        _Table(
            name=name,
            columns=tuple(sorted(one["name"] for one in columns[schema, name])),
            key=tuple(keys[schema, name]["constrained_columns"]),
            texts=tuple(sorted(one["name"] for one in columns[schema, name] if isinstance(one["type"], String))),
            piece=PIECE_BODIES
            if any(isinstance(one["type"], LargeBinary) for one in columns[schema, name])
            else PIECE_ROWS,
        )
        for schema, name in sorted(columns, key=lambda place: place[1])
        if name not in TRANSIENT | {SHAPE}
    ]


def _shapes(tables: list[_Table]) -> dict[str, tuple[str, ...]]:
    return {one.name: one.columns for one in tables}


def _estimate(conn: Connection, one: _Table) -> int:
    """Say how many rows there are about; counting the two largest tables would read all of them once more."""
    asked = {
        "ledger": "SELECT SUM(value) FROM counters WHERE name = 'members.total'",
        "history": "SELECT MAX(id) - MIN(id) + 1 FROM history",
    }.get(one.name, f"SELECT COUNT(*) FROM {_quoted(conn, one.name)}")
    return int(conn.execute(text(asked)).scalar() or 0)


def _copy_table(
    source: Connection,
    target: Connection,
    one: _Table,
    mended: dict[str, int],
    *,
    later_ms: int,
    note: Callable[[int], None],
) -> int:
    pieces = _pieces(source, one, later_ms=later_ms)
    if target.dialect.name == "postgresql" and (spoilt := _rows_with_nul(source, one)):
        mended[one.name] = spoilt
        pieces = ([_mend(row) for row in piece] for piece in pieces)
    write = _write_postgres if target.dialect.name == "postgresql" else _write_sqlite
    sent = write(target, one, pieces, note)
    arrived = target.execute(text(f"SELECT COUNT(*) FROM {_quoted(target, one.name)}")).scalar_one()
    if arrived != sent:
        raise Conflict(f"Of the {sent:,} rows of {one.name}, {arrived:,} arrived. Nothing was changed; try again.")
    return sent


def _pieces(source: Connection, one: _Table, *, later_ms: int) -> Iterator[Sequence[Row]]:
    result = source.execute(_all_rows(one, later_ms=later_ms), execution_options={"yield_per": one.piece})
    with result:
        yield from result.partitions()


def _all_rows(one: _Table, *, later_ms: int) -> Select[Any]:
    columns: list[ColumnElement[Any]] = [
        (column(name) + later_ms).label(name) if later_ms and MOMENTS.get(one.name) == name else column(name)
        for name in one.columns
    ]
    return select(*columns).select_from(table(one.name)).order_by(*(column(name) for name in one.key))


def _rows_with_nul(source: Connection, one: _Table) -> int:
    """
    Count the rows that hold a NUL in a text; PostgreSQL itself has none.

    Raises:
        Conflict: one of them is part of a key, so that mending it could make two rows one.
    """
    if source.dialect.name != "sqlite" or not one.texts:
        return 0
    keys = [_has_nul(source, name) for name in one.texts if name in one.key]
    texts = [_has_nul(source, name) for name in one.texts]
    asked = f"SELECT SUM({' OR '.join(keys or ['0'])}), SUM({' OR '.join(texts)}) FROM {_quoted(source, one.name)}"
    in_keys, found = source.execute(text(asked)).one()
    if in_keys:
        raise Conflict(
            f"{in_keys:,} rows of {one.name} hold the character NUL in their key, which PostgreSQL does not keep."
            " Nothing was changed; remove them first."
        )
    return found or 0


def _has_nul(conn: Connection, name: str) -> str:
    return f"COALESCE(instr(CAST({_quoted(conn, name)} AS BLOB), x'00'), 0) > 0"


def _mend(row: Row) -> Row:
    return [value.replace("\0", MENDED) if isinstance(value, str) else value for value in row]


def _write_postgres(
    target: Connection, one: _Table, pieces: Iterator[Sequence[Row]], note: Callable[[int], None]
) -> int:
    sent = 0
    names = ", ".join(_quoted(target, name) for name in one.columns)
    cursor: Any = target.connection.cursor()
    try:
        with cursor.copy(f"COPY {_quoted(target, one.name)} ({names}) FROM STDIN") as copy:
            for piece in pieces:
                for row in piece:
                    copy.write_row(row)
                sent += len(piece)
                note(sent)
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        raise _refused(error, one) from None  # what it says of a row may name a member
    return sent


def _refused(error: psycopg.Error, one: _Table) -> Conflict:
    at = COLUMN.match(error.diag.context or "")
    where = f"the column {at[1]} of {one.name}" if at else one.name
    return Conflict(
        f"PostgreSQL does not take what a row holds in {where} ({type(error).__name__}). Nothing was changed;"
        " mend that row, then try again."
    )


def _write_sqlite(target: Connection, one: _Table, pieces: Iterator[Sequence[Row]], note: Callable[[int], None]) -> int:
    sent = 0
    names = ", ".join(_quoted(target, name) for name in one.columns)
    places = ", ".join("?" for _ in one.columns)
    for piece in pieces:
        rows = [tuple(row) for row in piece]
        target.exec_driver_sql(f"INSERT INTO {_quoted(target, one.name)} ({names}) VALUES ({places})", rows)
        sent += len(rows)
        note(sent)
    return sent


def _number_on(target: Connection, tables: list[_Table]) -> None:
    """Let PostgreSQL number new rows after the copied ones; a sequence that was altered is undone with the rest."""
    if target.dialect.name != "postgresql":
        return
    for one in tables:
        name, key = _quoted(target, one.name), one.key[0]
        asked = text("SELECT pg_get_serial_sequence(:name, :key)").bindparams(name=name, key=key)
        if len(one.key) == 1 and (sequence := target.execute(asked).scalar()) is not None:
            last = target.execute(text(f"SELECT MAX({_quoted(target, key)}) FROM {name}")).scalar() or 0
            if last > 0:
                target.execute(text(f"ALTER SEQUENCE {sequence} RESTART WITH {last}"))
                target.execute(text("SELECT nextval(:sequence)"), {"sequence": sequence})
        target.execute(text(f"ANALYZE {name}"))


def _quoted(conn: Connection, name: str) -> str:
    return conn.dialect.identifier_preparer.quote(name)
