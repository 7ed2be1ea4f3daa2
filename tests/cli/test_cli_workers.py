"""Commands on a PostgreSQL on whose data folder no service runs: what they say while workers elsewhere do."""

import base64
from collections.abc import Iterator
from hashlib import sha256

import pytest
from sqlalchemy import Engine

from tests.cli.terminal import Terminal
from usher.cli.worker import _state
from usher.domain.worker import Standing, Stay, Worker
from usher.store import workers
from usher.store.database import Txn
from usher.store.postgres import postgres_engine
from usher.store.whole_postgres import now_ms_of

LIVES_MS = 600_000


def key_of(number: int) -> str:
    return base64.b64encode(sha256(bytes([number])).digest()).decode()


@pytest.fixture
def shared(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, postgres_url: str) -> Iterator[Engine]:
    monkeypatch.setenv("USHER_DATABASE_URL", postgres_url)
    monkeypatch.setenv("USHER_SECRET_KEY", key_of(1))
    engine = postgres_engine(postgres_url)
    yield engine
    engine.dispose()


def work_elsewhere(engine: Engine, mapp: str) -> None:
    standing = {mapp: Standing(found_per_second=2.5, in_flight=20)}
    with engine.begin() as conn:
        txn = Txn(conn, now_ms_of(conn))
        workers.beat(txn, Worker(Stay(0, "w"), "worker", "far", 42, LIVES_MS, standing=standing))
        workers.take_lease(txn, "house", "w")


def test_what_workers_elsewhere_do_is_not_taken_for_nothing(terminal: Terminal, shared: Engine) -> None:
    terminal.add_authorizations()
    job = terminal.create_job("VIP")
    assert "Nothing moves until" in terminal.done("job", "resend", "VIP").err
    nobody = " ".join(terminal.done("workers").out.split())
    assert nobody == "Nobody works on this database. Start `usher serve` or `usher worker`."

    (mapp,) = [auth for auth in terminal.done("auth", "list", "--json").json if auth["label"] == "Our Mapp"]
    work_elsewhere(shared, mapp["id"])

    assert "Nothing moves" not in terminal.done("job", "resend", "VIP").err
    pace = terminal.done("job", "progress", job["id"], "--json").json["pace"]
    assert pace == {"per_second": 2.5, "in_flight": 20}
    listed = terminal.done("workers").out
    assert "Working" in listed
    assert "housekeeping" in " ".join(listed.split())
    checks = terminal.run("doctor", "--json").json
    assert not [check for check in checks if "nothing moves" in check["what"]]
    assert [check["level"] for check in checks if "Workers elsewhere work" in check["what"]] == ["ok"]


@pytest.mark.parametrize(
    ("is_alive", "is_joining", "state"),
    [(True, False, "Working"), (True, True, "Joining"), (False, False, "Not seen"), (False, True, "Not seen")],
)
def test_a_worker_s_state_is_said_as_the_dashboard_says_it(is_alive: bool, is_joining: bool, state: str) -> None:
    assert _state({"is_alive": is_alive, "is_joining": is_joining}) == state


def test_one_who_owns_the_database_is_told_of_no_other(terminal: Terminal) -> None:
    assert terminal.done("workers").out.strip() == "Nobody works on this database. Start `usher serve`."


def test_the_doctor_says_on_the_key_s_line_that_it_is_another(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, shared: Engine
) -> None:
    terminal.done("job", "list")
    monkeypatch.setenv("USHER_SECRET_KEY", key_of(2))
    checks = terminal.run("doctor", "--json").json
    (found,) = [check for check in checks if "key" in check["what"]]
    assert (found["level"], found["what"]) == ("bad", "The secret key is not the database's.")
    assert "sealed with now" in found["mend"]
    assert not [check for check in checks if "does not answer" in check["what"]]


def test_the_doctor_says_once_that_the_database_is_away(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USHER_DATABASE_URL", "postgresql://jo:hidden@127.0.0.1:1/usher")
    monkeypatch.setattr("usher.store.postgres.PATIENCE_SECONDS", 0.0)
    said = terminal.run("doctor", "--json")
    assert [check["what"].partition("(")[0] for check in said.json if check["level"] == "bad"] == [
        "The database usher on 127.0.0.1 does not answer "
    ]
    assert "hidden" not in said.out + said.err
