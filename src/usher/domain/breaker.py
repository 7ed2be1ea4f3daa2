"""
When to stop trying one Mapp account, and when to try again.

    closed --many transient failures in a row--> open --its wait is over--> trial --accepted--> closed
                                                   ^-------- failed again, twice the wait --------'

During a trial exactly one request is alive.
"""

from dataclasses import dataclass, replace
from random import Random

FAILURES_IN_A_ROW = 8  # at 5 % random failures this happens once in 25 thousand million sends
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0
FIRST_PROBE_SECONDS = 30.0
LONGEST_PROBE_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Breaker:
    """*open_until* is a monotonic second, or None while closed; *waits* counts how often it opened in a row."""

    failures: int = 0
    waits: int = 0
    open_until: float | None = None

    @property
    def is_closed(self) -> bool:
        return self.open_until is None

    def allows(self, now: float, *, in_flight: int) -> bool:
        """Return whether one more request may be sent now."""
        if self.open_until is None:
            return True
        return now >= self.open_until and in_flight == 0

    def succeeded(self) -> "Breaker":
        """Any definite word from Mapp about a row ends the outage."""
        return Breaker()

    def failed(
        self, now: float, *, rng: Random, retry_after_seconds: float | None = None, sent_at: float | None = None
    ) -> "Breaker":
        """
        Count one transient failure; open, or stay open for longer, where there were too many.

        Args:
            sent_at: when the request that failed was sent, None for now. One sent before the wait was over is no
                trial, however late its failure comes.
        """
        failures = self.failures + 1
        if self.open_until is not None and (now if sent_at is None else sent_at) < self.open_until:
            return replace(self, failures=failures)
        if self.is_closed and failures < FAILURES_IN_A_ROW:
            return replace(self, failures=failures)
        wait = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(self.waits, 10))
        wait = max(wait * rng.uniform(0.5, 1.0), retry_after_seconds or 0.0)
        return Breaker(failures=failures, waits=self.waits + 1, open_until=now + wait)


def probe_wait_seconds(probes: int, *, rng: Random) -> float:
    """Return the wait before the next ping of an account whose credentials were refused: 30 s up to 15 min."""
    ceiling = min(LONGEST_PROBE_SECONDS, FIRST_PROBE_SECONDS * 2.0 ** min(probes, 10))
    return ceiling * rng.uniform(0.8, 1.0)
