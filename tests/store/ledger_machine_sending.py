"""
Two workers that claim, send and settle, a pretend Mapp, and clocks that pass or are set.

A request may land at any moment until its claim ends by the steady clock, and its answer may be lost, late, or stored
twice.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from tests.clocks import NOON_MS
from tests.store.ledger_machine_model import BRAKE_PEOPLE, BRAKE_PERCENT, Model, Request
from tests.store.stores import HOLD_MS, JOB, Store, a_job, run
from usher.domain.claim import Claim, Settlement
from usher.domain.job import Cause, Job, Status
from usher.domain.outcome import Accepted, Late, Outcome, Rejected, RetryLater, StopCause, StopJob, Unknown
from usher.errors import Unavailable
from usher.store.after_restore import QUIET
from usher.store.database import Txn
from usher.store.delivery import SqlDelivery
from usher.store.erasure import KEY_NAME
from usher.store.jobs import change_job
from usher.store.statements import LANE_BULK, LANE_LIVE

TOOK_IT = [Accepted(), Accepted(), Accepted()]  # as often as everything else
LOST = Unknown("timeout")
FAILURES: list[Outcome] = [RetryLater("503"), Rejected("no"), Late("expired"), StopJob(StopCause.CREDENTIALS, "401")]
SET_BY = [3_600_007, -3_600_011]  # odd, so that no two claims come to share a token
EMPTIED = ("ledger", "counters", "activity", "history", "job_logs", "scans", "sweeps", "exit_minutes", "erased")


@dataclass
class Worker:
    """One process that sends; *job* is what it last read, *is_reading* whether it has seen the clock before."""

    delivery: SqlDelivery
    job: Job
    is_reading: bool = False
    requests: list[Request] = field(default_factory=list)

    def claim(self, *, lane: int = LANE_LIVE, limit: int = 3) -> list[Claim] | None:
        claims = run(self.delivery.claim(self.job, lane=lane, limit=limit, hold_ms=HOLD_MS))
        self.is_reading = True
        return claims


class Sending(RuleBasedStateMachine):
    """Claims, requests, settles, crashes and clocks."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store
        self.model = Model()
        self.mapp: dict[tuple[str, str], bool] = {}
        self.landed: dict[str, int] = {}
        self.quiet_until = 0
        self.may_be_earlier = False  # since the last look: a settle, or a clock that was set
        store.clock.at_ms, store.clock.set_by_ms = NOON_MS, 0
        store.write(_begin_anew)
        self.workers = [self._worker(), self._worker()]
        self.requests: list[Request] = []

    def _worker(self) -> Worker:
        return Worker(SqlDelivery(self.store.database, self.store.sql), self.store.job())

    @property
    def now(self) -> int:
        return self.store.clock.now_ms()

    @property
    def steady(self) -> int:
        return self.store.clock.at_ms

    @rule(milliseconds=st.sampled_from([1, 1_000, HOLD_MS // 2, HOLD_MS]))
    def time_passes(self, milliseconds: int) -> None:
        self.store.clock.pass_ms(milliseconds)

    @precondition(lambda self: any(worker.is_reading for worker in self.workers))
    @rule(milliseconds=st.sampled_from(SET_BY))
    def the_clock_is_set(self, milliseconds: int) -> None:
        self.store.clock.set_by(milliseconds)
        self.quiet_until = self.now + HOLD_MS
        self.model.hold_back(self.quiet_until)
        self.may_be_earlier = True
        for worker in self.workers:
            if worker.is_reading:
                assert worker.claim() == []

    @rule(
        place=st.integers(0, 1),
        lanes=st.permutations([LANE_LIVE, LANE_BULK]),
        limit=st.integers(1, 3),
        after_ms=st.sampled_from([0, 0, 0, 0, HOLD_MS]),
        is_told=st.booleans(),
    )
    def claim_and_send(self, place: int, lanes: list[int], limit: int, after_ms: int, *, is_told: bool) -> None:
        self.store.clock.pass_ms(after_ms)
        worker, job = self.workers[place], self.store.job()
        if is_told:
            worker.job = job
        if worker.job.status is not Status.RUNNABLE:
            return
        if self.now < self.quiet_until:
            with pytest.raises(Unavailable):
                worker.claim(limit=limit)
            self.store.clock.pass_ms(self.quiet_until - self.now)
        rows = self.model.rows
        dues = {lane: [n for n, r in rows.items() if r.lane == lane and 0 < (r.due or 0) <= self.now] for lane in lanes}
        lane = next((lane for lane in lanes if dues[lane]), LANE_LIVE)
        due = dues[lane]
        claims = worker.claim(lane=lane, limit=limit)
        if worker.job.target != job.target:
            assert claims is None
            return
        assert claims is not None
        assert len(claims) == min(limit, len(due))
        for claim in claims:
            row = rows[claim.member]
            assert claim.member in due
            assert (claim.is_in, claim.seq) == (row.is_in, row.seq)
            row.due = claim.token
            worker.requests.append(Request(claim, job.target.attribute_name, self.steady + HOLD_MS))
            self.requests.append(worker.requests[-1])

    @rule(place=st.integers(0, 1))
    def a_worker_crashes(self, place: int) -> None:
        for request in self.workers[place].requests:
            request.is_forgotten = request.outcome is None
        self.workers[place] = self._worker()

    def _living(self) -> list[Request]:
        return [request for request in self.requests if request.is_living(self.steady)]

    @precondition(lambda self: self._living())
    @rule(data=st.data())
    def a_request_lands(self, data: st.DataObject) -> None:
        self._land(data.draw(st.sampled_from(self._living())))

    def _land(self, request: Request) -> None:
        claim = request.claim
        assert claim.seq >= self.landed.get(claim.member, 0), "an older value landed after a newer one"
        request.has_landed = True
        self.landed[claim.member] = claim.seq
        self.mapp[request.attribute, claim.member] = claim.is_in

    def _open(self) -> list[Request]:
        return [request for request in self.requests if request.is_open]

    @precondition(lambda self: self._open())
    @rule(data=st.data(), says=st.sampled_from([*TOOK_IT, *FAILURES, LOST]), delay_ms=st.sampled_from([0, 1_000]))
    def settle(self, data: st.DataObject, says: Outcome, delay_ms: int) -> None:
        request = data.draw(st.sampled_from(self._open()[-3:]))  # the newest: most of the older are stale
        if says in TOOK_IT and request.is_living(self.steady):
            self._land(request)
        if request.has_landed:
            says = LOST if says is LOST else Accepted()
        elif says in TOOK_IT:
            says = LOST
        request.outcome, request.delay_ms = says, delay_ms
        self._store(request)

    @precondition(lambda self: self._repeatable())
    @rule(data=st.data())
    def settle_once_more(self, data: st.DataObject) -> None:
        self._store(data.draw(st.sampled_from(self._repeatable())))

    def _repeatable(self) -> list[Request]:
        """
        What was stored, but for claims of one row within one millisecond, which share a token.

        That, and only that, is why a settle whose commit is in doubt must not be run again.
        """
        tokens = [(r.claim.member, r.claim.token) for r in self.requests]
        stored = [r for r in self.requests if r.outcome is not None]
        return [r for r in stored if tokens.count((r.claim.member, r.claim.token)) == 1]

    def _store(self, request: Request) -> None:
        assert request.outcome is not None
        self.may_be_earlier = True
        self.store.settle_all([Settlement(request.claim, request.outcome, request.delay_ms)])
        self.model.settle(request, self.now)

    def write(self, work: Callable[[Txn], Any]) -> None:
        self.store.write(work)


def _begin_anew(txn: Txn) -> None:
    for table in EMPTIED:
        txn.conn.exec_driver_sql(f"DELETE FROM {table}")
    txn.conn.exec_driver_sql(f"DELETE FROM facts WHERE name IN ('{QUIET}', '{KEY_NAME}')")
    config = replace(a_job().config, exit_brake_people=BRAKE_PEOPLE, exit_brake_percent=BRAKE_PERCENT)
    fresh: dict[str, Any] = {"config": config, "status": Status.RUNNABLE, "cause": Cause.NONE, "reason": ""}
    change_job(txn, JOB, **fresh, is_baselined=False, scan_wanted="", exits_held=False, first_trigger_ms=None)
