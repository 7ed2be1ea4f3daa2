"""People who sign in, what happens minute by minute, and requests that a person sends for one member alone."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, String, Text

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _create_people()
    _create_sessions()
    _create_activity()
    _create_trials()


def _create_people() -> None:
    op.create_table(
        "people",
        Column("id", String(32), primary_key=True),
        Column("name", Text, nullable=False, unique=True),
        Column("role", String(16), nullable=False),
        Column("password_hash", Text, nullable=False, server_default=""),
        Column("created_ms", BigInteger, nullable=False),
        Column("created_by", Text, nullable=False, server_default=""),
        Column("last_seen_ms", BigInteger),
    )
    op.create_table(
        "one_time_links",
        Column("token_hash", String(64), primary_key=True),
        Column("person_id", String(32)),
        Column("created_ms", BigInteger, nullable=False),
        Column("expires_ms", BigInteger, nullable=False),
    )


def _create_sessions() -> None:
    op.create_table(
        "sessions",
        Column("id", String(32), primary_key=True),
        Column("token_hash", String(64), nullable=False, unique=True),
        Column("person_id", String(32), nullable=False),
        Column("created_ms", BigInteger, nullable=False),
        Column("expires_ms", BigInteger, nullable=False),
        Column("seen_ms", BigInteger, nullable=False),
        Column("browser", Text, nullable=False, server_default=""),
    )
    op.create_index("ix_sessions_person_id", "sessions", ["person_id"])
    op.create_table(
        "sign_in_failures",
        Column("who", String(64), primary_key=True),
        Column("failures", Integer, nullable=False),
        Column("last_ms", BigInteger, nullable=False),
    )


def _create_activity() -> None:
    op.create_table(
        "activity",
        Column("job", BigInteger, primary_key=True, autoincrement=False),
        Column("step", Integer, primary_key=True, autoincrement=False),
        Column("at", BigInteger, primary_key=True, autoincrement=False),
        Column("name", String(24), primary_key=True),
        Column("value", BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


def _create_trials() -> None:
    op.create_table(
        "trials",
        Column("place", Text, primary_key=True),
        Column("until_ms", BigInteger, nullable=False),
    )
