"""What Lytics says: triggers in messages of several, and scans that may stop, be doubted, or find too many gone."""

from collections import Counter
from dataclasses import replace
from hashlib import sha256

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.store.ledger_machine_model import Event
from tests.store.ledger_machine_sending import Sending
from tests.store.stores import JOB, Store, run, seen
from usher.domain.absence import Doubt
from usher.domain.intake import Intake, JobIntake
from usher.domain.job import Cause, Job, Status
from usher.domain.notes import Unreadable
from usher.domain.observation import NS_PER_MS, Source, version_of_scan, version_of_trigger
from usher.domain.scan import Scan, ScanState
from usher.store.brake import held_scan
from usher.store.database import Txn
from usher.store.erasure import Tombstones
from usher.store.intake import SqlIntake
from usher.store.jobs import change_job, job_by_key
from usher.store.ledger import keep_held, release_exits
from usher.store.scanning import SqlScans
from usher.store.scans import add_sweep, end_scan
from usher.store.tables import exit_minutes
from usher.vault import Key, KeyRing, Vault

VAULT = Vault(KeyRing((Key(sha256(b"vault").digest()),)))
MEMBERS = ["al", "bo", "cy"]
GUARD_SECONDS = 120.0
LATE = [0, 0, 0, 0, 1, 119_000, 121_000]  # milliseconds that a trigger is late by
AHEAD = [-60_000, -600_000]  # the second too far to be believed
ODD = Unreadable("lytics1", "not an object", b"sealed", 7)
Told = tuple[list[str], bool, int | None]

TOLD = st.tuples(
    st.lists(st.sampled_from(MEMBERS), min_size=1, max_size=2, unique=True),
    st.booleans(),
    st.sampled_from([None, *LATE, *AHEAD]),
)


