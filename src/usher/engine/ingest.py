"""Which jobs a trigger message concerns, and what each of them is to make of it."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from itertools import islice
from typing import Protocol

from usher.domain.intake import Intake, JobIntake
from usher.domain.job import Job
from usher.domain.notes import Unreadable
from usher.domain.observation import Observation
from usher.engine.ports import IntakeStore
from usher.engine.telemetry import Telemetry
from usher.lytics.triggers import AudienceEvent, TriggerMessage, UnreadableItem, observations_of_event, read_message

NO_IDENTIFIER, CHANGE = "no_identifier", "change"
UNKNOWN_AUDIENCE = "unknown_audience"
TOO_MANY = "too_many"
MOST_OBSERVATIONS = 20_000  # of one message for one job: Lytics sends batches of 10, with few identifiers each
MOST_KEPT = 100  # unreadable events of one message; those beyond are counted and not kept
MOST_KEPT_BYTES = 262_144  # of one message, so that no message fills the disk

Seal = Callable[[bytes], bytes]
Read = Callable[[bytes], Awaitable[TriggerMessage]]


class Bell(Protocol):
    """Wakes whoever sends, because something new may be owed."""

    def ring(self) -> None: ...


async def _read_here(body: bytes) -> TriggerMessage:
    return read_message(body)


class Ingest:
    """
    Takes trigger messages in.

    Args:
        seal: encrypts what is kept of a message that makes no sense.
        read: reads a body; a large one may be read elsewhere, so that nobody waits for it.
    """

    def __init__(
        self, store: IntakeStore, *, seal: Seal, bell: Bell, telemetry: Telemetry, read: Read | None = None
    ) -> None:
        self._read = read or _read_here
        self._store = store
        self._seal = seal
        self._bell = bell
        self._telemetry = telemetry

    async def receive(self, auth_id: str, body: bytes) -> None:
        """
        Take in one message of one Lytics authorization; when this returns, it is durable.

        Raises:
            Unavailable: nothing was kept; Lytics must send it again.

        Idempotent: yes; the same message again changes nothing but the counts.
        """
        message = await self._read(body)
        intake = await self._store.take_in(
            auth_id,
            lambda jobs, now_ms: sort_message(message, jobs, auth_id=auth_id, received_ms=now_ms, seal=self._seal),
        )
        self._telemetry.took_in(intake)
        if any(share.events for share in intake.shares):
            self._bell.ring()


def sort_message(message: TriggerMessage, jobs: list[Job], *, auth_id: str, received_ms: int, seal: Seal) -> Intake:
    """
    Return what each of *jobs* makes of *message*, every event counted once for every job of its audience.

    Of what makes no sense, MOST_KEPT entries and MOST_KEPT_BYTES are kept.

    Args:
        jobs: the live jobs of the authorization that the message came in by.
        received_ms: when it came, in milliseconds since 1970.
    """
    shares = [_share_of(job, message, received_ms=received_ms) for job in jobs]
    unrouted = Counter(UNKNOWN_AUDIENCE for event in message.events if not any(_concerns(job, event) for job in jobs))
    strays = [item for item in message.unreadable if not any(_concerns(job, item) for job in jobs)]
    unrouted.update(f"unreadable_{item.reason}" for item in strays)
    return Intake(
        shares=tuple(share for share in shares if share is not None),
        unrouted=unrouted,
        unreadable=len(strays),
        kept=tuple(islice(_kept(message.unreadable, jobs, auth_id=auth_id, seal=seal), MOST_KEPT)),
    )


def _concerns(job: Job, told: AudienceEvent | UnreadableItem) -> bool:
    if told.audience_id:
        return told.audience_id == job.config.segment_id
    return bool(told.audience_slug) and told.audience_slug == job.audience_slug


def _share_of(job: Job, message: TriggerMessage, *, received_ms: int) -> JobIntake | None:
    ignored: Counter[str] = Counter()
    events: list[tuple[Observation, ...]] = []
    clamped, room = 0, MOST_OBSERVATIONS
    for event in message.events:
        if not _concerns(job, event):
            continue
        seen, was_clamped = observations_of_event(
            event, field=job.config.uid_field, received_ms=received_ms, lowercase=job.config.is_lowercasing
        )
        room -= len(seen)
        if seen and room >= 0:
            events.append(tuple(seen))
            clamped += was_clamped
        elif seen:
            ignored[TOO_MANY] += 1
        else:
            ignored[CHANGE if event.kind == "change" else NO_IDENTIFIER] += 1
    odd = sum(_concerns(job, item) for item in message.unreadable)
    if not (events or ignored or odd):
        return None
    return JobIntake(job=job, events=tuple(events), ignored=ignored, unreadable=odd, clamped=clamped)


def _kept(items: Iterable[UnreadableItem], jobs: list[Job], *, auth_id: str, seal: Seal) -> Iterator[Unreadable]:
    """Yield what may be kept of *items*, once for every job concerned; beyond the bytes, nothing of their bodies."""
    room = MOST_KEPT_BYTES
    for item in items:
        concerned: list[int | None] = [job.key for job in jobs if _concerns(job, item)]
        for job in concerned or [None]:
            body = item.excerpt[:room]
            room -= len(body)
            yield Unreadable(auth_id, item.reason, body_sealed=seal(body), body_bytes=len(body), job=job)
