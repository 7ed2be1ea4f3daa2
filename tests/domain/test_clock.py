"""How moments are written, and the machine's own clock."""

import asyncio
import time
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usher.clock import SystemClock, iso_from_ms, iso_or_none

EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@pytest.mark.parametrize(
    ("at_ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1, "1970-01-01T00:00:00.001Z"),
        (1_790_000_000_000, "2026-09-21T14:13:20.000Z"),
        (1_790_000_000_999, "2026-09-21T14:13:20.999Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
    ],
)
def test_a_moment_is_written_in_utc_with_milliseconds(at_ms, text):
    assert iso_from_ms(at_ms) == iso_or_none(at_ms) == text


def test_no_moment_is_written_as_none():
    assert iso_or_none(None) is None


@given(st.integers(0, 4_102_444_800_000))
def test_what_is_written_can_be_read_back_to_the_millisecond(at_ms):
    read = datetime.fromisoformat(iso_from_ms(at_ms))

    assert (read - EPOCH) // timedelta(milliseconds=1) == at_ms


async def test_the_machine_s_clock_moves_on_and_sleeping_can_be_ended():
    clock = SystemClock()
    began, began_ms = clock.monotonic(), clock.now_ms()
    sleeper = asyncio.ensure_future(clock.sleep(3_600))
    await clock.sleep(0)
    sleeper.cancel()

    with pytest.raises(asyncio.CancelledError):
        await sleeper
    assert began <= clock.monotonic() < began + 60
    assert began_ms / 1000 == pytest.approx(time.time(), abs=60)
