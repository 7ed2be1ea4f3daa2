"""Delays in log-spaced buckets: what is read back is what was counted, to within the growth of a bucket."""

import random
from collections import Counter

import pytest

from usher.domain.delays import BOUNDS_MS, GROWTH, LAST, NAMES, delay_name, quantile_ms


@pytest.mark.parametrize(
    ("delay_ms", "name"),
    [(-5, "d00"), (0, "d00"), (0.9, "d00"), (1, "d01"), (1.4, "d01"), (1.5, "d02"), (2.25, "d03"), (1_000, "d18")],
)
def test_a_delay_is_counted_in_the_bucket_that_it_lies_in(delay_ms, name):
    assert delay_name(delay_ms) == name


def test_whatever_takes_longer_than_any_bucket_is_counted_in_the_last():
    assert delay_name(BOUNDS_MS[-1]) == delay_name(10**15) == NAMES[LAST] == "d54"
    assert quantile_ms({"d54": 3}, 0.5) == round(BOUNDS_MS[-1])


def test_nothing_counted_has_no_percentile():
    assert quantile_ms({}, 0.5) is None
    assert quantile_ms({"entered": 7, "live": 7, "d03": 0}, 0.5) is None


def test_a_percentile_is_read_in_proportion_within_its_bucket():
    lower, upper = BOUNDS_MS[17], BOUNDS_MS[18]
    assert quantile_ms({"d18": 4}, 0.5) == round((lower + upper) / 2)
    assert quantile_ms({"d18": 4}, 1.0) == round(upper)
    assert quantile_ms({"d05": 1, "d18": 1}, 0.5) == round(BOUNDS_MS[5])


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_percentile_is_off_by_no_more_than_a_bucket_grows(seed, share):
    rng = random.Random(seed)
    delays = sorted(rng.lognormvariate(7, 1.5) for _ in range(1_000))
    counts = Counter(delay_name(delay) for delay in delays)

    told, true = quantile_ms(counts, share), delays[round(share * len(delays)) - 1]

    assert told is not None
    assert true / GROWTH - 1 <= told <= true * GROWTH + 1


def test_percentiles_of_two_spans_are_those_of_their_counts_added_up():
    quick, slow = Counter({"d10": 99}), Counter({"d30": 1})

    whole = quick + slow

    assert quantile_ms(whole, 0.5) == quantile_ms({"d10": 99, "d30": 1}, 0.5)
    assert quantile_ms(whole, 1.0) == round(BOUNDS_MS[30])
