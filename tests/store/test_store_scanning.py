"""Scans: a page and its checkpoint are one, and only a whole, undisturbed scan says who left."""

from dataclasses import replace

import pytest

from tests.store.stores import JOB, Store, all_in, names, run, seen
from usher.clock import iso_from_ms
from usher.domain.absence import Doubt
from usher.domain.job import Cause, Status
from usher.domain.observation import NS_PER_MS, Observation, Source
from usher.domain.removal_brake import PEOPLE
from usher.domain.scan import CHANGED, Scan, ScanState
from usher.errors import Superseded
from usher.store import ledger, notes, scanning, scans
from usher.store.brake import held_scan
from usher.store.database import Txn
from usher.store.jobs import change_job, job_by_key
from usher.store.scanning import SqlScans
from usher.store.statements import LANE_BULK
from usher.store.supervision import SqlJobs


def begin(store: Store, *, kind: str = "reconcile") -> Scan:
    """Begin the scan that a job in the right state wants."""

    def prepare(txn: Txn) -> None:
        config = replace(job_by_key(txn, JOB).config, withbackfill=kind == "backfill")
        change_job(txn, JOB, config=config, is_baselined=kind == "reconcile")

    store.write(prepare)
    scan = run(SqlScans(store.database, store.sql).begin_scan(JOB, definition="d1", expected=10))
    assert scan.kind == kind
    return scan


def test_a_scan_that_is_begun_again_because_its_commit_was_in_doubt_is_the_same_scan(store: Store) -> None:
    store.add_job()
    first = begin(store, kind="backfill")

    assert run(SqlScans(store.database, store.sql).begin_scan(JOB, definition="d1", expected=10)) == first


def page(
    store: Store, scan: Scan, *observations: Observation, cursor: str = "c1", source: Source = Source.RECONCILE
) -> Scan:
    return run(
        SqlScans(store.database, store.sql).record_page(
            scan, observations, source=source, profiles=len(observations), without_identifier=1, cursor=cursor,
            expected=None,
        )
    )  # fmt: skip


def finish(store: Store, scan: Scan, *, doubt: Doubt | None = None, version: int = 100) -> None:
    run(SqlScans(store.database, store.sql).finish_scan(scan, doubt=doubt, version=version))


def sweep_all(store: Store) -> None:
    while run(SqlJobs(store.database, store.sql).sweep_some(begun_before_ms=store.clock.now_ms() + 1)):
        pass


def last_log(store: Store) -> str:
    return store.read(lambda txn: notes.logs_of(txn, JOB))[0].message


def test_a_page_is_kept_together_with_where_the_next_begins(store: Store) -> None:
    store.add_job()
    scan = page(store, begin(store, kind="backfill"), *all_in(["al", "bo"]), source=Source.BACKFILL)

    assert (scan.cursor, scan.seen, scan.profiles, scan.without_identifier, scan.pages) == ("c1", 2, 2, 1, 1)
    assert scan.expected == 10
    assert len(store.claim(lane=LANE_BULK)) == 2


def test_a_page_that_fails_moves_no_checkpoint(store: Store) -> None:
    store.add_job()
    scan = begin(store)

    broken = Observation("\ud800", True, 5, Source.RECONCILE)
    with pytest.raises(UnicodeEncodeError):
        page(store, scan, seen("jo", True, 5), broken)

    assert not store.has("jo")
    assert run(SqlScans(store.database, store.sql).running_scan(JOB)) == scan


def test_a_page_taken_in_twice_counts_once(store: Store) -> None:
    store.add_job()
    scan = begin(store)
    first = page(store, scan, seen("jo", True, 5))

    assert page(store, scan, seen("jo", True, 5)) == first
    assert store.counters()["scans.found_inside"] == 1


def test_a_scan_goes_on_where_it_was_after_a_restart(store: Store) -> None:
    store.add_job()
    scan = page(store, begin(store), seen("jo", True, 5), cursor="next")

    resumed = run(SqlScans(store.database, store.sql).running_scan(JOB))
    assert resumed == scan
    assert resumed is not None
    assert page(store, resumed, seen("ann", True, 5), cursor="").seen == 2


def test_a_scan_that_ended_is_not_resumed(store: Store) -> None:
    store.add_job()
    finish(store, begin(store))

    assert run(SqlScans(store.database, store.sql).running_scan(JOB)) is None


def test_what_a_reconcile_found_is_written_down_once(store: Store) -> None:
    store.add_job()
    store.tell("known", version=1)
    page(store, begin(store), seen("known", True, 5), seen("new", True, 5))

    assert store.counters()["scans.found_inside"] == 1
    assert store.read(lambda txn: notes.history_of(txn, JOB, "known")) == []
    assert [e.kind for e in store.read(lambda txn: notes.history_of(txn, JOB, "new"))] == ["seen"]


