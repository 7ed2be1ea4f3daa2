"""Triggers into the ledger: each message whole or not at all, every event counted once."""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, select, text

from usher.domain.intake import Intake, JobIntake, shares_of_all
from usher.domain.job import LIVE, Cause, Job, Status
from usher.domain.notes import HistoryEntry, LogCode, LogEntry
from usher.domain.observation import Observation, Source, newest_per_member
from usher.domain.removal_brake import WINDOW_MS, stops
from usher.store import ledger, notes
from usher.store.brake import held_exits
from usher.store.database import Database, Txn
from usher.store.direct import run
from usher.store.erasure import Tombstones
from usher.store.jobs import change_job, job_of_row, note_trigger
from usher.store.joint import Joint
from usher.store.scans import counters_of
from usher.store.statements import Statements
from usher.store.tables import jobs
from usher.store.turns import Placed, Turn

Sort = Callable[[list[Job], int], Intake]  # what the live jobs make of one message, received at that millisecond
MOST_MEMBERS_TOGETHER = 2_000  # of messages that are taken in at once; one alone may name more
NOT_NEWER, SUPERSEDED, ERASED = "not_newer", "superseded", "erased"
_json = msgspec.json.Encoder()


class SqlIntake:
    """
    Implements the engine's IntakeStore.

    Args:
        tombstones: recognises who was erased; of those nothing is kept but a count.
    """

    def __init__(self, database: Database, sql: Statements, tombstones: Tombstones | None = None) -> None:
        self._database = database
        self._sql = sql
        self._tombstones = tombstones or Tombstones()

    async def take_in(self, auth_id: str, sort: Sort) -> Intake:
        return await self._database.write(Placed(Joint(self._take_all, (auth_id, sort)), Turn.JOBS, auth_id))

    def _take_all(self, txn: Txn, asked: Sequence[tuple[str, Sort]]) -> list[Intake]:
        """Take in messages of one authorization, as if one came after the other."""
        auth_id, waiting = asked[0][0], deque(sort for _, sort in asked)
        taken: list[Intake] = []
        while waiting:
            together = _distinct(waiting, _live_jobs_of(txn, auth_id), txn.now_ms)
            self._take_together(txn, together)
            taken += together
        return taken

    def _take_together(self, txn: Txn, intakes: Sequence[Intake]) -> None:
        """Take in messages of which no two are about one person, with the statements that one takes."""
        erased = self._tombstones.among(txn, {member for intake in intakes for member in intake.members})
        for share in shares_of_all(intakes):
            self._take_share(txn, share, erased=erased)
        for intake in intakes:
            for reason, count in intake.unrouted.items():
                txn.tally[0, f"triggers.unrouted.{reason}"] += count
            txn.tally[0, "triggers.unreadable"] += intake.unreadable
        notes.add_unreadable(txn, [entry for intake in intakes for entry in intake.kept])

    def _take_share(self, txn: Txn, share: JobIntake, *, erased: frozenset[str]) -> None:
        job = share.job
        newest = newest_per_member([o for event in share.events for o in event if o.member not in erased])
        _keep_found(txn, self._sql, job.key, newest)
        seen = ledger.observe(txn, self._sql, job.key, newest, source=Source.TRIGGER, are_exits_held=job.exits_held)
        kept = {id(o) for o in newest}
        ignored: Counter[str] = Counter(share.ignored)
        applied = 0
        history: list[HistoryEntry] = []
        for event in share.events:
            fates = [ERASED if o.member in erased else _fate(o, kept, seen) for o in event]
            history += [_entry(job.key, o, fate) for o, fate in zip(event, fates, strict=True) if fate != ERASED]
            if "" in fates:
                applied += 1
            else:
                ignored[fates[0]] += 1
        self._count(txn, share, applied=applied, ignored=ignored)
        notes.add_history(txn, history)
        note_trigger(txn, job.key)
        exits = sum(1 for s in seen.values() if s.is_news and not s.is_in)
        if exits and job.config.exit_brake and not job.exits_held:
            _mind_the_brake(txn, job, exits)

    @staticmethod
    def _count(txn: Txn, share: JobIntake, *, applied: int, ignored: Counter[str]) -> None:
        key = share.job.key
        txn.tally[key, "triggers.received"] += len(share.events) + sum(share.ignored.values()) + share.unreadable
        txn.tally[key, "triggers.applied"] += applied
        txn.tally[key, "triggers.unreadable"] += share.unreadable
        txn.tally[key, "triggers.clamped"] += share.clamped
        for reason, count in ignored.items():
            txn.tally[key, f"triggers.ignored.{reason}"] += count


