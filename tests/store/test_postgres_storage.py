"""How PostgreSQL keeps the ledger: what the migration sets, and that nobody waits for it."""

from importlib import import_module

import psycopg

from tests.postgres import PostgresServer

LEDGER = import_module("usher.store.migrations.versions.0004_storage").LEDGER
SET_AT = """
    SELECT relname, option FROM pg_class, unnest(reloptions) AS option
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY option
"""


def test_the_ledger_alone_is_looked_after_sooner_than_usual(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as conn:
        assert conn.execute(SET_AT).fetchall() == [
            ("ledger", "autovacuum_analyze_scale_factor=0.05"),
            ("ledger", "autovacuum_vacuum_scale_factor=0.05"),
        ]


def test_an_upgrade_sets_it_while_others_write(postgres: PostgresServer) -> None:
    url = postgres.fresh_database()
    with psycopg.connect(url) as writing, psycopg.connect(url) as upgrading:
        writing.execute("INSERT INTO ledger (job, member, is_in, version) VALUES (1, 'jo', 1, 1)")
        upgrading.execute("SET LOCAL lock_timeout = '5s'")
        upgrading.execute(LEDGER)
    postgres.drop_database(url)
