"""The server that tests run against: what it lends comes back empty, and nothing of it stays."""

import os

import psycopg
import pytest

from tests.postgres import PostgresServer, postgres_server

FILL = (
    "INSERT INTO jobs (id, name, mapp_auth, lytics_auth, config, audience_slug, audience_name, status, created_ms,"
    " updated_ms) VALUES ('a', '', '', '', '', '', '', '', 1, 1) RETURNING key"
)


def test_a_lent_database_is_empty_and_counts_from_one_again(postgres: PostgresServer) -> None:
    for _ in range(2):
        with postgres.borrowed_database() as url, psycopg.connect(url) as conn:
            assert conn.execute("SELECT count(*) FROM jobs").fetchall() == [(0,)]
            assert conn.execute(FILL).fetchall() == [(1,)]


def test_what_was_answered_outlives_a_crash_and_nothing_outlives_the_end() -> None:
    with postgres_server() as server:
        pid, folder = server.pid, server.folder
        server.execute("CREATE TABLE kept (n INTEGER)")
        server.execute("INSERT INTO kept VALUES (1)")
        server.restart("immediate")
        assert server.pid != pid
        assert server.execute("SELECT n FROM kept") == [(1,)]
        pid = server.pid

    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
