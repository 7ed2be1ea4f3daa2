"""Where alerts go, which conditions hold, and what is yet to be sent."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Integer, String, Text

revision = "0005"
down_revision = "0004"

Id = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "alert_channels",
        Column("key", Id, primary_key=True, autoincrement=True),
        Column("id", String(32), nullable=False, unique=True),
        Column("name", Text, nullable=False, unique=True),
        Column("type", String(16), nullable=False),
        Column("level", String(16), nullable=False),
        Column("config", Text, nullable=False),
        Column("secrets", Text, nullable=False),
        Column("created_ms", BigInteger, nullable=False),
        Column("updated_ms", BigInteger, nullable=False),
        Column("created_by", Text, nullable=False, server_default=""),
        Column("last_ms", BigInteger),
        Column("last_is_ok", Boolean),
        Column("last_note", Text, nullable=False, server_default=""),
        Column("attempts", Integer, nullable=False, server_default="0"),
        Column("due_ms", BigInteger, nullable=False, server_default="0"),
    )
    op.create_table(
        "alerts",
        Column("id", Id, primary_key=True, autoincrement=True),
        Column("slot", Text, unique=True),
        Column("kind", String(24), nullable=False),
        Column("subject", Text, nullable=False),
        Column("level", String(16), nullable=False),
        Column("title", Text, nullable=False),
        Column("text", Text, nullable=False),
        Column("path", Text, nullable=False),
        Column("began_ms", BigInteger, nullable=False),
        Column("told_ms", BigInteger),
        Column("gone_ms", BigInteger),
        Column("ended_ms", BigInteger),
    )
    op.create_table(
        "alert_messages",
        Column("key", Id, primary_key=True, autoincrement=True),
        Column("id", String(40), nullable=False),
        Column("channel", String(32), nullable=False),
        Column("alert", BigInteger, nullable=False),
        Column("body", Text, nullable=False),
        Column("state", String(16), nullable=False, server_default="waiting"),
        Column("created_ms", BigInteger, nullable=False),
        Column("done_ms", BigInteger),
    )
    op.create_index("alert_messages_waiting", "alert_messages", ["channel", "state", "key"])
