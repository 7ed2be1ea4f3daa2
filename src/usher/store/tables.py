"""
What is kept, as tables that SQLite and PostgreSQL both have.

Times are milliseconds since 1970; versions are nanoseconds. Migrations build these tables; a test holds the two equal.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData()
Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only for INTEGER
Member = Text().with_variant(Text(collation="C"), "postgresql")  # compared by bytes, as SQLite does

authorizations = Table(
    "authorizations",
    metadata,
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

trigger_tokens = Table(
    "trigger_tokens",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("auth_id", String(32), nullable=False, index=True),
    Column("token_hash", String(64), nullable=False),
    Column("token_sealed", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger),
    Column("last_used_ms", BigInteger),
)

jobs = Table(
    "jobs",
    metadata,
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

ledger = Table(
    "ledger",
    metadata,
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
Index("ledger_due", ledger.c.job, ledger.c.lane, ledger.c.due_at, sqlite_where=ledger.c.due_at.is_not(None),
      postgresql_where=ledger.c.due_at.is_not(None))  # fmt: skip
Index("ledger_aside", ledger.c.job, ledger.c.aside_at, sqlite_where=ledger.c.aside.is_not(None),
      postgresql_where=ledger.c.aside.is_not(None))  # fmt: skip
Index("ledger_accepted", ledger.c.job, ledger.c.accepted_at,
      sqlite_where=text("accepted_at IS NOT NULL AND due_at IS NULL AND aside IS NULL"),
      postgresql_where=text("accepted_at IS NOT NULL AND due_at IS NULL AND aside IS NULL"))  # fmt: skip

scans = Table(
    "scans",
    metadata,
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
Index("scans_by_job", scans.c.job, scans.c.id)

sweeps = Table(
    "sweeps",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("job", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("version", BigInteger, nullable=False, server_default="0"),
    Column("cursor", Text, nullable=False, server_default=""),
    Column("done", BigInteger, nullable=False, server_default="0"),
    Column("created_ms", BigInteger, nullable=False),
)

counters = Table(
    "counters",
    metadata,
    Column("job", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String(64), primary_key=True),
    Column("value", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

exit_minutes = Table(
    "exit_minutes",
    metadata,
    Column("job", BigInteger, primary_key=True, autoincrement=False),
    Column("minute", BigInteger, primary_key=True),
    Column("exits", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

history = Table(
    "history",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("job", BigInteger, nullable=False),
    Column("member", Member, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("is_in", SmallInteger),
    Column("version", BigInteger),
    Column("note", Text, nullable=False, server_default=""),
)
Index("history_by_member", history.c.job, history.c.member, history.c.id)

unreadable = Table(
    "unreadable",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("auth_id", String(32), nullable=False),
    Column("job", BigInteger),
    Column("at_ms", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("body_sealed", LargeBinary, nullable=False),
    Column("body_bytes", BigInteger, nullable=False),
)

job_logs = Table(
    "job_logs",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("job", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("level", String(8), nullable=False),
    Column("code", String(32), nullable=False, server_default=""),
    Column("message", Text, nullable=False),
    Column("context", Text, nullable=False, server_default="{}"),
)
Index("job_logs_by_job", job_logs.c.job, job_logs.c.id)

audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
)

people = Table(
    "people",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("password_hash", Text, nullable=False, server_default=""),
    Column("created_ms", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False, server_default=""),
    Column("last_seen_ms", BigInteger),
)

one_time_links = Table(
    "one_time_links",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("person_id", String(32)),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("person_id", String(32), nullable=False, index=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    Column("browser", Text, nullable=False, server_default=""),
)

sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("who", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
)

activity = Table(
    "activity",
    metadata,
    Column("job", BigInteger, primary_key=True, autoincrement=False),
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String(24), primary_key=True),
    Column("value", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

trials = Table(
    "trials",
    metadata,
    Column("place", Text, primary_key=True),
    Column("until_ms", BigInteger, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    Column("knows", Text, nullable=False, server_default="[]"),
    Column("standing", Text, nullable=False, server_default="{}"),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("holder", String(32), nullable=False),
)

erased = Table(
    "erased",
    metadata,
    Column("member_hash", String(64), primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("receipt", String(32), nullable=False),
)

facts = Table(
    "facts",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", Text, nullable=False),
)

alert_channels = Table(
    "alert_channels",
    metadata,
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

alerts = Table(
    "alerts",
    metadata,
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

alert_messages = Table(
    "alert_messages",
    metadata,
    Column("key", Id, primary_key=True, autoincrement=True),
    Column("id", String(40), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("alert", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", String(16), nullable=False, server_default="waiting"),
    Column("created_ms", BigInteger, nullable=False),
    Column("done_ms", BigInteger),
)
Index("alert_messages_waiting", alert_messages.c.channel, alert_messages.c.state, alert_messages.c.key)
