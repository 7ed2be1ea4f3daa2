"""
The ledger against a small model of its rules and a pretend Mapp, over random histories.

A request may land at any moment until its claim's token, and its answer may be lost, late, or stored twice.
"""

import os
from collections import Counter
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.clocks import NOON_MS
from tests.measuring import Measured
from tests.store.stores import HOLD_MS, JOB, Store, seen
from usher.domain.claim import Claim, Settlement
from usher.domain.observation import NS_PER_MS, Source
from usher.domain.outcome import Accepted, Late, Outcome, Rejected, RetryLater, StopCause, StopJob, Unknown
from usher.store import ledger
from usher.store.database import Txn
from usher.store.statements import LANE_BULK, LANE_HELD, LANE_LIVE

EXAMPLES = {"sqlite": 150, "postgresql": 40}  # the rules are the same; what differs is how a statement is read
ASKED_EXAMPLES = int(os.environ.get("LEDGER_EXAMPLES", "0"))  # 0: as above
MEMBERS = ["al", "bo"]
TOOK_IT = [Accepted(), Accepted(), Accepted()]  # as often as everything else
LOST = Unknown("timeout")
FAILURES: list[Outcome] = [RetryLater("503"), Rejected("no"), Late("expired"), StopJob(StopCause.CREDENTIALS, "401")]
ROWS = "SELECT member, is_in, version, seq, due_at, lane, accepted, aside IS NOT NULL FROM ledger WHERE job = 1"
DUE = 3
EMPTIED = ("ledger", "counters", "history")


@dataclass
class Row:
    """What the rules say of one member."""

    is_in: bool
    version: int
    due: int | None
    lane: int
    seq: int = 1
    accepted: bool | None = None
    is_aside: bool = False

    @property
    def is_silent(self) -> bool:
        return self.due is None and self.accepted is None and not self.is_aside

    def owe(self, now: int, *, lane: int = LANE_BULK) -> None:
        if self.due is None:
            self.due, self.lane = now, lane
        self.seq += 1
        self.is_aside = False


@dataclass
class Request:
    """One claim that was sent; *outcome* is what was stored of it, if anything was."""

    claim: Claim
    has_landed: bool = False
    outcome: Outcome | None = None
    delay_ms: int = 0

    def is_living(self, now: int) -> bool:
        may_land = not self.has_landed and (self.outcome is None or isinstance(self.outcome, Unknown))
        return may_land and now < self.claim.token


