"""Claims and what becomes of them: nothing but the claim's own token clears a row."""

import pytest

from tests.clocks import NOON_MS
from tests.store.stores import HOLD_MS, JOB, LATER, NO_SUCH_USER, Store, all_in, names, run, seen
from usher.clock import iso_from_ms
from usher.domain.claim import Settlement
from usher.domain.observation import Source
from usher.domain.outcome import Accepted, Late, Outcome, Rejected, RetryLater, StopCause, StopJob, Unknown
from usher.store import ledger, notes
from usher.store.delivery import SqlDelivery
from usher.store.statements import LANE_BULK

LATE = Late("expired")
STOP = StopJob(StopCause.CREDENTIALS, "401 Unauthorized")
UNKNOWN = Unknown("timeout")
EVERY_OUTCOME = [Accepted(), NO_SUCH_USER, LATER, LATE, STOP, UNKNOWN]


def test_a_claim_holds_the_row_until_its_token_and_no_longer(store: Store) -> None:
    store.observe(seen("jo", True, 1))
    claim = store.claim_one()
    assert claim.token == store.row("jo").due_at == store.clock.now_ms() + HOLD_MS

    store.clock.pass_ms(HOLD_MS - 1)
    assert store.claim() == []

    store.clock.pass_ms(1)
    again = store.claim_one()
    assert again.token > claim.token


def test_a_claim_takes_the_longest_due_first_and_no_more_than_asked(store: Store) -> None:
    for number, member in enumerate(["cy", "al", "bo"]):
        store.observe(seen(member, True, number + 1))
        store.clock.pass_ms(1)

    assert {claim.member for claim in store.claim(limit=2)} == {"cy", "al"}
    assert [claim.member for claim in store.claim()] == ["bo"]


def test_accepted_owes_nothing_more(store: Store) -> None:
    store.observe(seen("jo", True, 1))
    store.clock.pass_ms(5)
    store.settle(store.claim_one(), Accepted())

    row = store.row("jo")
    assert (row.due_at, row.accepted, row.accepted_at) == (None, True, store.clock.now_ms())
    assert store.counters() == {"members.total": 1, "members.in": 1, "members.due": 0, "sent.accepted": 1}


def test_rejected_is_set_aside_with_mapps_reason(store: Store) -> None:
    store.observe(seen("jo", True, 1))
    store.settle(store.claim_one(), NO_SUCH_USER)

    row = store.row("jo")
    assert (row.due_at, row.aside, row.aside_at) == (None, "no such user", store.clock.now_ms())
    assert store.counters()["members.aside"] == 1


def test_a_known_failure_waits_out_its_backoff_and_is_counted(store: Store) -> None:
    store.observe(seen("jo", True, 1))
    store.settle(store.claim_one(), LATER, delay_ms=2_000)

    row = store.row("jo")
    assert (row.due_at, row.attempts) == (store.clock.now_ms() + 2_000, 1)
    assert store.counters()["sent.retried"] == 1
    store.clock.pass_ms(2_000)
    assert store.claim_one().attempts == 1


@pytest.mark.parametrize("outcome", [LATE, STOP])
def test_what_is_not_the_rows_fault_burns_no_attempt(store: Store, outcome: Outcome) -> None:
    store.observe(seen("jo", True, 1))
    store.settle(store.claim_one(), outcome)

    row = store.row("jo")
    assert (row.due_at, row.attempts) == (store.clock.now_ms(), 0)


def test_a_lost_answer_is_never_taken_for_a_failure(store: Store) -> None:
    store.observe(seen("jo", True, 1))
    claim = store.claim_one()
    store.settle(claim, UNKNOWN)

    assert store.row("jo").due_at == claim.token
    assert store.counters()["sent.unknown"] == 1
    assert store.claim() == []


def test_success_ends_the_count_of_failures(store: Store) -> None:
    store.observe(seen("jo", True, 1))
    store.settle(store.claim_one(), LATER)
    store.settle(store.claim_one(), Accepted())

    assert store.row("jo").attempts == 0


