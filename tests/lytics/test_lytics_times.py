from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usher.lytics.times import ns_from_rfc3339

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def exact_ns(moment: datetime, nanos: int) -> int:
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 10**9 + nanos


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-11-20T10:15:02.100200300Z", 1_795_169_702_100_200_300),
        ("2026-11-20T12:15:02.100200300+02:00", 1_795_169_702_100_200_300),
        ("2026-11-20T04:45:02.1002003-05:30", 1_795_169_702_100_200_300),
        ("2026-11-20t10:15:02z", 1_795_169_702_000_000_000),
        ("2026-11-20T10:15:02.1002003009Z", 1_795_169_702_100_200_300),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000_000_000),
        ("1969-12-31T23:59:59.999999999Z", -1),
    ],
)
def test_a_moment_is_read_to_the_nanosecond(text: str, expected: int) -> None:
    assert ns_from_rfc3339(text) == expected


@given(
    moment=st.datetimes(
        min_value=datetime(2, 1, 1),  # noqa: DTZ001 - the zone is drawn, too
        max_value=datetime(9998, 1, 1),  # noqa: DTZ001 - the same
        timezones=OFFSETS,
    ),
    nanos=st.integers(0, 10**9 - 1),
)
def test_it_agrees_with_datetime_at_every_offset(moment: datetime, nanos: int) -> None:
    whole = moment.replace(microsecond=0)
    head, offset = whole.isoformat()[:19], whole.isoformat()[19:]

    assert ns_from_rfc3339(f"{head}.{nanos:09d}{offset}") == exact_ns(whole, nanos)


@given(st.lists(st.integers(0, 10**9 - 1), min_size=2, max_size=2, unique=True))
def test_two_moments_a_nanosecond_apart_keep_their_order(nanos: list[int]) -> None:
    earlier, later = sorted(nanos)
    texts = [f"2026-11-20T10:15:02.{n:09d}Z" for n in (earlier, later)]

    first, second = (ns_from_rfc3339(text) for text in texts)

    assert (first, second) == (1_795_169_702 * 10**9 + earlier, 1_795_169_702 * 10**9 + later)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-11-20",
        "2026-11-20T10:15:02",
        "2026-11-20T10:15:02.Z",
        "2026-02-30T10:15:02Z",
        "2026-13-01T10:15:02Z",
        "0000-01-01T10:15:02Z",
        "2026-11-20T24:00:00Z",
        "2026-11-20T10:60:02Z",
        "2026-11-20T10:15:61Z",
        "2026-11-20T10:15:02+24:00",
        "2026-11-20T10:15:02+02:60",
        "2026-11-20T10:15:02Z\n",
        " 2026-11-20T10:15:02Z",
        "٢٠٢٦-11-20T10:15:02Z",
        "2026-11-20T10:15:02." + "1" * 5_000 + "Z",
        1_795_169_702,
        None,
        ["2026-11-20T10:15:02Z"],
    ],
)
def test_what_names_no_moment_is_none(text: object) -> None:
    assert ns_from_rfc3339(text) is None


@given(st.text())
def test_no_text_makes_it_raise(text: str) -> None:
    assert ns_from_rfc3339(text) is None or text[:4].isdigit()