def _distinct(waiting: deque[Sort], jobs: list[Job], now_ms: int) -> list[Intake]:
    """Take from *waiting* the next messages that name nobody twice and not too many: one at least."""
    found: list[Intake] = []
    named: set[str] = set()
    while waiting and len(named) < MOST_MEMBERS_TOGETHER:
        intake = waiting[0](jobs, now_ms)
        members = intake.members
        if found and not named.isdisjoint(members):
            break
        named |= members
        found.append(intake)
        waiting.popleft()
    return found


def _keep_found(txn: Txn, sql: Statements, job: int, newest: list[Observation]) -> None:
    """Write down that a scan had found those who now exit: the row tells that only until it is replaced."""
    exits = [(o.member, o.version) for o in newest if not o.is_in]
    if exits:
        run(txn.conn, sql.keep_found, {"job": job, "rows": _json.encode(exits).decode()})


def _fate(observation: Observation, kept: set[int], seen: dict[str, ledger.Seen]) -> str:
    """Return "" for an observation that was applied, else why it was ignored."""
    if id(observation) not in kept:
        return SUPERSEDED
    return "" if observation.member in seen else NOT_NEWER


def _entry(job: int, observation: Observation, fate: str) -> HistoryEntry:
    return HistoryEntry(
        job=job,
        member=observation.member,
        kind="ignored" if fate else ("enter" if observation.is_in else "exit"),
        is_in=observation.is_in,
        version=observation.version,
        note=fate,
    )


def _live_jobs_of(txn: Txn, auth_id: str) -> list[Job]:
    """Return the live jobs, as nobody else may change them before the commit: a brake set meanwhile must be seen."""
    return [job_of_row(row) for row in txn.conn.execute(LIVE_JOBS, {"auth_id": auth_id})]


LIVE_JOBS = (
    select(jobs)
    .where(jobs.c.lytics_auth == bindparam("auth_id"), jobs.c.status.in_(sorted(LIVE)))
    .order_by(jobs.c.key)
    .with_for_update(key_share=True)
)


def _mind_the_brake(txn: Txn, job: Job, exits: int) -> None:
    minute = txn.now_ms // 60_000
    since = minute - WINDOW_MS // 60_000
    txn.conn.execute(ADD_EXITS, {"job": job.key, "minute": minute, "exits": exits})
    txn.conn.execute(FORGET_EXITS, {"job": job.key, "since": since})
    recent = int(txn.conn.execute(COUNT_EXITS, {"job": job.key}).scalar() or 0)
    inside = counters_of(txn, job.key).get("members.in", 0) + txn.tally[job.key, "members.in"]
    people, percent = job.config.exit_brake_people, job.config.exit_brake_percent
    if not stops(recent, inside=inside + recent, people=people, percent=percent):
        return
    ledger.hold_exits(txn, job.key)
    reason = str(held_exits(txn, job.key))  # shown as it is then; see usher.store.brake
    changes: dict[str, Any] = {"exits_held": True}
    if job.status is Status.RUNNABLE:  # one that sleeps or is at fault says that first
        changes |= {"cause": Cause.REMOVALS, "reason": reason}
    change_job(txn, job.key, **changes)
    notes.add_log(txn, LogEntry(job=job.key, level="warn", message=reason, code=LogCode.FAULT))


ADD_EXITS = text(
    "INSERT INTO exit_minutes (job, minute, exits) VALUES (:job, :minute, :exits)"
    " ON CONFLICT (job, minute) DO UPDATE SET exits = exit_minutes.exits + excluded.exits"
)
FORGET_EXITS = text("DELETE FROM exit_minutes WHERE job = :job AND minute <= :since")
COUNT_EXITS = text("SELECT SUM(exits) FROM exit_minutes WHERE job = :job")
