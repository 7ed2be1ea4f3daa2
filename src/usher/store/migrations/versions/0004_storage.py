"""PostgreSQL looks after the ledger sooner than after other tables (docs/decisions/0018); SQLite has nothing to set."""

from alembic import op

revision = "0004"
down_revision = "0003"

# A share of its rows, where 0.2 is usual: the room that old rows leave is used again before a large ledger grows.
LEDGER = "ALTER TABLE ledger SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05)"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(LEDGER)
