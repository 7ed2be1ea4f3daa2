"""A gap is over once what was missed is known, and nothing that is known keeps triggers away."""

import pytest

from usher.domain.absence import Doubt
from usher.domain.trigger_gap import Compared, Gap, GapKind, Supply, gap_said, over_because, with_newer
from usher.domain.unnamed import Triggers, have_lost_identifier

OPEN_MS, LATER_MS = 2_000, 3_000
NOBODY, SOME = Compared(0), Compared(3)
AT_WORK, BY_HAND = Supply(1_000, is_webhook_at_work=True), Supply(1_000, is_webhook_at_work=False)
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
    because = over_because(Gap(kind, 1_000, OPEN_MS), supply=supply, compared=compared)
    assert (because is not None) is is_over


def test_a_comparison_that_cannot_say_who_left_says_so():
    because = over_because(Gap(GapKind.DOWN, 1, 2), supply=AT_WORK, compared=Compared(1, Doubt.SHORT, 9))
    assert because is not None
    assert "cannot say who left (fewer_than_announced)" in because


def test_a_known_cause_takes_the_place_of_silence_and_the_older_beginning_stays():
    silent, ended = Gap(GapKind.SILENT, 10, 20), Gap(GapKind.ENDED, 15, 30, "failed")
    assert with_newer(silent, ended) == Gap(GapKind.ENDED, 10, 30, "failed")
    assert with_newer(ended, silent) == Gap(GapKind.ENDED, 10, 30, "failed")
    assert with_newer(None, silent) == silent


@pytest.mark.parametrize("kind", GapKind)
def test_every_gap_says_since_when_and_what_comes_next(kind):
    said = gap_said(Gap(kind, 1_790_000_000_000, 1_790_000_000_000, "failed"))
    assert "2026-09-21 14:13 UTC" in said
    assert "compares the whole audience by itself" in said


@pytest.mark.parametrize(
    ("received", "unnamed", "usual", "verdict"),
    [(49, 49, 0.0, None), (50, 10, 0.0, False), (50, 11, 0.0, True), (50, 24, 0.3, False), (50, 26, 0.3, True)],
)
def test_triggers_have_lost_the_identifier_where_more_than_a_fifth_lack_it_beyond_what_is_usual(
    received, unnamed, usual, verdict
):
    assert have_lost_identifier(Triggers(received, unnamed), usual=usual) is verdict
