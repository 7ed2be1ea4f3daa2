"""What happened to one person is told whole: what was written down, and what only the row still knows."""

from dataclasses import replace

import pytest

from tests.clocks import NOON_MS
from usher.clock import iso_from_ms
from usher.domain.notes import HistoryEntry
from usher.domain.observation import NS_PER_MS, version_of_scan
from usher.domain.scan import Scan
from usher.jobs.moments import Moment, found_versions, iso_from_ns, lost_answer, moments_of
from usher.store.members import MemberRow

GUARD, HOLD_MS = 120.0, 60_000
ROW = MemberRow(
    member="jo@example.com",
    is_in=True,
    version=NOON_MS * NS_PER_MS,
    seq=1,
    due_at=None,
    lane=0,
    attempts=0,
    accepted=None,
    accepted_at=None,
    aside=None,
    aside_at=None,
)
SCAN = Scan(
    id=1,
    job=1,
    kind="backfill",
    state="completed",
    reason="",
    cursor="",
    definition="d",
    seen=9,
    profiles=9,
    without_identifier=0,
    expected=9,
    pages=1,
    leaving=0,
    started_ms=NOON_MS - 500,
    finished_ms=NOON_MS + 500,
)


def entry(kind: str, at_ms: int = NOON_MS, **more: object) -> HistoryEntry:
    return replace(HistoryEntry(1, "jo@example.com", kind, is_in=True, at_ms=at_ms), **more)


def told(*entries: HistoryEntry, row: MemberRow | None = ROW, scan: Scan | None = None) -> list[Moment]:
    """Tell *entries*, newest first, one minute after noon."""
    scans = {} if scan is None else dict.fromkeys(found_versions(entries, row), scan)
    return moments_of(entries, row, scans, now_ms=NOON_MS + 60_000, guard_seconds=GUARD, hold_ms=HOLD_MS)


def test_who_a_scan_found_and_mapp_took_at_once_has_both_in_their_story() -> None:
    row = replace(
        ROW, version=version_of_scan(NOON_MS, guard_seconds=GUARD), accepted=True, accepted_at=NOON_MS + 1_000
    )

    accepted, seen = told(row=row, scan=SCAN)

    assert (accepted.kind, accepted.value, accepted.at) == ("accepted", "true", iso_from_ms(NOON_MS + 1_000))
    assert (seen.kind, seen.at, seen.version) == ("seen", iso_from_ms(NOON_MS), iso_from_ns(row.version))
    assert "backfill scan" in seen.note


def test_what_a_scan_had_said_before_an_exit_is_told_from_its_version() -> None:
    bare = entry("seen", version=version_of_scan(NOON_MS, guard_seconds=GUARD), at_ms=1)
    left = entry("exit", NOON_MS + 9, version=ROW.version, is_in=False)
    row = replace(ROW, is_in=False)

    assert found_versions((left, bare), row) == {bare.version}
    exited, seen = told(left, bare, row=row, scan=SCAN)
    assert (exited.kind, seen.kind, seen.at) == ("exit", "seen", iso_from_ms(NOON_MS))
    assert "Named by the backfill scan" in seen.note
    assert told(left, bare, row=row)[1].kind == "known"  # which scan it was is no longer kept


def test_a_scan_that_brought_news_is_told_once_in_its_own_words() -> None:
    (seen,) = told(entry("seen", version=ROW.version, note="A reconcile found this person."), scan=SCAN)

    assert (seen.kind, seen.note) == ("seen", "A reconcile found this person.")


def test_what_was_written_down_is_not_told_twice() -> None:
    row = replace(ROW, accepted=True, accepted_at=NOON_MS + 9)
    entries = (entry("accepted", NOON_MS + 9, note="Mapp took 'true'."), entry("enter", version=ROW.version))

    assert [moment.kind for moment in told(*entries, row=row)] == ["accepted", "enter"]


def test_an_ignored_trigger_does_not_explain_the_version_that_stands() -> None:
    found = told(entry("ignored", version=ROW.version, note="not_newer"))

    assert sorted(moment.kind for moment in found) == ["ignored", "known"]


def test_what_is_no_longer_kept_is_said_and_not_guessed() -> None:
    (known,) = told()

    assert (known.kind, known.value) == ("known", "true")
    assert "no longer kept" in known.note


def test_a_rejection_whose_line_was_dropped_is_told_from_the_row() -> None:
    rejected, _ = told(row=replace(ROW, aside="no such user", aside_at=NOON_MS + 5))

    assert (rejected.kind, rejected.note) == ("rejected", "no such user")


@pytest.mark.parametrize(
    ("kind", "waits_ms", "word"),
    [
        ("unknown", 60_000, "the lost request may still land"),
        ("retry", 120_000, "The attempt failed. The next one is under way, or begins at"),
        ("throttled", 61_000, "slower pace. The next one is under way"),
    ],
    ids=["lost", "failed", "throttled"],
)
def test_why_nothing_is_sent_now_stands_beside_the_attempt(kind: str, waits_ms: int, word: str) -> None:
    due_at = NOON_MS + 1_000 + waits_ms
    row = replace(ROW, due_at=due_at)

    waiting, attempt, _ = told(entry(kind, NOON_MS + 1_000, note="odd"), entry("enter", version=ROW.version), row=row)

    assert (waiting.kind, attempt.kind) == ("waiting", kind)
    assert word in waiting.note
    assert iso_from_ms(due_at) in waiting.note


def test_a_wait_that_is_over_names_no_moment_and_a_failure_that_is_over_needs_no_word() -> None:
    found = told(
        entry("accepted", NOON_MS + 9_000),
        entry("retry", NOON_MS + 5_000),
        entry("unknown", NOON_MS + 1_000),
        entry("enter", version=ROW.version),
    )

    assert [moment.kind for moment in found] == ["accepted", "retry", "waiting", "unknown", "enter"]
    assert found[2].note == "Nothing more was sent until the lost request could no longer land."


def test_a_later_claim_is_not_taken_for_the_wait_after_a_lost_answer() -> None:
    lost = entry("unknown", NOON_MS)

    def answer(due_at: int) -> HistoryEntry | None:
        return lost_answer([lost], replace(ROW, due_at=due_at), now_ms=NOON_MS + 1, hold_ms=HOLD_MS)

    assert answer(NOON_MS + HOLD_MS) is lost
    assert answer(NOON_MS + HOLD_MS + 1) is None
    assert answer(NOON_MS) is None  # it is over


def test_the_newest_comes_first() -> None:
    found = told(entry("exit", NOON_MS + 2, version=1), entry("enter", NOON_MS, version=ROW.version))

    assert [moment.kind for moment in found] == ["exit", "enter"]