def test_a_whole_scan_says_who_left(store: Store) -> None:
    store.add_job(scan_wanted="reconcile")
    store.tell("gone", "still", version=1)
    scan = page(store, begin(store), seen("still", True, 100))
    finish(store, scan, version=100)
    sweep_all(store)

    assert (store.row("gone").is_in, store.row("still").is_in) == (False, True)
    assert (store.job().is_baselined, store.job().scan_wanted) == (True, "")
    assert "1 are no longer in the audience" in last_log(store)


GUARD_MS = 120_000


def change_then_scan(store: Store, *, found: int) -> Scan:
    """Let five enter a minute before a scan that finds *found* of them and one who was inside long before."""
    began_ns = store.clock.now_ms() * NS_PER_MS
    store.tell("old", "left", version=1)
    store.tell(*names(5), version=began_ns - 60_000 * NS_PER_MS)
    version = began_ns - GUARD_MS * NS_PER_MS
    scan = page(store, begin(store), *all_in(["old", *names(found)], version=version))
    finish(store, scan, version=version)
    return store.read(lambda txn: scans.scan_by_id(txn, scan.id))


def test_a_scan_soon_after_changes_says_whom_it_could_not_overrule_and_another_is_wanted(store: Store) -> None:
    store.add_job()
    began_ms = store.clock.now_ms()

    scan = change_then_scan(store, found=2)

    assert "3 were not found but changed within the 120 seconds before it" in last_log(store)
    assert f"compared again by itself at {iso_from_ms(began_ms + GUARD_MS)[11:16]} UTC" in last_log(store)
    assert store.job().next_reconcile_ms == began_ms + GUARD_MS
    assert (scan.leaving, scan.reason, scan.is_discarded) == (1, CHANGED, False)
    assert store.read(lambda txn: scans.share_unnamed(txn, JOB)) is not None


def test_a_scan_that_finds_whoever_changed_is_clean(store: Store) -> None:
    store.add_job()
    store.observe(seen("later", True, (store.clock.now_ms() + 1) * NS_PER_MS))  # entered while it was read

    change_then_scan(store, found=5)

    assert last_log(store).endswith("1 are no longer in the audience.")
    assert store.job().next_reconcile_ms is None


def test_a_scan_that_follows_another_is_not_followed_by_itself(store: Store) -> None:
    store.add_job()
    change_then_scan(store, found=2)
    store.write(lambda txn: change_job(txn, JOB, next_reconcile_ms=None))
    store.clock.pass_ms(GUARD_MS)
    store.observe(*all_in(names(9), version=(store.clock.now_ms() - 1_000) * NS_PER_MS))

    change_then_scan(store, found=2)

    assert "compare again after" in last_log(store)
    assert store.job().next_reconcile_ms is None


def test_a_sooner_reconcile_stays_when_it_was_to_be(store: Store) -> None:
    store.add_job(next_reconcile_ms=store.clock.now_ms() + 1_000)

    change_then_scan(store, found=2)

    assert store.job().next_reconcile_ms == store.clock.now_ms() + 1_000


@pytest.mark.parametrize("doubt", list(Doubt))
def test_a_doubtful_scan_says_nothing_about_who_left(store: Store, doubt: Doubt) -> None:
    store.add_job()
    store.tell("gone", version=1)
    scan = begin(store)
    finish(store, scan, doubt=doubt)
    sweep_all(store)

    assert store.row("gone").is_in
    ended = store.read(lambda txn: scans.scan_by_id(txn, scan.id))
    assert (ended.state, ended.reason) == (ScanState.COMPLETED, doubt)
    assert f"cannot say who left ({doubt})" in last_log(store)


def test_no_scan_begins_for_a_worker_that_has_not_heard_that_the_last_one_waits_for_a_person(store: Store) -> None:
    store.add_job()
    held = too_many_left(store)

    with pytest.raises(Superseded):
        run(SqlScans(store.database, store.sql).begin_scan(JOB, definition="d1", expected=10))

    assert store.read(lambda txn: held_scan(txn, JOB)).id == held.id


def test_whom_a_baseline_in_doubt_left_out_is_not_told_by_the_next_comparison(store: Store) -> None:
    store.add_job()
    finish(store, begin(store, kind="baseline"), doubt=Doubt.EMPTY)

    again = run(SqlScans(store.database, store.sql).begin_scan(JOB, definition="d1", expected=10))
    finish(store, page(store, again, seen("al", True, 1), source=Source.BASELINE), doubt=None)
    after = run(SqlScans(store.database, store.sql).begin_scan(JOB, definition="d1", expected=10))

    assert (again.kind, after.kind) == ("baseline", "reconcile")
    assert store.row("al").due_at is None