@pytest.mark.parametrize("outcome", [Accepted(), NO_SUCH_USER], ids=["accepted", "rejected"])
def test_something_newer_in_flight_is_due_at_once(store: Store, outcome: Outcome) -> None:
    store.observe(seen("jo", True, 1))
    claim = store.claim_one()
    store.observe(seen("jo", False, 2))
    store.clock.pass_ms(7)

    store.settle(claim, outcome)

    row = store.row("jo")
    assert (row.due_at, row.aside) == (store.clock.now_ms(), None)
    assert store.claim_one().is_in is False


def test_what_mapp_took_is_remembered_even_when_something_newer_came(store: Store) -> None:
    store.observe(seen("jo", True, 1))
    claim = store.claim_one()
    store.observe(seen("jo", False, 2))
    store.settle(claim, Accepted())

    row = store.row("jo")
    assert (row.accepted, row.is_in) == (True, False)
    assert store.claim_one().was_told


@pytest.mark.parametrize("outcome", EVERY_OUTCOME, ids=lambda o: type(o).__name__)
def test_a_settle_after_another_claim_changes_nothing(store: Store, outcome: Outcome) -> None:
    store.observe(seen("jo", True, 1))
    late = store.claim_one()
    store.clock.pass_ms(HOLD_MS)
    store.claim_one()
    before = store.row("jo")

    store.settle(late, outcome)

    assert store.row("jo") == before


@pytest.mark.parametrize("outcome", EVERY_OUTCOME, ids=lambda o: type(o).__name__)
def test_a_settle_run_twice_changes_nothing_the_second_time(store: Store, outcome: Outcome) -> None:
    store.observe(seen("jo", True, 1))
    claim = store.claim_one()
    store.settle(claim, outcome, delay_ms=1_500)
    before = store.row("jo")
    store.clock.pass_ms(11)

    store.settle(claim, outcome, delay_ms=1_500)

    assert store.row("jo") == before


@pytest.mark.parametrize("outcome", [Accepted(), NO_SUCH_USER])
def test_a_settle_past_its_moment_holds_while_nobody_else_claimed(store: Store, outcome: Outcome) -> None:
    store.observe(seen("jo", True, 1))
    claim = store.claim_one()
    store.clock.pass_ms(HOLD_MS * 3)

    store.settle(claim, outcome)

    assert store.row("jo").due_at is None


def test_a_settle_for_a_member_that_is_gone_changes_nothing(store: Store) -> None:
    store.observe(seen("jo", True, 1))
    claim = store.claim_one()
    store.write(lambda txn: ledger.forget_chunk(txn, JOB, upto=None))

    store.settle(claim, Accepted())

    assert not store.has("jo")


def test_each_of_many_outcomes_reaches_its_own_row(store: Store) -> None:
    store.observe(*all_in(["al", "bo", "cy", "di"]))
    by_name = {claim.member: claim for claim in store.claim()}
    store.settle_all(
        [
            Settlement(by_name["al"], Accepted()),
            Settlement(by_name["bo"], Rejected("blacklisted")),
            Settlement(by_name["cy"], LATER, delay_ms=1_000, is_failure=True),
            Settlement(by_name["di"], UNKNOWN),
        ]
    )

    now = store.clock.now_ms()
    assert [store.row(name).due_at for name in ("al", "bo", "cy", "di")] == [None, None, now + 1_000, now + HOLD_MS]
    assert store.row("bo").aside == "blacklisted"


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (NO_SUCH_USER, "rejected"),
        (LATER, "retry"),
        (RetryLater("Database Access Limit Exceeded", is_throttle=True), "throttled"),
        (UNKNOWN, "unknown"),
        (LATE, "late"),
        (STOP, "stopped"),
    ],
)
def test_what_was_not_routine_is_written_down(store: Store, outcome: Outcome, kind: str) -> None:
    store.observe(seen("jo", True, 1))
    store.settle(store.claim_one(), outcome)

    (entry,) = store.read(lambda txn: notes.history_of(txn, JOB, "jo"))
    assert (entry.kind, entry.is_in) == (kind, True)