class LedgerMachine(RuleBasedStateMachine):
    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store
        self.rows: dict[str, Row] = {}
        self.requests: list[Request] = []
        self.mapp: dict[str, bool] = {}
        self.are_exits_held = False
        self.dues: dict[str, int | None] = {}
        self.was_settled = False
        self.steps = 0
        store.clock.at_ms = NOON_MS
        store.write(_empty)

    @property
    def now(self) -> int:
        return self.store.clock.now_ms()

    @initialize(members=st.sets(st.sampled_from(MEMBERS)))
    def take_a_silent_baseline(self, members: set[str]) -> None:
        for member in members:
            self.observe(member=member, is_in=True, version=0, source=Source.BASELINE)

    @rule(
        member=st.sampled_from(MEMBERS),
        is_in=st.booleans(),
        version=st.integers(1, 40),
        source=st.sampled_from([Source.TRIGGER, Source.TRIGGER, Source.BACKFILL, Source.RECONCILE]),
    )
    def observe(self, member: str, is_in: bool, version: int, source: Source) -> None:
        held = self.are_exits_held and source is Source.TRIGGER
        self.store.observe(seen(member, is_in, version), source=source, held=held)
        live = LANE_LIVE if source is Source.TRIGGER else LANE_BULK
        lane = LANE_HELD if held and not is_in else live
        row = self.rows.get(member)
        if row is None:
            due = None if source is Source.BASELINE else self.now
            self.rows[member] = Row(is_in, version, due, lane)
        elif version > row.version:
            tells = source in {Source.TRIGGER, Source.BACKFILL} and row.is_silent
            is_news = row.is_in != is_in or tells
            row.version, row.is_in = version, is_in
            if is_news:
                if row.due is not None and (LANE_HELD in (lane, row.lane) or lane < row.lane):
                    row.lane = lane
                row.owe(self.now, lane=lane)

    @rule(milliseconds=st.sampled_from([1, 1_000, HOLD_MS // 2, HOLD_MS, 2 * HOLD_MS]))
    def time_passes(self, milliseconds: int) -> None:
        self.store.clock.pass_ms(milliseconds)

    @rule(lane=st.sampled_from([LANE_LIVE, LANE_BULK]), limit=st.integers(1, 3))
    def claim_and_send(self, lane: int, limit: int) -> None:
        due = [name for name, r in self.rows.items() if r.lane == lane and r.due is not None and r.due <= self.now]
        claims = self.store.claim(lane=lane, limit=limit)

        assert len(claims) == min(limit, len(due))
        for claim in claims:
            row = self.rows[claim.member]
            assert claim.member in due
            assert (claim.is_in, claim.seq) == (row.is_in, row.seq)
            row.due = claim.token
            self.requests.append(Request(claim))

    @precondition(lambda self: any(r.is_living(self.now) for r in self.requests))
    @rule(data=st.data())
    def a_request_lands(self, data: st.DataObject) -> None:
        request = data.draw(st.sampled_from([r for r in self.requests if r.is_living(self.now)]))
        self._land(request)

    def _land(self, request: Request) -> None:
        request.has_landed = True
        self.mapp[request.claim.member] = request.claim.is_in

    @precondition(lambda self: any(r.outcome is None for r in self.requests))
    @rule(data=st.data(), says=st.sampled_from([*TOOK_IT, *FAILURES, LOST]), delay_ms=st.sampled_from([0, 1_000]))
    def settle(self, data: st.DataObject, says: Outcome, delay_ms: int) -> None:
        request = data.draw(st.sampled_from([r for r in self.requests if r.outcome is None]))
        if says in TOOK_IT and request.is_living(self.now):
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
        tokens = Counter((r.claim.member, r.claim.token) for r in self.requests)
        stored = [r for r in self.requests if r.outcome is not None]
        return [r for r in stored if tokens[r.claim.member, r.claim.token] == 1]

    def _store(self, request: Request) -> None:
        assert request.outcome is not None
        self.was_settled = True
        self.store.settle_all([Settlement(request.claim, request.outcome, request.delay_ms)])
        row = self.rows[request.claim.member]
        if row.due != request.claim.token:
            return
        is_newest = row.seq == request.claim.seq
        match request.outcome:
            case Accepted():
                row.accepted, row.due = request.claim.is_in, None if is_newest else self.now
            case Rejected():
                row.is_aside, row.due = is_newest, None if is_newest else self.now
            case Unknown():
                pass
            case _:
                row.due = self.now + request.delay_ms

    @rule()
    def resend_to_everybody(self) -> None:
        self.store.write(lambda txn: ledger.owe_again(txn, self.store.sql.resend, JOB, after="", upto=None))
        for row in self.rows.values():
            if not row.is_silent:
                row.owe(self.now)

    @rule()
    def retry_those_set_aside(self) -> None:
        self.store.write(lambda txn: ledger.owe_again(txn, self.store.sql.retry, JOB, after="", upto=None))
        for row in self.rows.values():
            if row.is_aside:
                row.owe(self.now)

    @rule(version=st.integers(1, 40))
    def the_unseen_leave(self, version: int) -> None:
        self.store.write(lambda txn: ledger.leave(txn, self.store.sql, JOB, version=version, after="", upto=None))
        for row in self.rows.values():
            if row.is_in and row.version < version:
                row.is_in, row.version = False, version
                row.owe(self.now)

    @precondition(lambda self: not self.are_exits_held)
    @rule()
    def the_brake_holds_exits(self) -> None:
        self.are_exits_held = True
        self.store.write(lambda txn: ledger.hold_exits(txn, JOB))
        for row in self.rows.values():
            if row.lane == LANE_LIVE and row.due is not None and not row.is_in:
                row.lane = LANE_HELD

    @precondition(lambda self: self.are_exits_held)
    @rule(are_kept=st.booleans())
    def a_person_decides(self, are_kept: bool) -> None:
        self.are_exits_held = False
        decide: Any = ledger.keep_held if are_kept else ledger.release_exits
        self.store.write(lambda txn: decide(txn, JOB))
        for row in self.rows.values():
            if row.lane == LANE_HELD and row.due is not None:
                row.lane = LANE_LIVE
                if are_kept:
                    row.is_in, row.version = True, self.now * NS_PER_MS
                    row.seq += 1

    @invariant()
    def the_ledger_is_what_the_rules_say_and_only_a_settle_makes_a_row_due_earlier(self) -> None:
        found = {member: tuple(rest) for member, *rest in self.store.fetch(ROWS)}
        assert found == {
            name: (r.is_in, r.version, r.seq, r.due, r.lane, r.accepted, r.is_aside) for name, r in self.rows.items()
        }
        dues = {member: row[DUE] for member, row in found.items()}
        for member, before in self.dues.items():
            due = dues[member]
            assert self.was_settled or before is None or (due is not None and due >= before)
        self.dues, self.was_settled = dues, False

    @invariant()
    def counters_are_what_counting_finds(self) -> None:
        self.steps += 1
        self.store.assert_counted()

    @invariant()
    def nobody_has_two_living_requests(self) -> None:
        living = [request.claim.member for request in self.requests if request.is_living(self.now)]
        assert len(living) == len(set(living))

    @invariant()
    def a_row_with_a_living_request_is_not_due(self) -> None:
        for request in self.requests:
            if request.is_living(self.now):
                due = self.rows[request.claim.member].due
                assert due is None or due > self.now

    @invariant()
    def at_rest_mapp_holds_what_is_wanted(self) -> None:
        for name, row in self.rows.items():
            if row.due is None and not row.is_aside and not row.is_silent:
                assert row.accepted == row.is_in
                assert self.mapp[name] == row.is_in
                assert not any(r.is_living(self.now) for r in self.requests if r.claim.member == name)


def _empty(txn: Txn) -> None:
    for table in EMPTIED:
        txn.conn.exec_driver_sql(f"DELETE FROM {table}")


def test_no_history_leaves_mapp_wrong_at_rest(store: Store, measured: Measured) -> None:
    machines: list[LedgerMachine] = []

    def made() -> LedgerMachine:
        machines.append(LedgerMachine(store))
        return machines[-1]

    run_state_machine_as_test(
        made,  # type: ignore[arg-type] # any maker of machines will do
        settings=settings(
            max_examples=ASKED_EXAMPLES or EXAMPLES[store.dialect],
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
    measured(f"ledger_machine.steps.{store.dialect}", sum(machine.steps for machine in machines))
