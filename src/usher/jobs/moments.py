"""
What happened to one person, in order, told from what was written down and from the ledger's row.

What was routine is not written down: a scan that finds somebody, and an acceptance at the first attempt ever. The row
still knows the newest of each, so they are told from there; what a scan had said before an exit is kept as its version
alone. So is why nothing is sent while a lost request may still land.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from usher.clock import iso_from_ms, iso_or_none
from usher.domain.attribute import value_of
from usher.domain.notes import HistoryEntry
from usher.domain.observation import NS_PER_MS
from usher.domain.scan import Scan
from usher.store.members import MemberRow

NS_PER_SECOND = 1_000_000_000
ATTEMPTS = frozenset({"accepted", "retry", "throttled", "rejected", "unknown", "late", "stopped"})
FAILED = {"retry": "The attempt failed.", "throttled": "Mapp asked for a slower pace."}


@dataclass(frozen=True, slots=True)
class Moment:
    """
    Something about this person.

    Args:
        at: RFC 3339; for an observation when it came in, for an attempt when it ended.
        kind: of an observation "enter", "exit", "seen", "absent", "known" (how it came is no longer kept) or "ignored";
            of a person's word "kept" or "owed"; of an attempt "accepted", "retry", "throttled", "rejected", "unknown",
            "late" or "stopped"; "waiting" where the next attempt must wait.
        value: what was wanted, or sent, then.
        version: source time to the nanosecond, where there is one.
    """

    at: str
    kind: str
    value: str | None
    version: str | None
    note: str


def moments_of(
    entries: Sequence[HistoryEntry],
    row: MemberRow | None,
    scans: Mapping[int, Scan],
    *,
    now_ms: int,
    guard_seconds: float,
    hold_ms: int,
) -> list[Moment]:
    """
    Return what happened, newest first.

    Args:
        entries: what was written down, newest first.
        scans: by each of *found_versions*, the one that asked for a page at the moment of which that version speaks.
        hold_ms: how long a claim holds a row.
    """
    told = [_written(entry, scans, guard_seconds=guard_seconds) for entry in entries]
    if row is not None:
        told += _from_row(entries, row, scans, guard_seconds=guard_seconds)
    told = _waits(entries, row, now_ms=now_ms, hold_ms=hold_ms) + told  # at the same moment, the wait is the newer
    return [moment for _, moment in sorted(told, key=lambda pair: -pair[0])]


def is_explained(entries: Sequence[HistoryEntry], version: int) -> bool:
    """Return whether the observation that made *version* was written down."""
    return any(entry.version == version and entry.kind != "ignored" for entry in entries)


def found_versions(entries: Sequence[HistoryEntry], row: MemberRow | None) -> set[int]:
    """Return the versions of which only a scan that was under way then can tell how they came."""
    found = {version for entry in entries if (version := _bare_version(entry)) is not None}
    if row is not None and row.is_in and not is_explained(entries, row.version):
        found.add(row.version)
    return found


def _bare_version(entry: HistoryEntry) -> int | None:
    """Return the version of an entry written only because the row was about to forget it, None of any other."""
    return entry.version if entry.kind == "seen" and not entry.note else None


def asked_ms(version: int, *, guard_seconds: float) -> int:
    """Return when a scan must have asked for the page that gave *version*."""
    return (version + int(guard_seconds * NS_PER_SECOND)) // NS_PER_MS


def iso_from_ns(at_ns: int) -> str:
    """RFC 3339 in UTC with nanoseconds, as Lytics writes the time of a trigger."""
    seconds, nanoseconds = divmod(at_ns, NS_PER_SECOND)
    return f"{iso_from_ms(seconds * 1000)[:19]}.{nanoseconds:09d}Z"


def _written(entry: HistoryEntry, scans: Mapping[int, Scan], *, guard_seconds: float) -> tuple[int, Moment]:
    if (bare := _bare_version(entry)) is not None:
        return _observed(bare, is_in=True, scan=scans.get(bare), guard_seconds=guard_seconds)
    return entry.at_ms, Moment(
        at=iso_from_ms(entry.at_ms),
        kind=entry.kind,
        value=None if entry.is_in is None else value_of(entry.is_in),
        version=None if entry.version is None else iso_from_ns(entry.version),
        note=entry.note,
    )


def _from_row(
    entries: Sequence[HistoryEntry], row: MemberRow, scans: Mapping[int, Scan], *, guard_seconds: float
) -> list[tuple[int, Moment]]:
    found = []
    if not is_explained(entries, row.version):
        scan = scans.get(row.version)
        found.append(_observed(row.version, is_in=row.is_in, scan=scan, guard_seconds=guard_seconds))
    if row.accepted_at is not None and not _is_written(entries, "accepted", row.accepted_at):
        assert row.accepted is not None
        value = value_of(row.accepted)
        found.append(_at(row.accepted_at, "accepted", value, f"Mapp took {value!r}."))
    if row.aside_at is not None and not _is_written(entries, "rejected", row.aside_at):
        found.append(_at(row.aside_at, "rejected", value_of(row.is_in), row.aside or ""))
    return found


def _is_written(entries: Sequence[HistoryEntry], kind: str, at_ms: int) -> bool:
    return any(entry.kind == kind and entry.at_ms == at_ms for entry in entries)


def _observed(version: int, *, is_in: bool, scan: Scan | None, guard_seconds: float) -> tuple[int, Moment]:
    value, written = value_of(is_in), iso_from_ns(version)
    if scan is None or not is_in:
        return _at(version // NS_PER_MS, "known", value, "How this came in is no longer kept.", written)
    note = (
        f"Named by the {scan.kind} scan, on a page asked for at this moment. The version is {guard_seconds:g} s older,"
        " for how far a scan may lag."
    )
    return _at(asked_ms(version, guard_seconds=guard_seconds), "seen", value, note, written)


def lost_answer(
    entries: Sequence[HistoryEntry], row: MemberRow | None, *, now_ms: int, hold_ms: int
) -> HistoryEntry | None:
    """Return the attempt whose answer was lost and for which this person waits, or None where none is."""
    newest, until_ms = _newest_attempt(entries), _waits_until(row, now_ms=now_ms)
    if newest is None or newest.kind != "unknown" or until_ms is None:
        return None
    # A later claim holds the row for longer than this attempt's own could.
    return newest if until_ms <= newest.at_ms + hold_ms else None


def _newest_attempt(entries: Sequence[HistoryEntry]) -> HistoryEntry | None:
    return next((entry for entry in entries if entry.kind in ATTEMPTS), None)


def _waits_until(row: MemberRow | None, *, now_ms: int) -> int | None:
    return row.due_at if row is not None and row.due_at is not None and row.due_at > now_ms else None


def _waits(
    entries: Sequence[HistoryEntry], row: MemberRow | None, *, now_ms: int, hold_ms: int
) -> list[tuple[int, Moment]]:
    """Return why nothing is sent now, and why nothing was after each lost answer."""
    lost = lost_answer(entries, row, now_ms=now_ms, hold_ms=hold_ms)
    until = iso_or_none(_waits_until(row, now_ms=now_ms))
    newest = _newest_attempt(entries)
    found = []
    for entry in entries:
        if entry is lost:
            note = f"Nothing is sent before {until}: the lost request may still land."
        elif entry.kind == "unknown":
            note = "Nothing more was sent until the lost request could no longer land."
        elif entry is newest and entry.kind in FAILED and until is not None:
            note = f"{FAILED[entry.kind]} The next one is under way, or begins at {until}."
        else:
            continue
        found.append(_at(entry.at_ms, "waiting", value_of(bool(entry.is_in)), note))
    return found


def _at(at_ms: int, kind: str, value: str, note: str, version: str | None = None) -> tuple[int, Moment]:
    return at_ms, Moment(iso_from_ms(at_ms), kind, value, version, note)