def test_a_clean_first_acceptance_is_not_written_down_and_a_change_is(store: Store) -> None:
    store.tell("jo")
    assert store.read(lambda txn: notes.history_of(txn, JOB, "jo")) == []

    store.tell("jo", is_in=False, version=2)
    (entry,) = store.read(lambda txn: notes.history_of(txn, JOB, "jo"))
    before = f"Before, it held 'true', taken at {iso_from_ms(NOON_MS)}."  # written down nowhere else
    assert (entry.kind, entry.note) == ("accepted", f"Mapp took 'false'. {before}")


@pytest.mark.parametrize("outcome", [NO_SUCH_USER, LATER, LATE, STOP, UNKNOWN], ids=lambda o: type(o).__name__)
def test_what_mapp_took_after_an_earlier_attempt_is_written_down(store: Store, outcome: Outcome) -> None:
    store.observe(seen("jo", True, 1))
    store.settle(store.claim_one(), outcome)
    store.clock.pass_ms(HOLD_MS)
    store.write(lambda txn: ledger.owe_member_again(txn, store.sql, JOB, "jo"))
    (claim,) = store.claim() + store.claim(lane=LANE_BULK)
    store.settle(claim, Accepted())

    newest, earlier = store.read(lambda txn: notes.history_of(txn, JOB, "jo"))
    assert (newest.kind, newest.note) == ("accepted", "Mapp took 'true'.")
    assert earlier.kind != "accepted"


def test_what_was_seen_again_before_its_first_attempt_is_clean_all_the_same(store: Store) -> None:
    store.observe(*all_in(["al", "bo"]), source=Source.BACKFILL)
    store.observe(*all_in(["al", "bo"], version=2), source=Source.BACKFILL)
    claims = store.claim(lane=LANE_BULK)

    assert [claim.was_claimed for claim in claims] == [False, False]
    store.settle_all([Settlement(claim, Accepted()) for claim in claims])
    assert store.fetch("SELECT * FROM history") == []


def test_that_a_row_was_claimed_outlives_whatever_is_said_of_it_since(store: Store) -> None:
    store.observe(seen("jo", True, 1))
    store.settle(store.claim_one(), LATE)
    store.observe(seen("jo", False, 2))
    store.observe(seen("jo", True, 3))

    assert store.claim_one().was_claimed
    store.clock.pass_ms(HOLD_MS)
    assert store.claim_one().was_claimed


def test_the_next_moment_is_the_earliest_of_both_lanes(store: Store) -> None:
    delivery = SqlDelivery(store.database, store.sql)
    assert run(delivery.next_due_ms(JOB)) is None

    store.observe(seen("al", True, 1), source=Source.BACKFILL)
    store.clock.pass_ms(10)
    store.observe(seen("bo", True, 1))
    assert run(delivery.next_due_ms(JOB)) == store.row("al").due_at

    store.settle(store.claim_one(lane=LANE_BULK), Accepted())
    assert run(delivery.next_due_ms(JOB)) == store.row("bo").due_at


def test_held_exits_are_owed_but_call_nobody_to_send(store: Store) -> None:
    store.observe(seen("jo", False, 1), held=True)

    assert run(SqlDelivery(store.database, store.sql).next_due_ms(JOB)) is None
    assert store.read(lambda txn: ledger.is_owing(txn, JOB, known_ms=txn.now_ms))


def test_a_claim_takes_thousands_in_one_statement(store: Store) -> None:
    store.observe(*all_in(names(3_000)), source=Source.BACKFILL)
    claims = store.claim(lane=LANE_BULK, limit=2_500)
    store.settle_all([Settlement(claim, Accepted()) for claim in claims])

    assert len({claim.member for claim in claims}) == 2_500
    assert store.counters()["members.due"] == 500
