"""
What the engine measures: counters and histograms in one registry, with no member in any label.

What must survive a restart is counted in the database; these are for watching.
"""

from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from usher import __version__
from usher.domain.intake import Intake
from usher.domain.outcome import Accepted, Late, Outcome, Rejected, RetryLater, StopJob, Unknown

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600)
NAMES = {
    Accepted: "accepted",
    RetryLater: "retry",
    Rejected: "rejected",
    Unknown: "unknown",
    Late: "late",
    StopJob: "stopped",
}
THROTTLED = "throttled"  # a retry for which Mapp asked to be spoken to more slowly
OUTCOMES = (*NAMES.values(), THROTTLED)


class Refusal(StrEnum):
    """Why a connection was refused, or ended for what its caller did; most of these reach no log."""

    FULL = "full"  # all places were taken by callers who wait for an answer
    DISPLACED = "displaced"  # it had asked nothing for longest when all places were taken
    HEAD_TOO_LARGE = "head_too_large"
    HEAD_TOO_SLOW = "head_too_slow"
    BODY_TOO_SLOW = "body_too_slow"  # what was left of it when the request was answered
    MALFORMED = "malformed"
    TOO_MANY_AHEAD = "too_many_ahead"
    ANSWER_NOT_TAKEN = "answer_not_taken"


class Telemetry:
    """One set of instruments for one service."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._events = Counter(
            "usher_trigger_events", "Trigger events taken in, by what became of them.", ["fate"], registry=self.registry
        )
        attempts = Counter(
            "usher_attempts", "Requests to Mapp, by what they meant.", ["outcome"], registry=self.registry
        )
        self._attempt_seconds = Histogram(
            "usher_attempt_seconds", "Time Mapp took to answer.", buckets=SECONDS, registry=self.registry
        )
        self._live_seconds = Histogram(
            "usher_trigger_to_accepted_seconds",
            "From the time in Lytics' trigger to Mapp's acceptance.",
            buckets=SECONDS,
            registry=self.registry,
        )
        self._in_flight = Gauge(
            "usher_requests_in_flight", "Requests to Mapp that are alive.", ["authorization"], registry=self.registry
        )
        self._rate = Gauge(
            "usher_pace_per_second",
            "Requests a second that are allowed; 0 where nothing limits them.",
            ["authorization"],
            registry=self.registry,
        )
        self._pages = Counter("usher_scan_pages", "Pages of Lytics' audiences read.", registry=self.registry)
        self.receiver = Counter(
            "usher_trigger_messages", "Trigger messages by the answer they got.", ["answer"], registry=self.registry
        )
        self._refused = Counter(
            "usher_refused_connections",
            "Connections that were refused or ended for what their callers did, by why.",
            ["reason"],
            registry=self.registry,
        )
        built = Gauge("usher_build_info", "Always 1; says which version runs.", ["version"], registry=self.registry)
        built.labels(__version__).set(1)
        self._attempts_by = {outcome: attempts.labels(outcome) for outcome in OUTCOMES}  # there from zero
        for reason in Refusal:
            self._refused.labels(reason)

    def took_in(self, intake: Intake) -> None:
        for share in intake.shares:
            self._events.labels("sorted").inc(len(share.events))
            self._events.labels("ignored").inc(sum(share.ignored.values()))
            self._events.labels("unreadable").inc(share.unreadable)
        for reason, count in intake.unrouted.items():
            self._events.labels(reason).inc(count)

    def attempted(self, outcome: Outcome, *, seconds: float) -> None:
        self._attempts_by[name_of(outcome)].inc()
        self._attempt_seconds.observe(seconds)

    def accepted_live(self, *, seconds: float) -> None:
        self._live_seconds.observe(max(0.0, seconds))

    def pace(self, auth_id: str, *, in_flight: int, per_second: float | None) -> None:
        self._in_flight.labels(auth_id).set(in_flight)
        self._rate.labels(auth_id).set(per_second or 0)

    def refused(self, reason: Refusal) -> None:
        self._refused.labels(reason).inc()

    def read_page(self) -> None:
        self._pages.inc()


def name_of(outcome: Outcome) -> str:
    """Return the label of *outcome*; one of OUTCOMES."""
    is_throttle = isinstance(outcome, RetryLater) and outcome.is_throttle
    return THROTTLED if is_throttle else NAMES[type(outcome)]
