"""A ledger's clock that is set lets nobody send early, and keeps nobody waiting for the time it was wrong by."""

import pytest

from tests.store.stores import HOLD_MS, LATER, Store, run, seen
from usher.domain.claim import Claim, Settlement
from usher.domain.outcome import Accepted
from usher.errors import Unavailable
from usher.store.delivery import SqlDelivery
from usher.store.statements import LANE_LIVE
from usher.store.trials import begin_trial

HOUR_MS = 3_600_000
JO = "jo@example.com"


@pytest.fixture(autouse=True)
def owed(store: Store) -> None:
    store.add_job(is_baselined=True)
    store.observe(seen(JO, is_in=True, version=1))


class Courier:
    """Claims and settles as one worker does."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._delivery = SqlDelivery(store.database, store.sql)

    def claim(self) -> list[Claim]:
        job = self._store.job()
        claims = run(self._delivery.claim(job, lane=LANE_LIVE, limit=9, hold_ms=HOLD_MS))
        assert claims is not None
        return claims

    def settle(self, settlement: Settlement) -> None:
        run(self._delivery.settle([settlement]))


@pytest.mark.parametrize("hours", [1, -1, 24, -24], ids=["forward", "back", "a day forward", "a day back"])
def test_a_row_that_may_still_land_is_not_claimed_again_before_its_claim_would_have_ended(
    store: Store, hours: int
) -> None:
    courier = Courier(store)
    assert courier.claim()
    store.clock.pass_ms(1_000)
    store.clock.set_by(hours * HOUR_MS)
    assert courier.claim() == []
    store.clock.pass_ms(HOLD_MS - 1)
    with pytest.raises(Unavailable):
        courier.claim()


@pytest.mark.parametrize("hours", [1, -1, 24, -24], ids=["forward", "back", "a day forward", "a day back"])
def test_a_row_is_claimed_again_one_hold_after_the_clock_was_set(store: Store, hours: int) -> None:
    courier = Courier(store)
    assert courier.claim()
    store.clock.set_by(hours * HOUR_MS)
    assert courier.claim() == []
    store.clock.pass_ms(HOLD_MS)
    (claim,) = courier.claim()
    courier.settle(Settlement(claim, Accepted()))
    assert store.row(JO).due_at is None


def test_a_row_in_a_backoff_does_not_wait_for_the_hours_that_the_clock_went_back(store: Store) -> None:
    courier = Courier(store)
    (claim,) = courier.claim()
    courier.settle(Settlement(claim, LATER, delay_ms=30_000, is_failure=True))
    store.clock.set_by(-HOUR_MS)
    courier.claim()
    store.clock.pass_ms(HOLD_MS)
    assert [one.member for one in courier.claim()] == [JO]


def test_an_answer_that_comes_after_the_clock_was_set_back_settles_nothing(store: Store) -> None:
    courier = Courier(store)
    (claim,) = courier.claim()
    store.clock.set_by(-HOUR_MS)
    courier.claim()
    courier.settle(Settlement(claim, Accepted()))
    assert store.row(JO).due_at == store.clock.now_ms() + HOLD_MS


def test_a_new_process_notices_a_clock_that_went_back_while_none_ran(store: Store) -> None:
    assert Courier(store).claim()
    store.clock.set_by(-24 * HOUR_MS)
    anew = Courier(store)
    assert anew.claim() == []
    store.clock.pass_ms(HOLD_MS)
    assert [one.member for one in anew.claim()] == [JO]


def test_an_hour_without_claims_and_a_clock_that_drifts_are_no_step(store: Store) -> None:
    courier = Courier(store)
    courier.claim()
    store.clock.pass_ms(HOUR_MS)
    store.clock.set_by(1_500)
    assert [one.member for one in courier.claim()] == [JO]


def test_nothing_is_tried_out_while_a_clock_that_was_set_is_waited_for(store: Store) -> None:
    courier = Courier(store)
    courier.claim()
    store.clock.set_by(HOUR_MS)
    courier.claim()
    with pytest.raises(Unavailable):
        store.write(lambda txn: begin_trial(txn, "a place", hold_ms=HOLD_MS))
