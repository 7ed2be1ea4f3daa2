"""What one delivery attempt means for its row and for the job."""

from dataclasses import dataclass
from enum import StrEnum


class StopCause(StrEnum):
    """Why a job cannot go on until something outside it changes."""

    CREDENTIALS = "credentials"
    INTEGRATION = "integration"


@dataclass(frozen=True, slots=True)
class Accepted:
    """Mapp took it in; it will be applied."""


@dataclass(frozen=True, slots=True)
class RetryLater:
    """Mapp did not take it, certainly: send again after a backoff, or after what Mapp asked for."""

    reason: str
    retry_after_seconds: float | None = None
    is_throttle: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """Mapp will never take this row as it is: set it aside with Mapp's own words."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have been applied or may still be: nobody sends for this row until its claim runs out."""

    reason: str


@dataclass(frozen=True, slots=True)
class Late:
    """Nothing was taken because it came after the claim's room had ended: owed again at once, nobody's fault."""

    reason: str


@dataclass(frozen=True, slots=True)
class StopJob:
    """The fault lies with the authorization, not with the row: stop, burn no attempts, probe."""

    cause: StopCause
    reason: str


Outcome = Accepted | RetryLater | Rejected | Unknown | Late | StopJob
