"""
The whole store as the engine uses it, against a small model of its rules and a pretend Mapp, over random histories.

See ledger_machine_model (the rules), ledger_machine_sending (workers, clocks), ledger_machine_hearing (Lytics).
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import text

from tests.store.conftest import DATABASES
from tests.store.ledger_machine_hearing import MEMBERS, VAULT, Hearing
from tests.store.ledger_machine_model import Found
from tests.store.stores import JOB, NEVER_MS, Store, open_postgres_store, open_store, run, seen
from tools.measuring import Measured
from usher.domain.erasure import tombstone_of
from usher.domain.job import Event, Job, Status
from usher.domain.observation import NS_PER_MS
from usher.store import erasure, supervision
from usher.store.database import Txn
from usher.store.jobs import change_job, job_by_key
from usher.store.ledger import keep_held
from usher.store.scans import add_sweep, counters_of, open_sweeps
from usher.store.supervision import SqlJobs

EXAMPLES = {"sqlite": 60, "postgresql": 15}  # the rules are the same; what differs is how a statement is read
ASKED_EXAMPLES = int(os.environ.get("LEDGER_EXAMPLES", "0"))  # 0: as above
ROWS = text("SELECT member, is_in, version, seq, due_at, lane, accepted, aside IS NOT NULL FROM ledger WHERE job = 1")
VERSION: Final = 1
SEQ: Final = 2
DUE: Final = 3


class LedgerMachine(Hearing):
    """What people do, and what holds after every step."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.jobs = SqlJobs(store.database, store.sql)
        self.before: dict[str, Found] = {}
        self.renamed = 0
        self.attribute = store.job().target.attribute_name
        self.steps = 0

    @rule(what=st.sampled_from(["pause", "resend", "retry", "edit", "erase"]), member=st.sampled_from(MEMBERS))
    def a_person_acts(self, what: str, member: str) -> None:
        """One rule for what is rare, so that most steps are left to claims and settles."""
        if self.status is Status.PAUSED:
            assert run(self.jobs.apply(self.store.job(), Event.RESUME))
            self.status = Status.RUNNABLE
        elif what == "pause":
            assert run(self.jobs.apply(self.store.job(), Event.PAUSE))
            self.status = Status.PAUSED
        elif what == "edit":
            self._edit()
        elif what == "erase":
            self._erase(member)
        else:
            self.store.write(lambda txn: add_sweep(txn, JOB, kind=what))
            self.model.begin_walk(what)

    def _edit(self) -> None:
        self.renamed += 1
        self.attribute = f"vip{self.renamed}"

        def edit(txn: Txn) -> None:
            config = replace(job_by_key(txn, JOB).config, mapp_attribute_name=self.attribute)
            change_job(txn, JOB, config=config)
            add_sweep(txn, JOB, kind="resend")

        self.store.write(edit)
        self.model.begin_walk("resend")

    def _erase(self, member: str) -> None:
        if len(self.model.erased | {member}) < len(MEMBERS):  # somebody is left to be told of
            self.store.write(lambda txn: _erase(txn, member))
            self.model.erase(member)
            self.before.pop(member, None)

    @precondition(lambda self: self.model.walks)
    @rule(times=st.integers(1, len(MEMBERS) + 1))
    def sweeps_go_on(self, times: int) -> None:
        for _ in range(times):
            run(self.jobs.sweep_some(begun_before_ms=NEVER_MS))
            self.model.walk_on(self.now)

    @invariant()
    def the_ledger_and_its_counters_are_what_the_rules_say(self) -> None:
        self.steps += 1
        found, counted, job, walks = self.store.read(_look)
        assert (job.status, job.exits_held) == (self.status, self.model.are_exits_held)
        assert walks == [(walk.kind, walk.version, walk.after) for walk in self.model.walks]
        assert found == {name: row.as_found for name, row in self.model.rows.items()}
        assert {name: counted.get(name, 0) for name in self.model.members} == self.model.members
        triggers = {name.removeprefix("triggers."): n for name, n in counted.items() if name.startswith("triggers.")}
        assert {name: n for name, n in triggers.items() if n} == dict(+self.model.triggers)
        fates = sum(
            n for name, n in triggers.items() if name in {"applied", "unreadable"} or name.startswith("ignored")
        )
        assert triggers.get("received", 0) == fates
        self._compare_with_before(found)

    def _compare_with_before(self, found: dict[str, Found]) -> None:
        """Versions and sequences only grow; only a settle, or a clock that was set, makes a row due earlier."""
        assert self.before.keys() <= found.keys()
        for member, before in self.before.items():
            now = found[member]
            assert now[VERSION] >= before[VERSION]
            assert now[SEQ] >= before[SEQ]
            was_due, due = before[DUE], now[DUE]
            assert self.may_be_earlier or was_due is None or (due is not None and due >= was_due)
        self.before, self.may_be_earlier = found, False

    @invariant()
    def nobody_who_was_erased_is_back(self) -> None:
        assert self.model.erased.isdisjoint(self.before)

    @invariant()
    def nobody_has_two_living_requests(self) -> None:
        living = [request.claim.member for request in self._living()]
        assert len(living) == len(set(living))

    @invariant()
    def a_row_with_a_living_request_is_not_claimed(self) -> None:
        for request in self._living():
            row = self.model.rows.get(request.claim.member)
            assert row is None or row.due is None or max(row.due, self.quiet_until) > self.now

    @invariant()
    def at_rest_mapp_holds_what_is_wanted(self) -> None:
        living = {request.claim.member for request in self._living()}
        for name, row in self.model.rows.items():
            if row.is_at_rest and not self.model.is_resend_ahead_of(name):
                assert row.accepted == row.is_in
                assert self.mapp[self.attribute, name] == row.is_in
                assert name not in living


def _erase(txn: Txn, member: str) -> None:
    erasure.hold_still(txn)
    key = erasure.own_key(txn, VAULT, new_key=lambda: b"k" * 32)
    erasure.add_stones(txn, [tombstone_of(member, key=key)], receipt="r1")
    erasure.remove_member(txn, JOB, member)


@pytest.fixture(params=DATABASES)
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """As everywhere, but quicker: what a power cut would leave is not asked here."""
    if request.param == "sqlite":
        kept = open_store(request.getfixturevalue("folder"), is_durable=False)
    else:
        kept = open_postgres_store(request.getfixturevalue("postgres_url"))
    yield kept
    run(kept.database.close())


def _look(txn: Txn) -> tuple[dict[str, Found], dict[str, int], Job, list[tuple[str, int, str]]]:
    rows: dict[str, Any] = {member: tuple(rest) for member, *rest in txn.conn.execute(ROWS)}
    walks = [(sweep.kind, sweep.version, sweep.cursor) for sweep in open_sweeps(txn)]
    return rows, counters_of(txn, JOB), job_by_key(txn, JOB), walks


def test_no_history_leaves_mapp_wrong_at_rest(
    store: Store, measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "CHUNK", 1)
    store.add_job()
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


def test_an_exit_that_comes_once_more_does_not_undo_a_persons_word(store: Store) -> None:
    ahead = (store.clock.now_ms() + 60_000) * NS_PER_MS  # Lytics' clock may be that far ahead of ours
    store.tell("jo")
    store.observe(seen("jo", is_in=False, version=ahead), held=True)
    assert store.write(lambda txn: keep_held(txn, JOB)) == ["jo"]
    store.observe(seen("jo", is_in=False, version=ahead))
    assert store.row("jo").is_in is True
