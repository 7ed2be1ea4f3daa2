"""Whoever was erased is stored by nothing that still comes; and being nobody's tombstone costs nobody anything."""

from collections import Counter
from collections.abc import Callable
from hashlib import sha256

import pytest
from sqlalchemy import event, insert

from tests.store.stores import JOB, Store, all_in, run, seen
from usher.domain.claim import Settlement
from usher.domain.erasure import tombstone_of
from usher.domain.intake import Intake, JobIntake
from usher.domain.observation import Source
from usher.domain.outcome import Accepted, RetryLater
from usher.errors import Unavailable
from usher.store import delivery, erasure, notes, scans
from usher.store.erasure import Tombstones
from usher.store.intake import SqlIntake
from usher.store.scanning import SqlScans
from usher.store.tables import sweeps, unreadable
from usher.vault import Key, KeyRing, Vault

VAULT = Vault(KeyRing((Key(sha256(b"vault").digest()),)))
JO, AMY = "jo@example.com", "amy@example.com"


def erase(store: Store, member: str, *, receipt: str = "r1") -> None:
    def work(txn: erasure.Txn) -> None:
        erasure.hold_still(txn)
        key = erasure.own_key(txn, VAULT, new_key=lambda: b"k" * 32)
        erasure.add_stones(txn, [tombstone_of(member, key=key)], receipt=receipt)
        erasure.remove_member(txn, JOB, member)

    store.write(work)


def take_in(store: Store, *events: tuple[erasure.Any, ...], ignored: Counter[str] | None = None) -> None:
    def sort(jobs: list[erasure.Any], _now_ms: int) -> Intake:
        return Intake(shares=(JobIntake(jobs[0], events, ignored or Counter()),))

    run(SqlIntake(store.database, store.sql, Tombstones(VAULT)).take_in("lytics1", sort))


def told_of(store: Store, member: str) -> list[str]:
    return [entry.kind for entry in store.read(lambda txn: notes.history_of(txn, JOB, member))]


def test_a_late_trigger_brings_nobody_back_and_is_counted(store: Store) -> None:
    store.add_job()
    store.tell(JO, AMY)
    erase(store, JO)

    take_in(store, (seen("JO@example.com", True, 9),), (seen(JO, True, 9), seen(AMY, False, 9)), (seen(JO, False, 10),))

    assert not store.has(JO)
    assert not store.has("JO@example.com")
    assert store.row(AMY).is_in is False
    counted = {name: n for name, n in store.counters().items() if name.startswith("triggers.") and n}
    assert counted == {"triggers.received": 3, "triggers.applied": 1, "triggers.ignored.erased": 2}
    assert told_of(store, JO) == told_of(store, "JO@example.com") == []


def test_the_next_scan_counts_the_erased_as_seen_and_stores_nothing_of_them(store: Store) -> None:
    store.add_job()
    erase(store, JO)
    kept = SqlScans(store.database, store.sql, Tombstones(VAULT))
    scan = run(kept.begin_scan(JOB, definition="d", expected=2))

    scan = run(
        kept.record_page(
            scan, all_in([JO, AMY]), source=Source.BACKFILL, profiles=2, without_identifier=0, cursor="", expected=2
        )
    )

    assert scan.seen == 2
    assert not store.has(JO)
    assert store.has(AMY)
    assert store.counters()["scans.erased"] == 1


def test_a_settle_under_way_writes_nothing_down_of_the_erased(store: Store) -> None:
    store.add_job()
    store.observe(seen(JO, True, 1), seen(AMY, True, 1))
    claims = store.claim()
    erase(store, JO)

    store.settle_all([Settlement(claim, RetryLater("503"), delay_ms=9) for claim in claims])

    assert (told_of(store, JO), told_of(store, AMY)) == ([], ["retry"])
    assert not store.has(JO)


def test_what_a_person_counted_as_goes_with_them(store: Store) -> None:
    store.add_job()
    store.tell(JO, AMY)
    store.observe(seen(JO, False, 5))

    erase(store, JO)

    counted = store.counters()
    assert (counted["members.total"], counted["members.in"], counted["members.due"]) == (1, 1, 0)


