"""
What the engine needs from the world, one protocol for each part that needs it.

The engine runs in one thread over these, so that a virtual clock and a seeded scheduler can run it.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from usher.clock import Clock
from usher.domain.absence import Doubt
from usher.domain.attribute import Target
from usher.domain.claim import Claim, Settlement
from usher.domain.intake import Intake
from usher.domain.job import Cause, Event, Job
from usher.domain.notes import LogEntry
from usher.domain.observation import Observation, Source
from usher.domain.outcome import Outcome
from usher.domain.scan import Scan
from usher.lytics.audiences import Audience, Field
from usher.lytics.scan import Page


class IntakeStore(Protocol):
    """Takes triggers in."""

    async def take_in(self, auth_id: str, sort: Callable[[list[Job], int], Intake]) -> Intake:
        """
        Give *sort* the live jobs of a Lytics authorization and the time in ms, and apply what it returns, all at once.

        Raises:
            Unavailable: nothing was kept; ask Lytics to send it again.
        """


class DeliveryStore(Protocol):
    """Hands out rows to send, and takes their outcomes."""

    async def claim(self, job: Job, *, lane: int, limit: int, hold_ms: int) -> list[Claim] | None:
        """
        Take up to *limit* due rows for this process alone; each is due again *hold_ms* later unless settled.

        Returns:
            None where *job* has ended or moved since it was read: its place may be another's by now. Ask again once
            told what it is.
        """

    async def settle(self, settlements: Sequence[Settlement]) -> set[int]:
        """
        Store what attempts meant, for the rows whose claim still holds. Never run it again when its commit is in doubt.

        Returns:
            The jobs that still owe some of these rows, at once or after a backoff.

        Raises:
            Unavailable: perhaps nothing was kept; the rows become due by themselves.
        """

    async def next_due_ms(self, job: int) -> int | None:
        """When the earliest row that may be claimed is due, by the ledger's clock; None where nothing is owed."""


class ScanStore(Protocol):
    """Keeps how far a scan has come, together with what it found."""

    async def running_scan(self, job: int) -> Scan | None: ...

    async def begin_scan(self, job: int, *, definition: str, expected: int | None) -> Scan:
        """Begin the kind of scan that the job wants as it is now, and want none any more."""

    async def share_unnamed_before(self, job: int) -> float | None:
        """The share (0..1) of profiles without an identifier in the last scan that completed; None: there was none."""

    async def record_page(
        self, scan: Scan, observations: Sequence[Observation], *, source: Source, profiles: int,
        without_identifier: int, cursor: str, expected: int | None,
    ) -> Scan:  # fmt: skip
        """Take in one page and its checkpoint, in one commit. Safe to repeat."""

    async def finish_scan(self, scan: Scan, *, doubt: Doubt | None, version: int) -> None:
        """
        End a scan that read its last page.

        Args:
            doubt: why it says nothing about who left, or None: then whoever it did not see has left,
                as of *version*, unless those are so many that a person must look first.
        """

    async def interrupt_scan(self, scan: Scan, *, reason: str, starts_again: bool) -> None:
        """End a scan that could not go on; it says nothing about who left."""


class JobStore(Protocol):
    """Reads jobs and moves them from state to state."""

    async def live_jobs(self) -> list[Job]: ...

    async def apply(
        self, job: Job, event: Event, *, cause: Cause = Cause.NONE, reason: str = "", log: LogEntry | None = None,
        sleep_until_ms: int | None = None,
    ) -> bool:  # fmt: skip
        """Move a job on, if it still is as *job* says; return whether it was."""

    async def change(self, job: int, **changes: Any) -> None: ...

    async def is_owing_of_scan(self, job: int) -> bool:
        """Whether anything is owed that was known when the last scan ended; what came in since does not count."""

    async def note_health(self, auth_id: str, *, is_healthy: bool, note: str) -> None: ...

    async def owe_one_set_aside(self, job: int) -> bool:
        """Owe one member again who was set aside, the one longest so; return whether there was any."""

    async def owe_set_aside_since(self, job: int, *, since_ms: int) -> int:
        """Owe again whoever was set aside at or after a moment; return how many."""

    async def sweep_some(self, *, begun_before_ms: int) -> bool:
        """
        Do a bounded piece of each sweep that is open; return whether there was any.

        Args:
            begun_before_ms: leave later ones alone. A sweep that owes everybody again because a job was edited must not
                begin before whoever sends knows of the edit, or a row could be settled under the old attribute.
        """

    async def prune_some(self) -> bool:
        """Drop a bounded piece of what has been kept for its time; return whether there may be more."""


class Mapp(Protocol):
    """One Mapp account."""

    async def ping(self) -> None: ...

    async def groups(self) -> dict[str, str]: ...

    async def send(self, target: Target, member: str, *, is_in: bool, expires_at_ms: int) -> Outcome:
        """Send one member's value once. Never raises for anything Mapp or the network does."""


class Lytics(Protocol):
    """One Lytics account."""

    async def clock_difference_seconds(self, *, clock: Clock) -> float | None:
        """How far Lytics' clock is ahead of *clock* (behind: negative), to about a second; None where it shows none."""

    async def audience(self, id_or_slug: str) -> Audience: ...

    async def fields(self) -> list[Field]: ...

    async def scan_page(self, audience_id: str, *, field: str, cursor: str, expected: int | None = None) -> Page:
        """
        Read one page of who is inside; of very many, as *expected* says, a page may hold many more.

        Raises:
            CursorExpired: start a new scan from the beginning.
        """


class Vendors(Protocol):
    """Gives clients for authorizations, always with their newest credentials."""

    async def mapp(self, auth_id: str) -> Mapp: ...

    async def lytics(self, auth_id: str) -> Lytics: ...

    async def limits(self, auth_id: str) -> tuple[float | None, int]:
        """Requests per second (None: no limit) and requests in flight for a Mapp authorization."""

    async def revision(self, auth_id: str) -> int:
        """Grows whenever the authorization's credentials or limits change."""
