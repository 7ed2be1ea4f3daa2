"""
What was seen of a member's membership, and which of two sightings is newer.

A version is source time in nanoseconds since 1970.
Newest version wins; equal versions keep what is stored.
"""

from dataclasses import dataclass
from enum import StrEnum

FURTHEST_AHEAD_NS = 5 * 60 * 1_000_000_000  # a later claim is a broken clock, and would pin the member for ever
NS_PER_MS = 1_000_000


class Source(StrEnum):
    """Where an observation came from; it decides whether an unchanged value is news."""

    TRIGGER = "trigger"
    BACKFILL = "backfill"
    BASELINE = "baseline"  # first scan of a job without Existing Users: known inside, nothing owed
    RECONCILE = "reconcile"
    PERSON = "person"  # somebody decided, at the removal brake


@dataclass(frozen=True, slots=True)
class Observation:
    """*member* is in (or out of) the audience, as of *version*."""

    member: str
    is_in: bool
    version: int
    source: Source


def version_of_trigger(claimed_ns: int | None, *, received_ms: int) -> tuple[int, bool]:
    """
    Return the version of a trigger, and whether its claimed time was too far ahead to be believed.

    Without a time of its own, a trigger is as old as its arrival.
    """
    received_ns = received_ms * NS_PER_MS
    if claimed_ns is None:
        return received_ns, False
    if claimed_ns > received_ns + FURTHEST_AHEAD_NS:
        return received_ns, True
    return claimed_ns, False


def version_of_scan(asked_ms: int, *, guard_seconds: float) -> int:
    """
    Return the version of what a scan says, asked for at *asked_ms*.

    The guard (G) covers how far Lytics' scan may lag behind its triggers, and the error of our clock.
    For a member on a page, *asked_ms* is when that page was asked for; for one who is absent, when the scan was.
    """
    return asked_ms * NS_PER_MS - int(guard_seconds * 1_000_000_000)


def newest_per_member(observations: list[Observation]) -> list[Observation]:
    """Keep each member's newest observation; among equal versions the later item wins."""
    newest: dict[str, Observation] = {}
    for seen in observations:
        held = newest.get(seen.member)
        if held is None or seen.version >= held.version:
            newest[seen.member] = seen
    return list(newest.values())
