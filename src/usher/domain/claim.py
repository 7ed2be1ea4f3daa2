"""A claimed row, and what came of sending it."""

from dataclasses import dataclass

from usher.domain.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Claim:
    """
    A row that this process alone may send, until its room ends.

    Args:
        token: the moment the claim wrote into due_at; a settle must name it.
        seq: the sequence that is being sent.
        attempts: known failures in a row so far.
        version: source time of the value, in nanoseconds.
        was_claimed: it was claimed before, so something may be written down of an earlier attempt.
        told, told_at_ms: the value that Mapp last accepted for this row, and when; None where there is none.
    """

    job: int
    member: str
    is_in: bool
    seq: int
    token: int
    attempts: int
    version: int
    lane: int
    was_claimed: bool
    told: bool | None
    told_at_ms: int | None

    @property
    def was_told(self) -> bool:
        return self.told is not None


@dataclass(frozen=True, slots=True)
class Settlement:
    """
    What one attempt meant, to be stored.

    Args:
        delay_ms: how long the row waits, where *outcome* means that it is owed still.
        is_failure: the row's own attempt failed (a throttle, a late send and a fault of the job are not its own).
        was_sent: a request was made; otherwise the row is only given back.
    """

    claim: Claim
    outcome: Outcome
    delay_ms: int = 0
    is_failure: bool = False
    was_sent: bool = True