@pytest.mark.parametrize(
    ("kind", "wanted"), [("backfill", "backfill"), ("baseline", "reconcile"), ("reconcile", "reconcile")]
)
def test_an_interrupted_scan_says_nothing_and_may_start_again(store: Store, kind: str, wanted: str) -> None:
    store.add_job()
    store.tell("gone", version=1)
    scan = begin(store, kind=kind)
    run(SqlScans(store.database, store.sql).interrupt_scan(scan, reason="the cursor expired", starts_again=True))
    sweep_all(store)

    assert store.row("gone").is_in
    assert (store.job().scan_wanted, store.job().is_baselined) == (wanted, kind == "reconcile")
    assert store.read(lambda txn: scans.scan_by_id(txn, scan.id)).state == ScanState.INTERRUPTED


def too_many_left(store: Store, *, status: Status = Status.RUNNABLE) -> Scan:
    store.add_job()
    store.observe(*all_in(names(PEOPLE + 1)), source=Source.BASELINE)
    scan = begin(store)
    store.write(lambda txn: change_job(txn, JOB, status=status))
    finish(store, scan, version=100)
    return store.read(lambda txn: scans.scan_by_id(txn, scan.id))


def test_too_many_leaving_in_one_scan_stop_the_job_for_a_person(store: Store) -> None:
    scan = too_many_left(store)
    sweep_all(store)

    assert (scan.state, scan.leaving) == (ScanState.HELD, PEOPLE + 1)
    assert (store.job().status, store.job().cause) == (Status.FAULT, Cause.REMOVALS)
    assert store.counters()["members.in"] == PEOPLE + 1
    assert "501 of 501 people" in store.job().reason


def test_the_removal_brake_leaves_a_paused_job_paused(store: Store) -> None:
    too_many_left(store, status=Status.PAUSED)

    assert store.job().status is Status.PAUSED


@pytest.mark.parametrize(("people", "leaving"), [(PEOPLE, PEOPLE), (5 * (PEOPLE + 1), PEOPLE + 1)])
def test_as_many_as_the_brake_allows_leave_unasked(store: Store, people: int, leaving: int) -> None:
    store.add_job()
    store.observe(*all_in(names(people)), source=Source.BASELINE)
    store.observe(*all_in(names(people)[leaving:], version=100), source=Source.RECONCILE)
    finish(store, begin(store), version=100)
    sweep_all(store)

    assert store.counters()["members.in"] == people - leaving


@pytest.mark.parametrize(("is_set", "state"), [(True, ScanState.HELD), (False, ScanState.COMPLETED)])
def test_a_scan_asks_at_the_lower_limits_that_a_job_set_for_itself(store: Store, is_set: bool, state: str) -> None:
    store.add_job()
    store.observe(*all_in(names(100)), source=Source.BASELINE)
    store.observe(*all_in(names(100)[12:], version=100), source=Source.RECONCILE)
    limits = {"exit_brake": is_set, "exit_brake_people": 5, "exit_brake_percent": 1.0}
    store.write(lambda txn: change_job(txn, JOB, config=replace(job_by_key(txn, JOB).config, **limits)))
    scan = begin(store)
    finish(store, scan, version=100)

    assert store.read(lambda txn: scans.scan_by_id(txn, scan.id)).state == state


def test_a_scan_that_cannot_be_ended_whole_is_not_ended_at_all(store: Store) -> None:
    store.add_job()
    store.tell("gone", version=1)
    scan = begin(store)

    with pytest.raises(KeyError):
        store.write(lambda txn: _finish_and_crash(txn, scan))

    assert run(SqlScans(store.database, store.sql).running_scan(JOB)) == scan
    assert store.read(scans.open_sweeps) == []
    assert store.read(lambda txn: ledger.leaving_and_inside(txn, JOB, version=100)) == (1, 1)


def _finish_and_crash(txn: Txn, scan: Scan) -> None:
    scanning.finish(txn, scan, doubt=None, version=100)
    raise KeyError("killed before the commit")


@pytest.mark.parametrize("status", [Status.KILLED, Status.DELETED, Status.COMPLETED])
def test_a_page_for_a_job_that_has_ended_brings_nobody_back(store: Store, status: Status) -> None:
    store.add_job()
    scan = begin(store)
    store.write(lambda txn: change_job(txn, JOB, status=status))
    page(store, scan, seen("jo", True, 5))

    assert not store.has("jo")
