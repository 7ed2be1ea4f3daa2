"""A gap is over once what was missed is known, and nothing that is known keeps triggers away."""

import pytest

from usher.domain.absence import Doubt
from usher.domain.trigger_gap import Compared, Gap, GapKind, Supply, gap_said, over_because, with_newer

BEFORE_MS, LATER_MS = 1_000, 3_000
NOBODY, SOME = Compared(0), Compared(3)
AT_WORK, BY_HAND = Supply(BEFORE_MS, is_webhook_at_work=True), Supply(BEFORE_MS, is_webhook_at_work=False)
HEARD = Supply(LATER_MS, is_webhook_at_work=False)
EMPTY = Compared(0, Doubt.EMPTY, inside=9)

CASES = [
    ("silence, heard again", GapKind.SILENT, HEARD, None, True),
    ("silence that goes on", GapKind.SILENT, BY_HAND, None, False),
    ("silence, nobody missed", GapKind.SILENT, BY_HAND, NOBODY, True),
    ("silence, some missed", GapKind.SILENT, BY_HAND, SOME, False),
    ("silence, and a comparison that cannot tell", GapKind.SILENT, BY_HAND, Compared(0, Doubt.SHORT, 9), False),
    ("ended, made anew, not compared", GapKind.ENDED, AT_WORK, None, False),
    ("ended, made anew, compared", GapKind.ENDED, AT_WORK, SOME, True),
    ("ended, not made anew, compared", GapKind.ENDED, BY_HAND, SOME, False),
    ("ended, made anew by hand, compared", GapKind.ENDED, HEARD, SOME, True),
    ("stalled still", GapKind.STALLED, BY_HAND, SOME, False),
    ("stalled no more", GapKind.STALLED, AT_WORK, None, True),
    ("down, not compared", GapKind.DOWN, HEARD, None, False),
    ("down, compared", GapKind.DOWN, BY_HAND, SOME, True),
    ("redefined, empty all at once", GapKind.REDEFINED, AT_WORK, EMPTY, False),
    ("redefined, empty as it was", GapKind.REDEFINED, AT_WORK, Compared(0, Doubt.EMPTY, 0), True),
    ("redefined, compared", GapKind.REDEFINED, AT_WORK, SOME, True),
]


@pytest.mark.parametrize(("kind", "supply", "compared", "is_over"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_gap_is_over_when_what_was_missed_is_known(kind, supply, compared, is_over):
    because = over_because(Gap(kind, 500, BEFORE_MS), supply=supply, compared=compared)
    assert (because is not None) is is_over


def test_a_comparison_that_cannot_say_who_left_says_so():
    because = over_because(Gap(GapKind.DOWN, 1, 2), supply=AT_WORK, compared=Compared(1, Doubt.SHORT, 9))
    assert because is not None
    assert "cannot say who left (fewer_than_announced)" in because


def test_a_known_cause_takes_the_place_of_silence_and_the_older_beginning_stays():
    silent, ended = Gap(GapKind.SILENT, 10, 20, "", 1, 4), Gap(GapKind.ENDED, 15, 30, "failed", 2, 5)
    assert with_newer(silent, ended) == Gap(GapKind.ENDED, 10, 30, "failed", 2, 5)
    assert with_newer(ended, silent) == Gap(GapKind.ENDED, 10, 30, "failed", 2, 5)
    assert with_newer(None, silent) == silent


@pytest.mark.parametrize("kind", GapKind)
def test_every_gap_says_since_when_and_what_comes_next(kind):
    said = gap_said(Gap(kind, 1_790_000_000_000, 1_790_000_000_000, "failed"))
    assert "2026-09-21 14:13 UTC" in said
    assert "compares the whole audience by itself" in said


@pytest.mark.parametrize(("found", "said"), [(0, "nobody"), (1, "1 person"), (2, "2 people"), (1_200, "1,200 people")])
def test_how_many_had_changed_is_said_as_people_say_it(found: int, said: str):
    because = over_because(Gap(GapKind.DOWN, 1, 2), supply=AT_WORK, compared=Compared(found))
    assert because == f"The audience was compared: {said} had changed without a trigger."


@pytest.mark.parametrize(
    ("before_ms", "heard_ms", "is_over"),
    [(2_000, 2_000, False), (None, None, False), (None, 1, True), (2_000, 2_001, True), (2_000, 5, True)],
    ids=["none came", "none ever came", "the first came", "one came", "one came after the clock was set back"],
)
def test_silence_ends_with_a_trigger_that_had_not_come_before_whatever_the_clock_shows(
    before_ms: int | None, heard_ms: int | None, is_over: bool
):
    supply = Supply(heard_ms, is_webhook_at_work=False)
    because = over_because(Gap(GapKind.SILENT, 1_000, before_ms), supply=supply, compared=None)
    assert (because is not None) is is_over


def test_causes_keep_the_names_under_which_they_are_stored():
    assert [str(kind) for kind in GapKind] == ["silent", "webhook_ended", "webhook_stalled", "usher_down", "redefined"]


def test_what_nobody_said_of_a_gap_or_a_comparison_is_nothing():
    gap = Gap(GapKind.SILENT, 1)
    assert (gap.heard_before_ms, gap.note, gap.found_before, gap.scan_before) == (None, "", 0, 0)
    assert (NOBODY.doubt, NOBODY.inside) == ("", 0)