class Hearing(Sending):
    """Triggers, scans, and the two brakes."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        tombstones = Tombstones(VAULT)
        self.intake = SqlIntake(store.database, store.sql, tombstones)
        self.scans = SqlScans(store.database, store.sql, tombstones)
        self.scan: Scan | None = None
        self.last_page: tuple[Scan, set[str], int] | None = None
        self.held_version: int | None = None
        self.status = Status.RUNNABLE

    @initialize(
        members=st.sets(st.sampled_from(MEMBERS)),
        source=st.sampled_from([Source.TRIGGER, Source.BACKFILL, Source.BASELINE]),
    )
    def some_are_known(self, members: set[str], source: Source) -> None:
        self.store.observe(*(seen(member, is_in=True, version=0) for member in sorted(members)), source=source)
        for member in members:
            self.model.observe(member, True, 0, source, self.now)

    @rule(message=st.lists(TOLD, min_size=1, max_size=3), no_identifier=st.integers(0, 1), odd=st.integers(0, 1))
    def a_trigger_message_comes(self, message: list[Told], no_identifier: int, odd: int) -> None:
        self.store.clock.pass_ms(1)  # or nothing said in one moment would ever be newer
        events: list[Event] = []
        for members, is_in, late_ms in message:
            claimed = None if late_ms is None else (self.now - late_ms) * NS_PER_MS
            version, _ = version_of_trigger(claimed, received_ms=self.now)
            events.append([(member, is_in, version) for member in members])

        def sort(jobs: list[Job], _now_ms: int) -> Intake:
            told = tuple(tuple(seen(*one) for one in event) for event in events)
            part = JobIntake(jobs[0], told, Counter(no_identifier=no_identifier), unreadable=odd)
            return Intake(shares=(part,), kept=(ODD,) * odd)

        run(self.intake.take_in("lytics1", sort))
        self.model.hear(events, self.now)
        self.model.triggers.update({"received": odd + no_identifier, "unreadable": odd})
        self.model.triggers["ignored.no_identifier"] += no_identifier

    @precondition(lambda self: self.scan is None and self.status is Status.RUNNABLE)
    @rule(with_backfill=st.booleans())
    def a_scan_begins(self, *, with_backfill: bool) -> None:
        def choose(txn: Txn) -> None:
            change_job(txn, JOB, config=replace(job_by_key(txn, JOB).config, withbackfill=with_backfill))

        self.store.write(choose)
        self.scan = run(self.scans.begin_scan(JOB, definition="d1", expected=None))
        self.last_page, self.held_version = None, None

    @precondition(lambda self: self.scan is not None)
    @rule(members=st.sets(st.sampled_from(MEMBERS)), asked_ms_ago=st.sampled_from([0, 1_000]))
    def a_page_comes(self, members: set[str], asked_ms_ago: int) -> None:
        assert self.scan is not None
        version = version_of_scan(self.now - asked_ms_ago, guard_seconds=GUARD_SECONDS)
        self.last_page = (self.scan, members, version)
        self._record_page()

    @precondition(lambda self: self.scan is not None and self.last_page is not None)
    @rule()
    def the_page_comes_again(self) -> None:
        self._record_page()

    def _record_page(self) -> None:
        assert self.last_page is not None
        scan, members, version = self.last_page
        source = Source(scan.kind)
        found = [seen(member, is_in=True, version=version, source=source) for member in sorted(members)]
        self.scan = run(
            self.scans.record_page(
                scan, found, source=source, profiles=len(found), without_identifier=0, cursor="c", expected=None
            )
        )
        for member in sorted(members - self.model.erased):
            self.model.observe(member, True, version, source, self.now)
        assert self.scan.seen == scan.seen + len(members)

    @precondition(lambda self: self.scan is not None)
    @rule(doubt=st.sampled_from([None, None, None, Doubt.SHORT, Doubt.REDEFINED, Doubt.CURSOR_EXPIRED]))
    def the_scan_ends(self, doubt: Doubt | None) -> None:
        assert self.scan is not None
        if doubt is Doubt.CURSOR_EXPIRED:
            run(self.scans.interrupt_scan(self.scan, reason=doubt, starts_again=True))
            self.scan = None
            return
        version = version_of_scan(self.scan.started_ms, guard_seconds=GUARD_SECONDS)
        run(self.scans.finish_scan(self.scan, doubt=doubt, version=version))
        self.scan = None
        if doubt is None and self.model.is_braked(version):
            self.held_version, self.status = version, _after_brake(self.status)
        elif doubt is None and self.model.absent(version):
            self.model.begin_walk("leave", version)

    @precondition(lambda self: self.held_version is not None or self.model.are_exits_held)
    @rule(are_kept=st.booleans())
    def a_person_decides(self, *, are_kept: bool) -> None:
        self.store.write(lambda txn: _decide(txn, version=self.held_version, are_kept=are_kept))
        if self.held_version is not None and not are_kept:
            self.model.begin_walk("leave", self.held_version)
        self.model.decide(self.now, are_kept=are_kept)
        self.held_version = None
        self.status = Status.RUNNABLE if self.status is Status.FAULT else self.status


def _after_brake(status: Status) -> Status:
    return Status.FAULT if status is Status.RUNNABLE else status


def _decide(txn: Txn, *, version: int | None, are_kept: bool) -> None:
    """Do what *confirm_removals* and *discard_removals* do to the ledger."""
    job, scan = job_by_key(txn, JOB), held_scan(txn, JOB)
    assert (scan is None) == (version is None)
    if scan is not None and version is not None:
        end_scan(txn, scan.id, state=ScanState.COMPLETED, leaving=scan.leaving)
        if not are_kept:
            add_sweep(txn, JOB, kind="leave", version=version)
    if job.exits_held:
        (keep_held if are_kept else release_exits)(txn, JOB)
    txn.conn.execute(exit_minutes.delete())
    status = Status.RUNNABLE if job.status is Status.FAULT else job.status
    change_job(txn, JOB, status=status, cause=Cause.NONE, reason="", exits_held=False)
