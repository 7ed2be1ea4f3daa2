"""The audit trail only grows."""

import re
from pathlib import Path

import pytest

import usher
from tests.access.house import GOOD, HOUR_MS, ROOT, House
from usher.access.people import create_person, remove_person
from usher.access.sessions import end_session
from usher.access.tokens import create_token, revoke_token
from usher.errors import Unavailable
from usher.store import notes

SOURCE = Path(usher.__file__).parent
CHANGES = re.compile(
    r"(?:update|delete from|replace into|truncate(?: table)?|drop table)\s+[\"']?audit\b"
    r"|\b(?:update|delete)\(\s*(?:\w+\.)*audit\b|\baudit\.(?:update|delete)\(",
    re.IGNORECASE,
)

GUARDED = pytest.mark.parametrize("house_store", ["sqlite"], indirect=True)  # whose triggers are one statement


async def guard(house: House) -> None:
    """Let the database itself refuse whatever would change or remove an entry."""
    for act in ("UPDATE", "DELETE"):
        trigger = f"CREATE TRIGGER no_{act} BEFORE {act} ON audit BEGIN SELECT RAISE(ABORT, 'append only'); END"
        await house.database.write(lambda txn, trigger=trigger: txn.conn.exec_driver_sql(trigger))


def test_no_statement_of_ours_changes_or_removes_an_entry():
    found = [path.name for path in SOURCE.rglob("*.py") if CHANGES.search(path.read_text())]

    assert found == []
    for wrong in ("DELETE FROM audit", "update audit SET", "delete(audit)", "update(tables.audit)", "audit.delete()"):
        assert CHANGES.search(wrong), wrong


@GUARDED
async def test_whatever_is_done_the_trail_only_grows(house, monkeypatch):
    for limit in ("HISTORY_KEEP", "LOGS_KEEP", "UNREADABLE_KEEP", "SCANS_KEEP"):
        monkeypatch.setattr(notes, limit, 0)
    await guard(house)
    anna = await house.first_admin()
    before = await house.actions()
    await create_person(house, ROOT, name="Bo", role="viewer")
    await remove_person(house, ROOT, name="Bo")
    await create_token(house, ROOT, name="robot", role="viewer")
    await revoke_token(house, ROOT, name="robot")
    await house.enter("Anna", GOOD)
    await end_session(house, anna, anna.id)
    house.clock.pass_ms(24 * HOUR_MS)
    while await house.database.write(notes.prune_some):
        pass

    after = await house.actions()
    assert after[: len(before)] == before
    assert len(after) == len(before) + 6


@GUARDED
async def test_the_guard_of_this_test_bites(house):
    await guard(house)
    await create_token(house, ROOT, name="robot", role="viewer")

    for statement in ("DELETE FROM audit", "UPDATE audit SET actor = ''"):
        with pytest.raises(Unavailable):
            await house.database.write(lambda txn, statement=statement: txn.conn.exec_driver_sql(statement))
    assert len(await house.actions()) == 1