def listen(store: Store, note: Callable[[str], None]) -> None:
    """Have each statement that the database runs from now on noted."""
    engine = store.database._engine  # type: ignore[attr-defined]
    if store.dialect == "sqlite":
        engine.raw_connection().driver_connection.set_trace_callback(note)
    else:
        event.listen(engine, "before_cursor_execute", lambda _conn, _cursor, statement, *_: note(statement))


def test_without_tombstones_a_message_asks_once_and_a_settle_once(store: Store) -> None:
    store.add_job()
    asked: list[str] = []

    def note(statement: str) -> None:
        asked.extend([statement] if "erased" in statement or "facts" in statement else [])

    listen(store, note)
    take_in(store, (seen(JO, True, 1),), (seen(AMY, True, 1),))
    taken_in = len(asked)
    claims = store.claim()
    delivery_asked = len(asked)
    store.write(lambda txn: delivery.settle(txn, store.sql, [Settlement(claim, Accepted()) for claim in claims]))

    assert (taken_in, delivery_asked, len(asked)) == (1, 1, 1)  # a first acceptance writes nothing down


def test_without_the_key_nothing_is_taken_in_rather_than_somebody_brought_back(store: Store) -> None:
    store.add_job()
    erase(store, JO)

    def sort(jobs: list[erasure.Any], _now_ms: int) -> Intake:
        return Intake(shares=(JobIntake(jobs[0], ((seen(JO, True, 9),),)),))

    for blind in (Tombstones(), Tombstones(Vault(KeyRing((Key(sha256(b"lost").digest()),))))):
        with pytest.raises(Unavailable):
            run(SqlIntake(store.database, store.sql, blind).take_in("lytics1", sort))
    assert not store.has(JO)


def test_many_members_are_asked_for_in_pieces(store: Store) -> None:
    gone = {"m7", "m70", "m700", "m1000", "m1007", "m1900", "m2000"}  # whatever their hashes, not all in one piece
    for member in sorted(gone):
        erase(store, member)
    many = [f"m{number}" for number in range(2 * erasure.MOST_ASKED + 1)]

    assert store.write(lambda txn: Tombstones(VAULT).among(txn, many)) == gone


def test_the_first_receipt_stays_when_somebody_is_erased_again(store: Store) -> None:
    erase(store, JO)
    erase(store, JO, receipt="r2")

    found = store.read(lambda txn: Tombstones(VAULT).of(txn, JO))
    assert found is not None
    assert found.receipt == "r1"


def test_a_sweep_that_had_come_to_the_erased_goes_on_behind_the_one_before(store: Store) -> None:
    store.add_job()
    store.tell(AMY, JO, "zoe@example.com")
    begun = {"job": JOB, "kind": "resend", "cursor": JO, "created_ms": 1}
    store.write(lambda txn: txn.conn.execute(insert(sweeps).values(**begun)))

    erase(store, JO)
    assert [sweep.cursor for sweep in store.read(scans.open_sweeps)] == [AMY]
    store.write(lambda txn: erasure.remove_member(txn, JOB, AMY))
    assert [sweep.cursor for sweep in store.read(scans.open_sweeps)] == [""]


@pytest.mark.parametrize(("name", "spelled"), [(JO, ["JO@example.com", "Jo@Example.com"]), ("jö@x.de", ["JÖ@x.de"])])
def test_other_spellings_are_found_whatever_their_letters(store: Store, name: str, spelled: list[str]) -> None:
    store.observe(*all_in([*spelled, AMY, "jo-2@example.com"]))

    found = store.read(lambda txn: erasure.other_spellings(txn, JOB, name, after="", upto=None))
    assert sorted(found) == sorted(spelled)


def test_messages_are_removed_and_counted_by_job(store: Store) -> None:
    row = {"auth_id": "lytics1", "at_ms": 0, "reason": "not_json", "body_sealed": b"x", "body_bytes": 1}
    store.write(lambda txn: txn.conn.execute(insert(unreadable), [row | {"job": job} for job in (1, 1, None, 2)]))

    gone = store.write(lambda txn: erasure.remove_unreadable(txn, [1, 2, 3]))

    assert gone == {1: 2, None: 1}
    assert [entry for entry, _ in store.read(lambda txn: erasure.sealed_bodies(txn, after=0))] == [4]
