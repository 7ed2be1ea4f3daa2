"""When to stop trying one Mapp account, and when to try again."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usher.domain.breaker import FAILURES_IN_A_ROW, Breaker, probe_wait_seconds

NOW = 1_000.0


def rng(share=1.0):
    """A source whose every draw is *share* of the way from the least to the most."""

    class Fixed(Random):
        def random(self):
            return share

    return Fixed()


def failed(breaker, times, *, now=NOW, source=None):
    for _ in range(times):
        breaker = breaker.failed(now, rng=source or rng())
    return breaker


def opened(now=NOW):
    return failed(Breaker(), FAILURES_IN_A_ROW, now=now)


def test_a_closed_breaker_lets_everything_through():
    assert Breaker().is_closed
    assert Breaker().allows(NOW, in_flight=1_000)


def test_it_opens_at_the_eighth_failure_in_a_row():
    assert FAILURES_IN_A_ROW == 8
    assert failed(Breaker(), 7).is_closed
    assert failed(Breaker(), 7).allows(NOW, in_flight=0)

    assert not opened().is_closed
    assert not opened().allows(NOW, in_flight=0)
    assert opened().open_until == NOW + 1


def test_scattered_failures_never_open_it():
    breaker = Breaker()
    for _ in range(100):
        breaker = failed(breaker, 7)
        assert breaker.is_closed
        breaker = breaker.succeeded()

    assert breaker == Breaker()


def test_during_a_trial_exactly_one_request_is_alive():
    breaker = opened()

    assert not breaker.allows(NOW + 0.999, in_flight=0)
    assert breaker.allows(NOW + 1, in_flight=0)
    assert not breaker.allows(NOW + 1, in_flight=1)
    assert not breaker.allows(NOW + 100, in_flight=2)


def test_a_trial_that_succeeds_closes_it_and_forgets_the_outage():
    assert opened().succeeded() == Breaker()


def test_each_trial_that_fails_doubles_the_wait_up_to_a_minute():
    breaker, waits = opened(), []
    for _ in range(12):
        now = breaker.open_until
        breaker = breaker.failed(now, rng=rng())
        waits.append(breaker.open_until - now)

    assert waits == [2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60, 60]


@given(st.floats(0, 1), st.integers(0, 10**9), st.floats(0, 10**7))
def test_the_wait_is_half_to_whole_of_its_ceiling(share, waits, now):
    breaker = Breaker(failures=8, waits=waits, open_until=now).failed(now, rng=rng(share))
    ceiling = min(60, 2.0 ** min(waits, 10))

    assert now + ceiling / 2 <= breaker.open_until <= now + ceiling
    assert breaker.waits == waits + 1


@pytest.mark.parametrize(("share", "wait"), [(0.0, 0.5), (0.5, 0.75), (1.0, 1.0)])
def test_the_first_wait_is_half_a_second_to_a_second(share, wait):
    assert failed(Breaker(), 8, source=rng(share)).open_until == NOW + wait


def test_an_outage_does_not_bring_every_worker_back_at_once():
    source = Random(7)
    ends = [failed(Breaker(), 8, source=source).open_until for _ in range(100)]

    assert max(ends) - min(ends) > 0.4


@pytest.mark.parametrize(("asked", "wait"), [(None, 1), (0, 1), (0.5, 1), (30, 30), (3_600, 3_600)])
def test_it_stays_open_at_least_as_long_as_mapp_asked(asked, wait):
    breaker = failed(Breaker(), 7).failed(NOW, rng=rng(), retry_after_seconds=asked)

    assert breaker.open_until == NOW + wait


def test_answers_to_what_was_sent_before_it_opened_change_nothing():
    breaker = opened()
    late = failed(breaker, 50, now=NOW + 0.9)

    assert (late.open_until, late.waits) == (breaker.open_until, breaker.waits)
    assert late.failures == 58


def test_a_request_from_before_it_opened_is_no_trial_however_late_it_fails():
    breaker = opened()
    late = breaker.failed(NOW + 10, rng=rng(), sent_at=NOW)

    assert (late.open_until, late.waits) == (breaker.open_until, breaker.waits)
    assert breaker.failed(NOW + 10, rng=rng(), sent_at=breaker.open_until).open_until == NOW + 12


def test_when_a_failed_request_was_sent_does_not_matter_while_it_is_closed():
    breaker = Breaker()
    for _ in range(8):
        breaker = breaker.failed(NOW, rng=rng(), sent_at=NOW - 10)

    assert breaker == opened()


def test_any_word_from_mapp_ends_an_outage_even_a_late_one():
    assert failed(opened(), 5, now=NOW + 0.5).succeeded() == Breaker()


@given(st.lists(st.booleans(), max_size=100), st.integers())
def test_it_is_open_only_after_eight_failures_without_a_word_between(answers, seed):
    breaker, in_a_row, source = Breaker(), 0, Random(seed)
    for n, is_failure in enumerate(answers):
        breaker = breaker.failed(float(n), rng=source) if is_failure else breaker.succeeded()
        in_a_row = in_a_row + 1 if is_failure else 0
        assert breaker.is_closed == (in_a_row < 8)
        assert breaker.failures == in_a_row


@pytest.mark.parametrize(
    ("probes", "longest"), [(0, 30), (1, 60), (2, 120), (3, 240), (4, 480), (5, 900), (6, 900), (10**9, 900)]
)
def test_refused_credentials_are_probed_from_half_a_minute_to_a_quarter_of_an_hour(probes, longest):
    assert probe_wait_seconds(probes, rng=rng(1.0)) == pytest.approx(longest)
    assert probe_wait_seconds(probes, rng=rng(0.0)) == pytest.approx(0.8 * longest)
