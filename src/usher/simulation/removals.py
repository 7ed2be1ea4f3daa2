"""Whether the brake asks a person before too many are removed, counted anew from what each commit changed."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from usher.domain.job import JobConfig
from usher.domain.removal_brake import WINDOW_MS, scan_limits, stops

DECIDES = "person who decides"
SURELY_MS = WINDOW_MS - 60_000  # the product counts by whole minutes
PROMISE = "nobody is asked too late whether so many shall be removed"


@dataclass(frozen=True, slots=True)
class Removed:
    """
    What one commit did.

    Args:
        left: how many it turned from in to out; *inside*: how many are in after it.
        is_scans_word: they were absent from a scan; otherwise triggers said that they left.
        by: who committed.
    """

    left: int
    is_scans_word: bool
    inside: int
    by: str


class Removals:
    """Follows the removals of one job, commit by commit."""

    def __init__(self, config: JobConfig) -> None:
        self._config = config
        self._exits: deque[tuple[int, int]] = deque()
        self._absent = 0
        self._inside_before: int | None = None  # those who are absent from a scan began to be removed unasked

    def after(self, removed: Removed, *, now_ms: int, is_asked: bool, is_leaving: bool) -> Iterator[tuple[str, str]]:
        """
        Say what is wrong after a commit.

        Args:
            is_asked: exits wait for a person.
            is_leaving: those whom a scan did not find are being removed.
        """
        if removed.by == DECIDES:
            self._exits.clear()
            self._inside_before, self._absent = None, 0
        elif removed.is_scans_word:
            yield from self._mind_scan(removed)
        elif removed.left:
            yield from self._mind_exits(removed, now_ms, is_asked=is_asked)
        if not is_leaving:
            self._inside_before, self._absent = removed.inside, 0

    def _mind_exits(self, removed: Removed, now_ms: int, *, is_asked: bool) -> Iterator[tuple[str, str]]:
        self._exits.append((now_ms, removed.left))
        while self._exits[0][0] <= now_ms - SURELY_MS:
            self._exits.popleft()
        config, left = self._config, sum(count for _, count in self._exits)
        is_much = stops(
            left, inside=removed.inside + left, people=config.exit_brake_people, percent=config.exit_brake_percent
        )
        if config.exit_brake and is_much and not is_asked:
            yield PROMISE, f"{left} left by triggers, {removed.inside} are inside"

    def _mind_scan(self, removed: Removed) -> Iterator[tuple[str, str]]:
        self._absent += removed.left
        config = self._config
        people, percent = scan_limits(
            is_set=config.exit_brake, people=config.exit_brake_people, percent=config.exit_brake_percent
        )
        inside = self._inside_before
        if inside is not None and stops(self._absent, inside=inside, people=people, percent=percent):
            yield PROMISE, f"{self._absent} were absent from a scan, of {inside}"
