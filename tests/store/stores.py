"""A real store on a database of its own, and the few words in which tests speak to it."""

from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, text

from tests.clocks import NOON_MS, ManualClock
from usher.clock import LedgerClock
from usher.domain.attribute import IdentifierType
from usher.domain.claim import Claim, Settlement
from usher.domain.job import Cause, Job, JobConfig, Status, Webhook
from usher.domain.observation import Observation, Source, newest_per_member
from usher.domain.outcome import Accepted, Outcome, Rejected, RetryLater
from usher.store import delivery, jobs, ledger, members, scans
from usher.store.database import Database, InlineDatabase, Txn, Work
from usher.store.members import MemberRow
from usher.store.opening import FILE_NAME, OpenStore
from usher.store.postgres import PostgresTerms, postgres_engine
from usher.store.sqlite import writer_engine
from usher.store.statements import LANE_LIVE, Statements, statements_for
from usher.store.supervision import SqlJobs

T = TypeVar("T")
JOB = 1
HOLD_MS = 60_000
NEVER_MS = 1 << 62
LATER = RetryLater("503 Service Unavailable")
NO_SUCH_USER = Rejected("no such user")
COUNTED = """
    SELECT COUNT(*) AS total, COALESCE(SUM(is_in), 0) AS "in", COUNT(due_at) AS due, COUNT(aside) AS aside
    FROM ledger WHERE job = :job
"""
COUNTED_JOBS = "SELECT job FROM ledger UNION SELECT job FROM counters WHERE job > 0"


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run what never waits: an inline database answers at once."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    raise AssertionError("an inline database must not wait")


def seen(member: str, is_in: bool, version: int, source: Source = Source.TRIGGER) -> Observation:
    return Observation(member, is_in, version, source)


def prune_all(kept: SqlJobs) -> None:
    """Drop whatever is beyond its time or its number, piece by piece."""
    while run(kept.prune_some()):
        pass


