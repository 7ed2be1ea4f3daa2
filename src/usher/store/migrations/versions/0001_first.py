"""The first shape: who may speak to whom, jobs, the ledger, scans, and what is written down."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, SmallInteger, String, Text, text

revision = "0001"
down_revision = None

Id = BigInteger().with_variant(Integer, "sqlite")
Member = Text().with_variant(Text(collation="C"), "postgresql")


def upgrade() -> None:
    _create_authorizations()
    _create_tokens()
    _create_jobs()
    _create_ledger()
    _create_scans()
    _create_counters()
    _create_history()
    _create_logs()


def _create_authorizations() -> None:
    op.create_table(
        "authorizations",
        Column("key", Id, primary_key=True, autoincrement=True),
        Column("id", String(32), nullable=False, unique=True),
        Column("provider", String(16), nullable=False),
        Column("type", String(32), nullable=False),
        Column("label", Text, nullable=False),
        Column("description", Text, nullable=False, server_default=""),
        Column("config", Text, nullable=False),
        Column("secrets", Text, nullable=False),
        Column("status", String(16), nullable=False, server_default="unknown"),
        Column("status_note", Text, nullable=False, server_default=""),
        Column("tested_ms", BigInteger),
        Column("created_ms", BigInteger, nullable=False),
        Column("updated_ms", BigInteger, nullable=False),
        Column("created_by", Text, nullable=False, server_default=""),
        Column("revision", Integer, nullable=False, server_default="1"),
    )


def _create_tokens() -> None:
    op.create_table(
        "trigger_tokens",
        Column("id", String(32), primary_key=True),
        Column("auth_id", String(32), nullable=False),
        Column("token_hash", String(64), nullable=False),
        Column("token_sealed", Text, nullable=False),
        Column("created_ms", BigInteger, nullable=False),
        Column("expires_ms", BigInteger),
    )
    op.create_index("ix_trigger_tokens_auth_id", "trigger_tokens", ["auth_id"])
    op.create_table(
        "api_tokens",
        Column("id", String(32), primary_key=True),
        Column("name", Text, nullable=False, unique=True),
        Column("role", String(16), nullable=False),
        Column("token_hash", String(64), nullable=False, unique=True),
        Column("created_ms", BigInteger, nullable=False),
        Column("expires_ms", BigInteger),
        Column("last_used_ms", BigInteger),
    )


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        Column("key", Id, primary_key=True, autoincrement=True),
        Column("id", String(32), nullable=False, unique=True),
        Column("name", Text, nullable=False),
        Column("description", Text, nullable=False, server_default=""),
        Column("mapp_auth", String(32), nullable=False),
        Column("lytics_auth", String(32), nullable=False),
        Column("config", Text, nullable=False),
        Column("audience_slug", Text, nullable=False),
        Column("audience_name", Text, nullable=False),
        Column("status", String(16), nullable=False),
        Column("cause", String(32), nullable=False, server_default=""),
        Column("reason", Text, nullable=False, server_default=""),
        Column("sleep_until_ms", BigInteger),
        Column("is_baselined", Boolean, nullable=False, server_default=text("false")),
        Column("scan_wanted", String(16), nullable=False, server_default=""),
        Column("next_reconcile_ms", BigInteger),
        Column("exits_held", Boolean, nullable=False, server_default=text("false")),
        Column("webhook", Text, nullable=False, server_default="{}"),
        Column("first_trigger_ms", BigInteger),
        Column("last_trigger_ms", BigInteger),
        Column("created_ms", BigInteger, nullable=False),
        Column("updated_ms", BigInteger, nullable=False),
        Column("created_by", Text, nullable=False, server_default=""),
    )


def _create_ledger() -> None:
    op.create_table(
        "ledger",
        Column("job", BigInteger, primary_key=True, autoincrement=False),
        Column("member", Member, primary_key=True),
        Column("is_in", SmallInteger, nullable=False),
        Column("version", BigInteger, nullable=False),
        Column("seq", Integer, nullable=False, server_default="1"),
        Column("due_at", BigInteger),
        Column("lane", SmallInteger, nullable=False, server_default="0"),
        Column("attempts", SmallInteger, nullable=False, server_default="0"),
        Column("accepted", SmallInteger),
        Column("accepted_at", BigInteger),
        Column("aside", Text),
        Column("aside_at", BigInteger),
        Column("was", SmallInteger, nullable=False, server_default="0"),
        sqlite_with_rowid=False,
    )
    is_due = text("due_at IS NOT NULL")
    _create_partial_index("ledger_due", ["job", "lane", "due_at"], where=is_due)
    is_aside = text("aside IS NOT NULL")
    _create_partial_index("ledger_aside", ["job", "aside_at"], where=is_aside)
    is_accepted = text("accepted_at IS NOT NULL AND due_at IS NULL AND aside IS NULL")
    _create_partial_index("ledger_accepted", ["job", "accepted_at"], where=is_accepted)


def _create_partial_index(name: str, columns: list[str], *, where: object) -> None:
    op.create_index(name, "ledger", columns, sqlite_where=where, postgresql_where=where)


def _create_scans() -> None:
    op.create_table(
        "scans",
        Column("id", Id, primary_key=True, autoincrement=True),
        Column("job", BigInteger, nullable=False),
        Column("kind", String(16), nullable=False),
        Column("state", String(16), nullable=False),
        Column("reason", Text, nullable=False, server_default=""),
        Column("cursor", Text, nullable=False, server_default=""),
        Column("definition", String(64), nullable=False, server_default=""),
        Column("seen", BigInteger, nullable=False, server_default="0"),
        Column("profiles", BigInteger, nullable=False, server_default="0"),
        Column("without_identifier", BigInteger, nullable=False, server_default="0"),
        Column("expected", BigInteger),
        Column("pages", Integer, nullable=False, server_default="0"),
        Column("leaving", BigInteger, nullable=False, server_default="0"),
        Column("started_ms", BigInteger, nullable=False),
        Column("finished_ms", BigInteger),
    )
    op.create_index("scans_by_job", "scans", ["job", "id"])
    op.create_table(
        "sweeps",
        Column("id", Id, primary_key=True, autoincrement=True),
        Column("job", BigInteger, nullable=False),
        Column("kind", String(16), nullable=False),
        Column("version", BigInteger, nullable=False, server_default="0"),
        Column("cursor", Text, nullable=False, server_default=""),
        Column("done", BigInteger, nullable=False, server_default="0"),
        Column("created_ms", BigInteger, nullable=False),
    )


def _create_counters() -> None:
    op.create_table(
        "counters",
        Column("job", BigInteger, primary_key=True, autoincrement=False),
        Column("name", String(64), primary_key=True),
        Column("value", BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "exit_minutes",
        Column("job", BigInteger, primary_key=True, autoincrement=False),
        Column("minute", BigInteger, primary_key=True),
        Column("exits", BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


def _create_history() -> None:
    op.create_table(
        "history",
        Column("id", Id, primary_key=True, autoincrement=True),
        Column("job", BigInteger, nullable=False),
        Column("member", Member, nullable=False),
        Column("at_ms", BigInteger, nullable=False),
        Column("kind", String(32), nullable=False),
        Column("is_in", SmallInteger),
        Column("version", BigInteger),
        Column("note", Text, nullable=False, server_default=""),
    )
    op.create_index("history_by_member", "history", ["job", "member", "id"])
    op.create_table(
        "unreadable",
        Column("id", Id, primary_key=True, autoincrement=True),
        Column("auth_id", String(32), nullable=False),
        Column("job", BigInteger),
        Column("at_ms", BigInteger, nullable=False),
        Column("reason", Text, nullable=False),
        Column("body_sealed", LargeBinary, nullable=False),
        Column("body_bytes", BigInteger, nullable=False),
    )


def _create_logs() -> None:
    op.create_table(
        "job_logs",
        Column("id", Id, primary_key=True, autoincrement=True),
        Column("job", BigInteger, nullable=False),
        Column("at_ms", BigInteger, nullable=False),
        Column("level", String(8), nullable=False),
        Column("code", String(32), nullable=False, server_default=""),
        Column("message", Text, nullable=False),
        Column("context", Text, nullable=False, server_default="{}"),
    )
    op.create_index("job_logs_by_job", "job_logs", ["job", "id"])
    op.create_table(
        "audit",
        Column("id", Id, primary_key=True, autoincrement=True),
        Column("at_ms", BigInteger, nullable=False),
        Column("actor", Text, nullable=False),
        Column("action", Text, nullable=False),
        Column("object", Text, nullable=False),
        Column("note", Text, nullable=False, server_default=""),
    )
