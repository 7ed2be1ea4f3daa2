"""
Faults planted into the product, one for each race and each sentence of the design that keeps one out.

Each is a small patch, in force until the end of a block. The simulator has to find every one of them.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from sqlalchemy import text

from usher.domain.observation import NS_PER_MS, version_of_scan
from usher.domain.outcome import RetryLater
from usher.engine.buffer import Held
from usher.engine.courier import Courier
from usher.engine.ingest import Ingest
from usher.engine.scanner import Scanner
from usher.engine.supervise import Engine
from usher.errors import Unavailable
from usher.settings import Timing
from usher.simulation.draws import Draw
from usher.simulation.ledger import LedgerTerms
from usher.simulation.stage import Broken
from usher.store import scanning
from usher.store.delivery import SqlDelivery
from usher.store.intake import SqlIntake
from usher.store.scanning import SqlScans
from usher.store.statements import Statements, statements_for
from usher.store.supervision import SqlJobs

Patch = Any  # what unittest.mock.patch returns, a context manager
ALIVE = "one living request for each person"
COUNTED = "received = applied + ignored + unreadable"
DURABLE = "what was acknowledged is durable"
ENDED = "a scan that has ended stays as it is"
FORWARD_PULL = "nothing pulls a row forward"
GROW = "versions and sequences only grow"
HELD = "at rest, Mapp holds what is wanted"
LANDS = "at rest, nothing may land any more"
RIGHT = "when faults stop, everything comes right"
SETTLE = "only a settle lets a row rest"
UNTRUE = "nobody is told to be where they have not been since"
UNTRUE_OR_LOUD = f"{UNTRUE} | a silent baseline tells nobody"
UNWANTED = "at rest is only what Mapp accepted as it is wanted"
TOO_LATE = "nobody is asked too late whether so many shall be removed"
FAR_MS = 86_400_000
TOKEN = "ledger.due_at + 0 = s.token"
FORWARD = "COALESCE(due_at, :now)"


@dataclass(frozen=True)
class Planted:
    """
    A fault.

    Args:
        races: which of R1 to R16, or which sentence of the design, it undoes.
        seed: one that found it when it was last looked for.
        breaks: the promise that it has to break, or one of several with | between them; another does not count.
        needs: what a world must have, one of them, for the fault to show; blank: nothing.
    """

    name: str
    races: str
    seed: int
    breaks: str
    patches: Callable[[], list[Patch]]
    needs: str = ""

    def may_show(self, draw: Draw) -> bool:
        """Return whether the fault could show in a world at all."""
        return not self.needs or any(name in draw.chances or name in draw.times for name in self.needs.split(", "))

    def is_found(self, broken: Broken | None) -> bool:
        return broken is not None and broken.promise in self.breaks.split(" | ")

    @contextmanager
    def in_force(self) -> Iterator[None]:
        with ExitStack() as stack:
            for one in self.patches():
                stack.enter_context(one)
            yield


def _sql(names: str, old: str, new: str) -> Callable[[], list[Patch]]:
    """Replace *old* by *new* in the statements *names*."""

    def patches() -> list[Patch]:
        sql = statements_for("sqlite")
        changes = {}
        for name in names.split():
            statement = str(getattr(sql, name).text)
            assert old in statement
            changes[name] = text(statement.replace(old, new))
        changed: Statements = replace(sql, **changes)
        return [patch("usher.simulation.worker.statements_for", lambda _dialect: changed)]

    return patches


def _set(*places: tuple[str, Any]) -> Callable[[], list[Patch]]:
    return lambda: [patch(name, value) for name, value in places]


def _method(owner: type, name: str, value: Any) -> Callable[[], list[Patch]]:
    return lambda: [patch.object(owner, name, value)]


def _hold_without_quarantine(timing: Timing) -> int:
    return round(1000 * (timing.send_room_seconds + timing.request_timeout_seconds + timing.clock_margin_seconds))


def _without_guard(asked_ms: int, *, guard_seconds: float) -> int:
    return asked_ms * NS_PER_MS


def _absent_as_of_now(finish: Any) -> Any:
    def later(txn: Any, scan: Any, *, doubt: Any, version: int) -> None:
        finish(txn, scan, doubt=doubt, version=version + (txn.now_ms - scan.started_ms) * NS_PER_MS)

    return later


async def _claim_uncommitted(self: SqlDelivery, job: Any, **wanted: Any) -> Any:
    from usher.store import ledger

    return await self._database.read(lambda txn: ledger.claim(txn, self._sql, job.key, **wanted))


def _all_rows_due(txn: Any) -> None:
    txn.conn.execute(text("UPDATE ledger SET due_at = :now WHERE due_at IS NOT NULL"), {"now": txn.now_ms})


def _cleaning_up(first_beat: Any) -> Any:
    async def begin(self: Engine) -> None:
        jobs = self._stores.jobs
        assert isinstance(jobs, SqlJobs)
        with suppress(Unavailable):
            await jobs._database.write(_all_rows_due)
        await first_beat(self)

    return begin


def _any_time(claimed_ns: int | None, *, received_ms: int) -> tuple[int, bool]:
    return (received_ms * NS_PER_MS if claimed_ns is None else claimed_ns), False


def _time_of_arrival(claimed_ns: int | None, *, received_ms: int) -> tuple[int, bool]:
    return received_ms * NS_PER_MS, False


def _answering_first(receive: Any) -> Any:
    async def receive_later(self: Ingest, auth_id: str, body: bytes) -> None:
        with suppress(Unavailable):
            await receive(self, auth_id, body)

    async def begin(self: Ingest, auth_id: str, body: bytes) -> None:
        asyncio.get_running_loop().create_task(receive_later(self, auth_id, body))

    return begin


async def _settle_until_kept(self: Courier, batch: list[Any]) -> None:
    """Settle again where the commit was in doubt, and without the token that makes that harmless."""
    while True:
        try:
            self._look_again_at(await self._store.settle(batch))
        except Unavailable:
            await self._clock.sleep(5)
        else:
            return


def _retried(_error: Any) -> RetryLater:
    return RetryLater("It failed.")


def _count_without_ignored(txn: Any, share: Any, *, applied: int, ignored: Any) -> None:
    key = share.job.key
    txn.tally[key, "triggers.received"] += len(share.events) + sum(share.ignored.values()) + share.unreadable
    txn.tally[key, "triggers.applied"] += applied


async def _taken_for_the_end(self: Scanner, scan: Any, _reason: str) -> None:
    version = version_of_scan(scan.started_ms, guard_seconds=self._guard_seconds)
    await self._kept(lambda: self._store.finish_scan(scan, doubt=None, version=version))


def _unending(claim: Any, send_by: float, expires_at_ms: int) -> Held:
    return Held(claim, float("inf"), expires_at_ms + FAR_MS)


def _own_time(self: LedgerTerms, _conn: Any) -> int:
    return self.clock._own.now_ms()


PLANTED = (
    Planted(
        "quarantine off", "R7", 2, ALIVE, lambda: [patch.object(Timing, "hold_ms", property(_hold_without_quarantine))]
    ),
    Planted(
        "token not compared on accept",
        "settle by token",
        472,
        LANDS,
        _sql("settle_accepted", TOKEN, "ledger.due_at > 0"),
        needs="stopped, stopped at the ledger",
    ),
    Planted(
        "token not compared on failure",
        "failures too",
        89,
        ALIVE,
        _sql("settle_later", TOKEN, "ledger.due_at > 0"),
        needs="stopped, stopped at the ledger",
    ),
    Planted(
        "sequence not compared on accept",
        "R6",
        2,
        UNWANTED,
        _sql("settle_accepted", "CASE WHEN ledger.seq = s.seq THEN NULL ELSE CAST(:now AS BIGINT) END", "NULL"),
    ),
    Planted(
        "version ignored", "R1 R4", 1, GROW, _sql("observe", "WHERE excluded.version > ledger.version", "WHERE true")
    ),
    Planted(
        "a trigger is as old as its arrival",
        "R4",
        2,
        UNTRUE,
        _set(("usher.lytics.triggers.version_of_trigger", _time_of_arrival)),
    ),
    Planted("scans without G", "R2 R3", 7, UNTRUE, _set(("usher.engine.scanner.version_of_scan", _without_guard))),
    Planted(
        "absence as of the scan's end",
        "R5",
        1,
        UNTRUE,
        lambda: [patch.object(scanning, "finish", _absent_as_of_now(scanning.finish))],
    ),
    Planted(
        "an observation pulls a row forward",
        "sets due_at only where null",
        1,
        FORWARD_PULL,
        _sql("observe", "COALESCE(ledger.due_at, :now)", ":now"),
    ),
    Planted(
        "retry pulls a row out of its backoff",
        "nothing pulls forward",
        3,
        FORWARD_PULL,
        _sql("retry resend", FORWARD, ":now"),
    ),
    Planted(
        "claim not committed before sending", "R9 R11", 1, ALIVE, _method(SqlDelivery, "claim", _claim_uncommitted)
    ),
    Planted(
        "unknown outcome retried",
        "unknown sets nothing",
        2,
        ALIVE,
        _set(("usher.mapp.client.outcome_of_error", _retried)),
    ),
    Planted(
        "gateway's word taken for Mapp's",
        "502 and 504 are unknown",
        2,
        ALIVE,
        _set(("usher.mapp.answers._GATEWAY", frozenset())),
    ),
    Planted(
        "room not looked at",
        "R8",
        4,
        ALIVE,
        _set(("usher.engine.courier.Held", _unending)),
        needs="stopped, stopped before sending",
    ),
    Planted(
        "requests without an end",
        "exp",
        218,
        ALIVE,
        _set(("usher.mapp.client.exp_of", lambda ms: (ms + FAR_MS) // 1000)),
        needs="stopped before sending",
    ),
    Planted(
        "nothing owed where wanted is accepted again",
        "R10",
        2,
        SETTLE,
        _sql("observe", "due_at = CASE WHEN", "due_at = CASE WHEN ledger.accepted = excluded.is_in THEN NULL WHEN"),
    ),
    Planted(
        "restart makes rows due",
        "a crash needs no clean-up",
        63,
        ALIVE,
        lambda: [patch.object(Engine, "_first_beat", _cleaning_up(Engine._first_beat))],
        needs="killed",
    ),
    Planted(
        "half a scan says who left",
        "rule 5",
        61,
        UNTRUE_OR_LOUD,
        _set(("usher.engine.scanner.doubt_about_absence", lambda _end: None)),
        needs="scan short, scan without end, scan empty",
    ),
    Planted(
        "redefinition unnoticed",
        "R14",
        20,
        UNTRUE_OR_LOUD,
        _set(("usher.lytics.audiences.definition_hash", lambda _segment: "same")),
        needs="redefined while scanned",
    ),
    Planted(
        "a future version is kept",
        "R15",
        4,
        RIGHT,
        _set(("usher.lytics.triggers.version_of_trigger", _any_time)),
        needs="trigger from the future",
    ),
    Planted(
        "answered before the commit",
        "acknowledged means durable",
        1,
        DURABLE,
        lambda: [patch.object(Ingest, "receive", _answering_first(Ingest.receive))],
    ),
    Planted(
        "settled again when in doubt",
        "a settle in doubt is not run again",
        956,
        ALIVE,
        lambda: [
            patch.object(Courier, "_settle", _settle_until_kept),
            *_sql("settle_later", TOKEN, "ledger.due_at > 0")(),
        ],
        needs="commit in doubt",
    ),
    Planted(
        "an expired cursor ends a scan",
        "R12",
        569,
        UNTRUE_OR_LOUD,
        _method(Scanner, "_interrupt", _taken_for_the_end),
        needs="cursor expires",
    ),
    Planted(
        "scans are not fenced",
        "one worker scans",
        168,
        ENDED,
        _method(SqlScans, "_mind_lease", lambda *_: None),
        needs="stopped, stopped at the ledger",
    ),
    Planted(
        "a worker's clock for the ledger's", "the ledger's clock", 1, DURABLE, _method(LedgerTerms, "now_ms", _own_time)
    ),
    Planted(
        "an answer to the old attribute settles the new one",
        "R13",
        76,
        HELD,
        _sql("resend", "seq = seq + 1", "seq = seq"),
        needs="attribute renamed",
    ),
    Planted(
        "nobody is asked about triggered exits",
        "rule 5",
        3,
        TOO_LATE,
        _set(("usher.store.intake.stops", lambda *_, **__: False)),
    ),
    Planted(
        "nobody is asked about those absent from a scan",
        "rule 5",
        16,
        TOO_LATE,
        _set(("usher.store.scanning.stops", lambda *_, **__: False)),
    ),
    Planted(
        "what is ignored is not counted",
        "rule 9",
        2,
        COUNTED,
        _method(SqlIntake, "_count", staticmethod(_count_without_ignored)),
    ),
)
