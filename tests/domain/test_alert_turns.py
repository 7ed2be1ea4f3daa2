"""When a condition becomes an alert, and when one is over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usher.domain.alert import Patience
from usher.domain.alert_turns import Step, Track, step

NOW = 100_000
SLOW = Patience(begins_after=60, ends_after=30)
AT_ONCE = Patience(begins_after=0, ends_after=0)
BRIEF = Patience(begins_after=1, ends_after=1)

CASES = [
    ("nothing", None, False, SLOW, Step.NOTHING),
    ("new", None, True, SLOW, Step.NOTE),
    ("new, at once", None, True, AT_ONCE, Step.TELL),
    ("noted, too short", Track(NOW - 59_999), True, SLOW, Step.NOTHING),
    ("noted, long enough", Track(NOW - 60_000), True, SLOW, Step.TELL),
    ("noted, gone", Track(NOW - 60_000), False, SLOW, Step.FORGET),
    ("told, there", Track(0, NOW), True, SLOW, Step.NOTHING),
    ("told, gone", Track(0, 1), False, SLOW, Step.NOTE_GONE),
    ("told, gone, at once", Track(0, 1), False, AT_ONCE, Step.END),
    ("told, gone too short", Track(0, 1, NOW - 29_999), False, SLOW, Step.NOTHING),
    ("told, gone long enough", Track(0, 1, NOW - 30_000), False, SLOW, Step.END),
    ("told, back", Track(0, 1, NOW - 30_000), True, SLOW, Step.NOTE_BACK),
    ("told, gone, for a moment", Track(0, 1), False, BRIEF, Step.NOTE_GONE),
    ("told, gone just now", Track(0, 1, NOW), False, SLOW, Step.NOTHING),
    ("new, for a moment", None, True, BRIEF, Step.NOTE),
    ("noted just now", Track(NOW), True, SLOW, Step.NOTHING),
    ("told, clock set back", Track(0, 1, NOW + 90_000), False, SLOW, Step.NOTE_GONE),
    ("noted, clock set back", Track(NOW + 90_000), True, SLOW, Step.FORGET),
]


@pytest.mark.parametrize(
    ("known", "is_there", "patience", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_one_look_makes_exactly_this_step(
    known: Track | None, is_there: bool, patience: Patience, expected: Step
) -> None:
    assert step(known, is_there=is_there, now_ms=NOW, patience=patience) is expected


@given(st.lists(st.booleans(), max_size=60), st.sampled_from([SLOW, AT_ONCE, Patience(10, 60)]))
def test_beginnings_and_ends_take_turns_and_each_lasted_long_enough(seen: list[bool], patience: Patience) -> None:
    known: Track | None = None
    heard: list[Step] = []
    for second, is_there in enumerate(seen):
        now_ms = second * 10_000
        taken = step(known, is_there=is_there, now_ms=now_ms, patience=patience)
        if taken is Step.TELL:
            began_ms = now_ms if known is None else known.began_ms
            since = range(began_ms // 10_000, second + 1)
            assert all(seen[moment] for moment in since)
            assert now_ms - began_ms >= patience.begins_after * 1000
        known = _after(known, taken, now_ms)
        if taken in {Step.TELL, Step.END}:
            heard.append(taken)
    assert heard == [Step.TELL, Step.END] * (len(heard) // 2) + [Step.TELL] * (len(heard) % 2)


def _after(known: Track | None, taken: Step, now_ms: int) -> Track | None:
    match taken:
        case Step.NOTE:
            return Track(now_ms)
        case Step.TELL:
            return Track(now_ms if known is None else known.began_ms, now_ms)
        case Step.FORGET | Step.END:
            return None
        case Step.NOTE_GONE | Step.NOTE_BACK:
            assert known is not None
            return Track(known.began_ms, known.told_ms, now_ms if taken is Step.NOTE_GONE else None)
    return known
