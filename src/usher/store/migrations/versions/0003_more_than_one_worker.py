"""Workers that share a ledger, who was erased, and facts about the database itself."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, String, Text

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "workers",
        Column("id", String(32), primary_key=True),
        Column("kind", String(16), nullable=False),
        Column("host", Text, nullable=False),
        Column("pid", Integer, nullable=False),
        Column("started_ms", BigInteger, nullable=False),
        Column("seen_ms", BigInteger, nullable=False),
        Column("knows", Text, nullable=False, server_default="[]"),
        Column("standing", Text, nullable=False, server_default="{}"),
    )
    op.create_table(
        "leases",
        Column("name", String(64), primary_key=True),
        Column("holder", String(32), nullable=False),
    )
    op.create_table(
        "erased",
        Column("member_hash", String(64), primary_key=True),
        Column("at_ms", BigInteger, nullable=False),
        Column("receipt", String(32), nullable=False),
    )
    op.create_table(
        "facts",
        Column("name", String(32), primary_key=True),
        Column("value", Text, nullable=False),
    )
