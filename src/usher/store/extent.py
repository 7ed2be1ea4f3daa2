"""Which database holds everything, and how large it has grown."""

from dataclasses import dataclass

from sqlalchemy import text

from usher.store.database import Txn


@dataclass(frozen=True, slots=True)
class Extent:
    """
    The database's name and version, and its bytes on disk.

    What SQLite's log still holds comes on top; PostgreSQL's is the whole server's and is not counted.
    """

    database: str
    size_bytes: int


def extent_of(txn: Txn) -> Extent:
    """Return how large the database is: a few figures that it keeps anyway, however many rows it has."""
    name, statement = EXTENTS[txn.conn.dialect.name]
    row = txn.conn.execute(statement).one()
    return Extent(f"{name} {row.version}", int(row.size))


EXTENTS = {
    "sqlite": (
        "SQLite",
        text(
            "SELECT sqlite_version() AS version, pages.page_count * sizes.page_size AS size"
            " FROM pragma_page_count() AS pages, pragma_page_size() AS sizes"
        ),
    ),
    "postgresql": (
        "PostgreSQL",
        text("SELECT current_setting('server_version') AS version, pg_database_size(current_database()) AS size"),
    ),
}
