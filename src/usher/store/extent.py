"""Which database holds everything, and how large it has grown."""

from dataclasses import dataclass

from sqlalchemy import text

from usher.store.database import Txn


@dataclass(frozen=True, slots=True)
class Extent:
    """The database's name and version, and the bytes of its file; what its log still holds comes on top."""

    database: str
    size_bytes: int


def extent_of(txn: Txn) -> Extent:
    """Return how large the database is: two figures of its head, however many rows it has."""
    row = txn.conn.execute(EXTENT).one()
    return Extent(f"SQLite {row.version}", int(row.size))


EXTENT = text(
    "SELECT sqlite_version() AS version, pages.page_count * sizes.page_size AS size"
    " FROM pragma_page_count() AS pages, pragma_page_size() AS sizes"
)