@dataclass
class Store:
    """One open store; *clock* is the ledger's."""

    database: Database
    sql: Statements
    clock: ManualClock
    dialect: str = "sqlite"

    def write(self, work: Work[T]) -> T:
        return run(self.database.write(work))

    def read(self, work: Work[T]) -> T:
        return run(self.database.read(work))

    def observe(
        self, *observations: Observation, source: Source = Source.TRIGGER, held: bool = False, job: int = JOB
    ) -> dict[str, ledger.Seen]:
        newest = newest_per_member(list(observations))
        return self.write(lambda txn: ledger.observe(txn, self.sql, job, newest, source=source, are_exits_held=held))

    def claim(self, *, lane: int = LANE_LIVE, limit: int = 100, job: int = JOB) -> list[Claim]:
        return self.write(lambda txn: ledger.claim(txn, self.sql, job, lane=lane, limit=limit, hold_ms=HOLD_MS))

    def claim_one(self, *, lane: int = LANE_LIVE) -> Claim:
        (claim,) = self.claim(lane=lane)
        return claim

    def settle(self, claim: Claim, outcome: Outcome, *, delay_ms: int = 0) -> None:
        is_failure = isinstance(outcome, RetryLater)
        self.settle_all([Settlement(claim, outcome, delay_ms=delay_ms, is_failure=is_failure)])

    def settle_all(self, settlements: Sequence[Settlement]) -> None:
        self.write(lambda txn: delivery.settle(txn, self.sql, settlements))

    def tell(self, *names: str, is_in: bool = True, version: int = 1) -> None:
        """Bring members to rest: observed, sent and accepted."""
        self.observe(*(seen(name, is_in, version) for name in names))
        self.settle_all([Settlement(claim, Accepted()) for claim in self.claim(limit=len(names))])

    def sweep(self) -> None:
        """Do all sweeps to their end."""
        while run(SqlJobs(self.database, self.sql).sweep_some(begun_before_ms=NEVER_MS)):
            pass

    def row(self, member: str, *, job: int = JOB) -> MemberRow:
        found = self.read(lambda txn: members.member_row(txn, job, member))
        assert found is not None, f"{member} is not in the ledger"
        return found

    def has(self, member: str, *, job: int = JOB) -> bool:
        return self.read(lambda txn: members.member_row(txn, job, member)) is not None

    def counters(self, job: int = JOB) -> dict[str, int]:
        return self.read(lambda txn: scans.counters_of(txn, job))

    def fetch(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        return self.read(lambda txn: [tuple(row) for row in txn.conn.execute(text(statement), values)])

    def add_job(self, **changes: Any) -> Job:
        number = len(self.fetch("SELECT 1 FROM jobs")) + 1
        return self.write(lambda txn: jobs.add_job(txn, replace(a_job(), id=f"job{number}", **changes)))

    def job(self, key: int = JOB) -> Job:
        return self.read(lambda txn: jobs.job_by_key(txn, key))

    def assert_counted(self) -> None:
        """The counters of members are what counting finds, for every job."""
        told, found = self.read(_counters_and_counts)
        assert told == found


def _counters_and_counts(txn: Txn) -> tuple[dict[int, dict[str, int]], dict[int, dict[str, int]]]:
    jobs_ = [job for (job,) in txn.conn.execute(text(COUNTED_JOBS))]
    told = {job: scans.counters_of(txn, job) for job in jobs_}
    rows = {job: txn.conn.execute(text(COUNTED), {"job": job}).one()._mapping for job in jobs_}
    return (
        {job: {name: kept.get(f"members.{name}", 0) for name in rows[job]} for job, kept in told.items()},
        {job: {name: int(value) for name, value in row.items()} for job, row in rows.items()},
    )


def a_job(*, identifier_type: IdentifierType = "email", **config: Any) -> Job:
    return Job(
        key=0,
        id="job1",
        name="VIP to Mapp",
        description="",
        mapp_auth="mapp1",
        lytics_auth="lytics1",
        config=JobConfig(
            segment_id="a1b2", uid_field="email", group_id="42", identifier_type=identifier_type, **config
        ),
        audience_slug="vip_shoppers",
        audience_name="VIP shoppers",
        status=Status.RUNNABLE,
        cause=Cause.NONE,
        reason="",
        sleep_until_ms=None,
        is_baselined=False,
        scan_wanted="",
        next_reconcile_ms=None,
        exits_held=False,
        webhook=Webhook(),
        first_trigger_ms=None,
        last_trigger_ms=None,
        created_ms=NOON_MS,
        updated_ms=NOON_MS,
    )


def open_store(folder: Path, *, is_durable: bool = True) -> Store:
    """Open the migrated file in *folder*; what need not outlive a power cut is quicker."""
    engine = writer_engine(folder / FILE_NAME)
    if not is_durable:
        with engine.connect() as conn:
            conn.connection.cursor().execute("PRAGMA synchronous = OFF")
    clock = ManualClock()
    return Store(InlineDatabase(engine, clock=clock), statements_for("sqlite"), clock)


class OnManualTime(PostgresTerms):
    """PostgreSQL's terms by a clock that moves only when a test moves it; nobody waits for a server that is away."""

    def __init__(self, clock: ManualClock, *, is_desk: bool = False) -> None:
        super().__init__(LedgerClock(clock), pause=clock.pass_seconds, is_desk=is_desk)

    def now_ms(self, _conn: Connection) -> int:
        return self.clock.now_ms()


def _on_postgres(url: str, clock: ManualClock, *, is_desk: bool = False) -> InlineDatabase:
    return InlineDatabase(postgres_engine(url), clock=clock, terms=OnManualTime(clock, is_desk=is_desk))


def open_postgres_store(url: str) -> Store:
    """Open the migrated database at *url*."""
    clock = ManualClock()
    return Store(_on_postgres(url, clock), statements_for("postgresql"), clock, "postgresql")


def open_both_ways(url: str, clock: ManualClock) -> OpenStore:
    """Open the migrated database at *url* for the engine and for people, as `open_store` does, but on *clock*."""
    database, pages = _on_postgres(url, clock), _on_postgres(url, clock, is_desk=True)
    return OpenStore(database, pages, statements_for("postgresql"), clock, "PostgreSQL", True, lambda: None)


def names(count: int, prefix: str = "p") -> list[str]:
    return [f"{prefix}{number:05}@example.com" for number in range(count)]


def all_in(members_: Iterable[str], version: int = 1) -> list[Observation]:
    return [seen(member, True, version) for member in members_]
